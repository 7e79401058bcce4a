namespace Mewe.Diversify.Terms;

/// <summary>Applications of rules: what each matched and what it made, so that the equality can be explained. A union's reason is the position here.</summary>
internal sealed class ApplicationLog
{
    private readonly List<(Rewrite Rewrite, int Start)> entries;
    private readonly List<short> ids;

    public ApplicationLog()
        : this([], [])
    {
    }

    private ApplicationLog(List<(Rewrite, int)> entries, List<short> ids) => (this.entries, this.ids) = (entries, ids);

    public int Count => entries.Count;

    public Entry this[int index] => new(entries[index].Rewrite, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(ids)[entries[index].Start..]);

    /// <param name="matched">Node ids in the order of the program's nodes and constants, then what each variable was bound to.</param>
    /// <param name="made">Node ids of the right side, operands first.</param>
    public void Add(Rewrite rewrite, ReadOnlySpan<int> matched, ReadOnlySpan<int> made)
    {
        entries.Add((rewrite, ids.Count));
        foreach (var id in matched)
        {
            ids.Add((short)id);
        }

        foreach (var id in made)
        {
            ids.Add((short)id);
        }
    }

    public void Clear()
    {
        entries.Clear();
        ids.Clear();
    }

    public ApplicationLog Copy() => new([.. entries], [.. ids]);

    /// <summary>One application.</summary>
    public readonly ref struct Entry(Rewrite rewrite, ReadOnlySpan<short> ids)
    {
        private readonly ReadOnlySpan<short> ids = ids;

        public Rewrite Rewrite { get; } = rewrite;

        public ReadOnlySpan<short> Matched => ids;

        public ReadOnlySpan<short> Variables => ids[Rewrite.MatchedNodes..];

        public ReadOnlySpan<short> Made => ids[(Rewrite.MatchedNodes + Rewrite.Rule.VariableTypes.Length)..];
    }
}
