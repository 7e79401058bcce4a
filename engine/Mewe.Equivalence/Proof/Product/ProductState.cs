using Mewe.Equivalence.Proof.Evaluation;
using Mewe.Equivalence.Proof.Terms;

namespace Mewe.Equivalence.Proof.Product;

/// <summary>One of the two functions.</summary>
internal enum Turn
{
    Original,
    Variant,
}

/// <summary>Original and variant side by side at a pair of stops, and what is known on the way there.</summary>
internal sealed class ProductState(Side original, Side variant, Facts facts)
{
    public Side Original { get; } = original;

    public Side Variant { get; } = variant;

    public Facts Facts { get; } = facts;

    /// <summary>The side that stood still in the last step, which is the one to move next; null where both moved.</summary>
    public Turn? Waited { get; set; }

    public (int Original, int Variant) Key => (Original.Position, Variant.Position);

    public ProductState Clone() => new(Original.Clone(), Variant.Clone(), Facts.Clone()) { Waited = Waited };

    /// <summary>All values in a fixed order: locals, stack and visible state of the original, then of the variant.</summary>
    public Term[] Values() => [.. Original.Locals, .. Original.Stack, .. Original.Visible, .. Variant.Locals, .. Variant.Stack, .. Variant.Visible];

    public bool HasPending => Original.Pending.Count > 0 || Variant.Pending.Count > 0;

    /// <summary>Removes from the front of both lists what both sides have checked at the same visible state.</summary>
    /// <param name="unify">Makes two terms one where they can be shown to be equal.</param>
    public void Settle(Func<ProductState, Term, Term, bool> unify)
    {
        var (left, right) = (Original.Pending, Variant.Pending);
        while (left.Count > 0 && right.Count > 0 && AreOne())
        {
            foreach (var (key, end) in left[0].Checks.ToArray())
            {
                if (right[0].Checks.TryGetValue(key, out var other))
                {
                    if (other <= end)
                    {
                        right[0].Checks.Remove(key);
                    }

                    if (end <= other)
                    {
                        left[0].Checks.Remove(key);
                    }
                }
            }

            var (leftDone, rightDone) = (left[0].Checks.Count == 0, right[0].Checks.Count == 0);
            if (leftDone)
            {
                left.RemoveAt(0);
            }

            if (rightDone)
            {
                right.RemoveAt(0);
            }

            if (!leftDone && !rightDone)
            {
                return;
            }
        }

        bool AreOne()
        {
            for (var i = 0; i < left[0].Visible.Length; i++)
            {
                if (!ReferenceEquals(left[0].Visible[i], right[0].Visible[i]) && !unify(this, left[0].Visible[i], right[0].Visible[i]))
                {
                    return false;
                }
            }

            return true;
        }
    }

    /// <summary>Puts a term in the place of another on the side of the variant.</summary>
    public void Unify(TermGraph graph, Term original, Term variant) => Variant.Map(graph, new Replacement(graph, variant, original).In);

    /// <summary>Adds that a condition has a value, and puts what that fixes into all values. False where no run gets here.</summary>
    public bool Assume(TermGraph graph, Term condition, bool value)
    {
        if (!Facts.Assume(condition, value))
        {
            return false;
        }

        return Fix(graph, Facts.FixedBy(condition).ToList());
    }

    public bool Restrict(TermGraph graph, Term term, ulong low, ulong high)
    {
        if (!Facts.Restrict(term, low, high))
        {
            return false;
        }

        return low != high || !term.IsAtom || Fix(graph, [(term, graph.Constant(term.Width, low))]);
    }

    /// <summary>Puts known values into everything, the facts included. False where these contradict each other then.</summary>
    private bool Fix(TermGraph graph, IReadOnlyList<(Term From, Term To)> values)
    {
        var consistent = true;
        foreach (var (from, to) in values)
        {
            var replacement = new Replacement(graph, from, to);
            Original.Map(graph, replacement.In);
            Variant.Map(graph, replacement.In);
            consistent &= Facts.Put(replacement.In);
        }

        return consistent;
    }

    public bool IsSame(ProductState other) => Waited == other.Waited && Values().AsSpan().SequenceEqual(other.Values()) && Facts.IsSame(other.Facts)
        && IsSame(Original, other.Original) && IsSame(Variant, other.Variant);

    private static bool IsSame(Side left, Side right) => IsSame(left.Passed, right.Passed) && left.Pending.Count == right.Pending.Count
        && left.Pending.Zip(right.Pending).All(pair => pair.First.Visible.AsSpan().SequenceEqual(pair.Second.Visible) && IsSame(pair.First.Checks, pair.Second.Checks));

    private static bool IsSame(Dictionary<Term, UInt128> left, Dictionary<Term, UInt128> right) =>
        left.Count == right.Count && left.All(pair => right.TryGetValue(pair.Key, out var end) && end == pair.Value);
}
