using System.Globalization;
using System.Text;

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

    /// <summary>Identifier, if any, and number of the block that will be opened next.</summary>
    public (string? Name, int Number) Next() => (labelNames.GetValueOrDefault((uint)blocks), blocks + 1);

    public void Open() => labels.Add((++blocks, labelNames.GetValueOrDefault((uint)blocks - 1)));

    public void Close()
    {
        if (labels.Count > 0)
        {
            labels.RemoveAt(labels.Count - 1);
        }
    }

    public void AppendLocal(StringBuilder text, uint local)
    {
        if (Locals.TryGetValue(local, out var name))
        {
            text.Append(name);
        }
        else
        {
            text.Append(local);
        }
    }

    /// <summary>How a branch names its target: by identifier, or by depth with the number of the block as a comment.</summary>
    public void AppendLabel(StringBuilder text, uint depth)
    {
        if (depth >= (uint)labels.Count)
        {
            text.Append(depth);
            return;
        }

        var (number, name) = labels[labels.Count - 1 - (int)depth];
        if (name is null)
        {
            text.Append(CultureInfo.InvariantCulture, $"{depth} (;@{number};)");
        }
        else
        {
            text.Append(name);
        }
    }
}
