using Mewe.Wasm;

namespace Mewe.Linking;

/// <summary>Names for exports that instrumentation adds.</summary>
internal static class ExportNames
{
    /// <summary>The name itself, or where it is taken the first of name_2, name_3, ... that is not.</summary>
    public static string Unused(WasmModule module, string wanted)
    {
        var name = wanted;
        for (var i = 2; module.Exports.Any(export => export.Name == name); i++)
        {
            name = $"{wanted}_{i}";
        }

        return name;
    }
}
