using Mewe.Linking.Custom;
using Mewe.Wasm;

namespace Mewe.Grains;

/// <summary>What people call the functions of a module: the name section's name, else an export's, else an import's, else <c>func[12]</c>.</summary>
public sealed class FunctionNames
{
    private readonly NameSectionRewriter? names;
    private readonly Dictionary<uint, string> others = [];

    public FunctionNames(WasmModule module)
    {
        if (module.CustomSections.FirstOrDefault(section => section.Name == "name") is { } section)
        {
            names = NameSectionRewriter.TryRead(section.Bytes);
        }

        foreach (var export in module.Exports.Where(export => export.Kind == ExternKind.Function))
        {
            others.TryAdd(export.Index, export.Name);
        }

        uint index = 0;
        foreach (var import in module.Imports.Where(import => import.Type is FunctionExtern))
        {
            others.TryAdd(index++, $"{import.Module}.{import.Name}");
        }
    }

    public string Of(uint function) => names?.FunctionName(function) ?? others.GetValueOrDefault(function) ?? $"func[{function}]";
}
