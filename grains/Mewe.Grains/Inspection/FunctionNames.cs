using System.Globalization;
using Mewe.Wasm;
using Mewe.Wasm.Names;

namespace Mewe.Grains;

/// <summary>What people call the functions of a module: the name section's name, else an export's, else an import's, else <c>func[12]</c>.</summary>
public sealed class FunctionNames
{
    private readonly NameSection? names;
    private readonly Dictionary<uint, string> others = [];
    private readonly int count;

    public FunctionNames(WasmModule module)
    {
        // A name section that is malformed is as good as none: names decide nothing.
        names = NameSection.Of(module, out _);
        count = module.FunctionCount;
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

    public string Of(uint function) => names?.Functions[function] ?? others.GetValueOrDefault(function) ?? $"func[{function}]";

    /// <summary>The functions that a user can mean: that with this index, or all with this name.</summary>
    public IReadOnlyList<uint> Find(string indexOrName) =>
        uint.TryParse(indexOrName, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            ? index < count ? [index] : []
            : [.. Enumerable.Range(0, count).Select(i => (uint)i).Where(i => Of(i) == indexOrName)];
}
