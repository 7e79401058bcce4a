namespace Mewe.Diversify.Terms;

/// <summary>
/// How often the nodes of graphs were used by earlier candidates of one function, so that extraction can prefer what was not. Keyed by the graph's content, since graphs
/// are shared between functions and may be built again. Not for several threads.
/// </summary>
public sealed class TermUsage
{
    private readonly Dictionary<UInt128, int[]> counts = [];

    /// <summary>Counts by node id, to be read and changed.</summary>
    internal int[] Of(TermGraph graph)
    {
        if (!counts.TryGetValue(graph.Identity, out var found))
        {
            counts.Add(graph.Identity, found = new int[graph.NodeCount]);
        }

        return found;
    }
}
