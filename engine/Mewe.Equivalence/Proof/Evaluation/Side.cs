using Mewe.Equivalence.Proof.Terms;

namespace Mewe.Equivalence.Proof.Evaluation;

/// <summary>
/// Checks that trap where they fail and that the other side has not made yet, all made at one visible state. A key is a condition (width 1) that traps where it is 1, or a
/// bounds check, whose number is the highest end of an access.
/// </summary>
internal sealed record CheckGroup(Term[] Visible, Dictionary<Term, UInt128> Checks)
{
    public CheckGroup Copy() => new(Visible, new Dictionary<Term, UInt128>(Checks));
}

/// <summary>The symbolic state of one of the two functions at a position.</summary>
internal sealed class Side
{
    public required int Position { get; set; }

    public required Term[] Locals { get; init; }

    public required List<Term> Stack { get; init; }

    /// <summary>Mutable globals, memories and their sizes, as the <see cref="StateLayout"/> orders them: what others can see.</summary>
    public required Term[] Visible { get; set; }

    /// <summary>Checks that have been made and that the other side still has to make, in their order.</summary>
    public required List<CheckGroup> Pending { get; init; }

    /// <summary>Checks that have been passed on the way here: they need not be made again.</summary>
    public required Dictionary<Term, UInt128> Passed { get; init; }

    public Side Clone() => new()
    {
        Position = Position,
        Locals = [.. Locals],
        Stack = [.. Stack],
        Visible = Visible,
        Pending = [.. Pending.Select(group => group.Copy())],
        Passed = new Dictionary<Term, UInt128>(Passed),
    };

    public void Push(Term term) => Stack.Add(term);

    public Term Pop()
    {
        var term = Stack[^1];
        Stack.RemoveAt(Stack.Count - 1);
        return term;
    }

    /// <summary>The topmost values, the last one on top.</summary>
    public Term[] PopMany(int count)
    {
        var values = Stack.GetRange(Stack.Count - count, count).ToArray();
        Stack.RemoveRange(Stack.Count - count, count);
        return values;
    }

    public void SetVisible(int slot, Term term)
    {
        // Check groups hold on to the array.
        Visible = [.. Visible];
        Visible[slot] = term;
    }

    public void Goto(FlatTarget target)
    {
        var kept = target.Keep;
        Stack.RemoveRange(target.Height, Stack.Count - kept - target.Height);
        Position = target.Position;
    }

    /// <summary>Every term of the state replaced.</summary>
    public void Map(TermGraph graph, Func<Term, Term> map)
    {
        Apply(Locals, map);
        for (var i = 0; i < Stack.Count; i++)
        {
            Stack[i] = map(Stack[i]);
        }

        var visible = (Term[])Visible.Clone();
        Apply(visible, map);
        Visible = visible;
        for (var i = 0; i < Pending.Count; i++)
        {
            var state = (Term[])Pending[i].Visible.Clone();
            Apply(state, map);
            Pending[i] = new CheckGroup(state, Mapped(graph, Pending[i].Checks, map));
        }

        var passed = Mapped(graph, Passed, map);
        Passed.Clear();
        foreach (var (key, end) in passed)
        {
            Passed.Add(key, end);
        }
    }

    private static void Apply(Term[] terms, Func<Term, Term> map)
    {
        for (var i = 0; i < terms.Length; i++)
        {
            terms[i] = map(terms[i]);
        }
    }

    private static Dictionary<Term, UInt128> Mapped(TermGraph graph, Dictionary<Term, UInt128> checks, Func<Term, Term> map)
    {
        var mapped = new Dictionary<Term, UInt128>(checks.Count);
        foreach (var (key, end) in checks)
        {
            var (image, distance) = (map(key), end);
            if (!ReferenceEquals(image, key) && image.Code == ProofOperation.Bounds)
            {
                (image, distance) = graph.Bounds(image.Value, image.Children[0], image.Children[1], end);
            }

            mapped[image] = UInt128.Max(distance, mapped.GetValueOrDefault(image));
        }

        return mapped;
    }
}
