using System.Globalization;

namespace Mewe.Wasm.Text;

/// <summary>What is named inside of one function while it is printed: locals, and the labels of the blocks that are open.</summary>
internal sealed class WatScope
{
    private readonly IReadOnlyDictionary<uint, string> labelNames;
    private readonly List<(int Number, string? Name)> labels = [];
    private int blocks;

    public WatScope(WatNames names, uint function)
    {
        Locals = names.Locals(function);
        labelNames = names.Labels(function);
    }

    private WatScope()
    {
        Locals = new Dictionary<uint, string>();
        labelNames = Locals;
    }

    /// <summary>A constant expression has neither locals nor names.</summary>
    public static WatScope Empty() => new();

    public IReadOnlyDictionary<uint, string> Locals { get; }

    public int Depth => labels.Count;

    public string Local(uint local) => Locals.GetValueOrDefault(local) ?? local.ToString(CultureInfo.InvariantCulture);

    /// <summary>Opens a block and gives its identifier, if any, and its number.</summary>
    public (string? Name, int Number) Open()
    {
        var name = labelNames.GetValueOrDefault((uint)blocks);
        labels.Add((++blocks, name));
        return (name, blocks);
    }

    public void Close()
    {
        if (labels.Count > 0)
        {
            labels.RemoveAt(labels.Count - 1);
        }
    }

    /// <summary>How a branch names its target: by identifier, or by depth with the number of the block as a comment.</summary>
    public string Label(uint depth)
    {
        if (depth >= (uint)labels.Count)
        {
            return depth.ToString(CultureInfo.InvariantCulture);
        }

        var (number, name) = labels[labels.Count - 1 - (int)depth];
        return name ?? string.Create(CultureInfo.InvariantCulture, $"{depth} (;@{number};)");
    }
}
