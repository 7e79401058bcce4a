using Mewe.Equivalence.Proof.Terms;

namespace Mewe.Equivalence.Proof.Evaluation;

/// <summary>What is known on a path: which conditions hold, and between which bounds terms lie (unsigned). Immutable but for <see cref="Assume"/> on a fresh copy.</summary>
internal sealed class Facts(TermGraph graph)
{
    private readonly Dictionary<Term, bool> literals = [];
    private readonly Dictionary<Term, (ulong Low, ulong High)> ranges = [];

    public IEnumerable<KeyValuePair<Term, bool>> Literals => literals;

    public IEnumerable<KeyValuePair<Term, (ulong Low, ulong High)>> Ranges => ranges;

    public Facts Clone()
    {
        var copy = new Facts(graph);
        foreach (var (term, value) in literals)
        {
            copy.literals.Add(term, value);
        }

        foreach (var (term, range) in ranges)
        {
            copy.ranges.Add(term, range);
        }

        return copy;
    }

    /// <summary>The value of a condition (width 1) where the facts settle it.</summary>
    public bool? Decide(Term condition)
    {
        if (condition.IsConstant)
        {
            return condition.Value == 1;
        }

        if (TermGraph.IsNegated(condition))
        {
            return !Decide(graph.Not(condition));
        }

        if (literals.TryGetValue(condition, out var known))
        {
            return known;
        }

        if (condition.Kind == TermKind.IsZero && Split(condition.Children[0]) is var (term, value) && ranges.TryGetValue(term, out var range))
        {
            return value < range.Low || value > range.High ? false : range.Low == range.High ? true : null;
        }

        if (condition.Kind == TermKind.Below && condition.Children[1].IsConstant && ranges.TryGetValue(condition.Children[0], out range))
        {
            var limit = condition.Children[1].Value;
            return range.High < limit ? true : range.Low >= limit ? false : null;
        }

        return null;
    }

    /// <summary>Adds that a condition has a value. False where that contradicts what is known: no run takes this path.</summary>
    public bool Assume(Term condition, bool value)
    {
        if (Decide(condition) is { } known)
        {
            return known == value;
        }

        if (TermGraph.IsNegated(condition))
        {
            return Assume(graph.Not(condition), !value);
        }

        literals[condition] = value;
        if (condition.Kind == TermKind.IsZero && Split(condition.Children[0]) is var (term, point))
        {
            var (low, high) = RangeOf(term);
            return value ? Restrict(term, point, point) : Restrict(term, low == point ? low + 1 : low, high == point ? high - 1 : high);
        }

        if (condition.Kind == TermKind.Below && condition.Children[1].IsConstant)
        {
            var limit = condition.Children[1].Value;
            return value ? Restrict(condition.Children[0], 0, limit - 1) : Restrict(condition.Children[0], limit, ulong.MaxValue);
        }

        return true;
    }

    /// <summary>Adds that a term lies between two bounds, both included.</summary>
    public bool Restrict(Term term, ulong low, ulong high)
    {
        var (oldLow, oldHigh) = RangeOf(term);
        var range = (Low: Math.Max(low, oldLow), High: Math.Min(high, oldHigh));
        ranges[term] = range;
        return range.Low <= range.High;
    }

    public (ulong Low, ulong High) RangeOf(Term term) => ranges.TryGetValue(term, out var range) ? range : (0, term.Mask);

    /// <summary>What a condition that has just been assumed fixes: itself, and an atom to whose range it leaves one value.</summary>
    public IEnumerable<(Term From, Term To)> FixedBy(Term condition)
    {
        condition = TermGraph.IsNegated(condition) ? graph.Not(condition) : condition;
        if (literals.TryGetValue(condition, out var value))
        {
            yield return (condition, value ? graph.True : graph.False);
        }

        var term = condition.Kind == TermKind.Below ? condition.Children[0] : condition.Kind == TermKind.IsZero ? Split(condition.Children[0])?.Term : null;
        if (term is { IsAtom: true } && ranges.TryGetValue(term, out var range) && range.Low == range.High)
        {
            yield return (term, graph.Constant(term.Width, range.Low));
        }
    }

    /// <summary>Adds what the facts say once known values are put into them. False where that is a contradiction.</summary>
    public bool Put(Func<Term, Term> map)
    {
        foreach (var (condition, value) in literals.ToArray())
        {
            var image = map(condition);
            if (!ReferenceEquals(image, condition) && !image.IsConstant && !Assume(image, value))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>A term after everything that the path fixes has been put into it.</summary>
    public Term Apply(Term term)
    {
        foreach (var (from, value) in literals)
        {
            if (Replacement.MayChange(term, from))
            {
                term = new Replacement(graph, from, value ? graph.True : graph.False).In(term);
            }
        }

        foreach (var (from, range) in ranges)
        {
            if (range.Low == range.High && from.IsAtom && Replacement.MayChange(term, from))
            {
                term = new Replacement(graph, from, graph.Constant(from.Width, range.Low)).In(term);
            }
        }

        return term;
    }

    /// <summary>What holds on both paths.</summary>
    public static Facts Meet(TermGraph graph, IReadOnlyList<Facts> paths, Func<Term, bool> isStale)
    {
        var meet = new Facts(graph);
        foreach (var (term, value) in paths[0].literals)
        {
            if (!isStale(term) && paths.All(path => path.literals.TryGetValue(term, out var other) && other == value))
            {
                meet.literals.Add(term, value);
            }
        }

        foreach (var (term, _) in paths[0].ranges)
        {
            if (!isStale(term) && paths.All(path => path.ranges.ContainsKey(term)))
            {
                meet.ranges.Add(term, (paths.Min(path => path.ranges[term].Low), paths.Max(path => path.ranges[term].High)));
            }
        }

        return meet;
    }

    public bool IsSame(Facts other) => literals.Count == other.literals.Count && ranges.Count == other.ranges.Count
        && literals.All(pair => other.literals.TryGetValue(pair.Key, out var value) && value == pair.Value)
        && ranges.All(pair => other.ranges.TryGetValue(pair.Key, out var range) && range == pair.Value);

    /// <summary>A sum that is zero where a term has a value: x - 5 where x is 5.</summary>
    private (Term Term, ulong Value)? Split(Term sum)
    {
        if (sum.Width > 64)
        {
            return null;
        }

        if (sum.Kind != TermKind.Sum || sum.Numbers[0] == 0)
        {
            return (sum, 0);
        }

        return (graph.Subtract(sum, graph.Constant(sum.Width, sum.Numbers[0])), (0 - sum.Numbers[0]) & sum.Mask);
    }
}
