namespace Mewe.Equivalence.Proof.Product;

/// <summary>Both functions must get on: a cycle of the product in which only one of them moves would let one run for ever where the other does not.</summary>
internal sealed class Progress
{
    private readonly Dictionary<(int From, int To), (bool Original, bool Variant)> edges = [];

    public void Note(int from, int to, bool originalMoved, bool variantMoved)
    {
        var known = edges.GetValueOrDefault((from, to), (Original: true, Variant: true));
        edges[(from, to)] = (known.Original && originalMoved, known.Variant && variantMoved);
    }

    /// <summary>True where every cycle moves both sides.</summary>
    public bool IsMutual() => !HasCycle(static edge => !edge.Original) && !HasCycle(static edge => !edge.Variant);

    private bool HasCycle(Func<(bool Original, bool Variant), bool> chosen)
    {
        // Kahn: what remains when nodes without predecessors are taken away is on or behind a cycle.
        var successors = edges.Where(edge => chosen(edge.Value)).ToLookup(edge => edge.Key.From, edge => edge.Key.To);
        var degrees = new Dictionary<int, int>();
        foreach (var group in successors)
        {
            degrees.TryAdd(group.Key, 0);
            foreach (var to in group)
            {
                degrees[to] = degrees.GetValueOrDefault(to) + 1;
            }
        }

        var free = new Stack<int>(degrees.Where(pair => pair.Value == 0).Select(pair => pair.Key));
        var removed = 0;
        while (free.TryPop(out var node))
        {
            removed++;
            foreach (var to in successors[node])
            {
                if (--degrees[to] == 0)
                {
                    free.Push(to);
                }
            }
        }

        return removed < degrees.Count;
    }
}
