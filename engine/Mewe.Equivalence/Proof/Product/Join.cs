using Mewe.Equivalence.Proof.Evaluation;
using Mewe.Equivalence.Proof.Terms;

namespace Mewe.Equivalence.Proof.Product;

/// <summary>
/// One state for several paths that come to the same pair of stops. Values of both sides that are equal on every path become the same symbol: value numbering over the product
/// of the two programs (Alpern, Wegman, Zadeck, POPL 1988), which at loops is the search for an invariant. Nothing is guessed that the paths do not all confirm.
/// </summary>
internal sealed class Join
{
    private const int DeepestRelation = 24, LargestGeneralized = 4000;

    private readonly TermGraph graph;
    private readonly int point;
    private readonly bool isCut;
    private readonly IReadOnlyList<ProductState> paths;
    private readonly Func<int[], ulong> vectorName;
    private readonly Comparison comparison;
    private readonly Dictionary<ulong, (Term[] Values, Term Merged)> bySignature = [];
    private readonly Dictionary<int[], Term> classes = new(Vector.Instance);
    private readonly Dictionary<Term, (Term[] Values, Term Symbol)> byDifference = [];
    private readonly Dictionary<Term, (Term[] Values, Term Symbol)> byMask = [];
    private readonly Staleness staleness;
    private readonly (Term Condition, bool OnFirst)? decision;
    private readonly HashSet<(int[] Key, int Symbols)> tried = new(TriedVector.Instance);
    private ulong slot;
    private int symbolCount, depth;

    /// <param name="point">Names the symbols that are made here.</param>
    /// <param name="isCut">True where a path may come back to here.</param>
    /// <param name="vectorName">A number for each list of term numbers, the same for the same list.</param>
    public Join(TermGraph graph, int point, bool isCut, IReadOnlyList<ProductState> paths, Comparison comparison, Func<int[], ulong> vectorName)
    {
        (this.graph, this.point, this.isCut, this.paths, this.comparison, this.vectorName) = (graph, point, isCut, paths, comparison, vectorName);
        staleness = new Staleness(point);
        decision = paths.Count == 2 ? Decision() : null;
    }

    /// <summary>The joined state; null where the checks that wait on the paths do not correspond.</summary>
    public ProductState? TryMake()
    {
        var values = paths.Select(path => path.Values()).ToArray();
        var merged = new Term[values[0].Length];
        var first = paths[0];
        var originals = first.Original.Locals.Length + first.Original.Stack.Count + first.Original.Visible.Length;
        for (slot = 0; slot < (ulong)merged.Length; slot++)
        {
            merged[slot] = Merge([.. values.Select(path => path[slot])], isVariant: (int)slot >= originals);
        }

        var at = 0;
        if (Side(path => path.Original, Take(merged, ref at, first.Original)) is not { } original
            || Side(path => path.Variant, Take(merged, ref at, first.Variant)) is not { } variant)
        {
            return null;
        }

        return new ProductState(original, variant, Facts.Meet(graph, [.. paths.Select(path => path.Facts)], IsStale))
        {
            Waited = paths.All(path => path.Waited == first.Waited) ? first.Waited : null,
        };
    }

    private static (Term[] Locals, List<Term> Stack, Term[] Visible) Take(Term[] merged, ref int at, Side side)
    {
        var locals = merged[at..(at += side.Locals.Length)];
        var stack = merged[at..(at += side.Stack.Count)].ToList();
        return (locals, stack, merged[at..(at += side.Visible.Length)]);
    }

    private Side? Side(Func<ProductState, Side> choose, (Term[] Locals, List<Term> Stack, Term[] Visible) values)
    {
        var sides = paths.Select(choose).ToArray();
        var passed = new Dictionary<Term, UInt128>();
        foreach (var (key, _) in sides[0].Passed)
        {
            if (!IsStale(key) && sides.All(side => side.Passed.ContainsKey(key)))
            {
                passed.Add(key, sides.Min(side => side.Passed[key]));
            }
        }

        var pending = new List<CheckGroup>();
        for (var i = 0; i < sides[0].Pending.Count; i++)
        {
            if (sides.Any(side => side.Pending.Count != sides[0].Pending.Count) || Group([.. sides.Select(side => side.Pending[i])]) is not { } group)
            {
                return null;
            }

            pending.Add(group);
        }

        return sides.Any(side => side.Pending.Count != pending.Count) ? null : new Side
        {
            Position = sides[0].Position,
            Locals = values.Locals,
            Stack = values.Stack,
            Visible = values.Visible,
            Pending = pending,
            Passed = passed,
        };
    }

    private CheckGroup? Group(CheckGroup[] groups)
    {
        var visible = new Term[groups[0].Visible.Length];
        for (var i = 0; i < visible.Length; i++, slot++)
        {
            visible[i] = Merge([.. groups.Select(group => group.Visible[i])], isVariant: true);
        }

        // Checks correspond by their age.
        var keys = groups.Select(group => group.Checks.Keys.OrderBy(key => key.Id).ToArray()).ToArray();
        var checks = new Dictionary<Term, UInt128>();
        for (var i = 0; i < keys[0].Length; i++)
        {
            if (keys.Any(list => list.Length != keys[0].Length) || groups.Select((group, k) => group.Checks[keys[k][i]]).Distinct().Count() != 1)
            {
                return null;
            }

            if (MergeCheck([.. keys.Select(list => list[i])]) is not { } key)
            {
                return null;
            }

            var end = groups[0].Checks[keys[0][i]];
            if (key.Code == ProofOperation.Bounds)
            {
                (key, end) = graph.Bounds(key.Value, key.Children[0], key.Children[1], end);
            }

            if (!checks.TryAdd(key, end))
            {
                return null;
            }
        }

        return keys.Any(list => list.Length != keys[0].Length) ? null : new CheckGroup(visible, checks);
    }

    /// <summary>Checks of the same kind: their operands are merged.</summary>
    private Term? MergeCheck(Term[] vector)
    {
        var first = vector[0];
        if (vector.All(term => ReferenceEquals(term, first)) && !IsStale(first))
        {
            return first;
        }

        if (vector.Any(term => term.Kind != first.Kind || term.Code != first.Code || term.Value != first.Value || term.Width != first.Width
            || term.Children.Length != first.Children.Length || term.Kind is TermKind.Sum or TermKind.Bits or TermKind.Parity))
        {
            return null;
        }

        if (Structured(vector, Known) is { } structured)
        {
            return structured;
        }

        var children = new Term[first.Children.Length];
        for (var i = 0; i < children.Length; i++, slot++)
        {
            children[i] = Merge([.. vector.Select(term => term.Children[i])], isVariant: true);
        }

        return graph.Rebuild(first, children);
    }

    private Term Merge(Term[] vector, bool isVariant)
    {
        if (Uniform(vector) is { } same)
        {
            if (!isVariant)
            {
                Sign(vector, same);
            }

            return same;
        }

        var key = Key(vector);
        if (classes.TryGetValue(key, out var known))
        {
            return known;
        }

        var merged = Generalized(vector) ?? Decided(vector) ?? (isVariant ? Related(vector) ?? Swept(vector) : null)
            ?? (isCut ? null : Structured(vector, part => Merge(part, isVariant))) ?? Symbol(vector, slot);
        classes[key] = merged;
        if (!isVariant)
        {
            Sign(vector, merged);
        }

        return merged;
    }

    private void Sign(Term[] vector, Term merged)
    {
        if (vector[0].Width is > 1 and <= 64 && !merged.IsConstant)
        {
            bySignature.TryAdd(comparison.Signature(vector), (vector, merged));
        }
    }

    /// <summary>A value of the variant that looks like one of the original on every path, and that the solver finds equal to it on every path.</summary>
    private Term? Swept(Term[] vector)
    {
        if (vector[0].Width is <= 1 or > 64 || !bySignature.TryGetValue(comparison.Signature(vector), out var match) || match.Merged.Width != vector[0].Width)
        {
            return null;
        }

        for (var i = 0; i < vector.Length; i++)
        {
            if (!comparison.AreEqual(vector[i], match.Values[i], paths[i].Facts))
            {
                return null;
            }
        }

        return match.Merged;
    }

    private static int[] Key(Term[] vector) => [.. vector.Select(term => term.Id)];

    private Term? Uniform(Term[] vector) => Array.TrueForAll(vector, term => ReferenceEquals(term, vector[0])) && !IsStale(vector[0]) ? vector[0] : null;

    /// <summary>A term of one path that, with what the other paths know, is the value there, too.</summary>
    private Term? Generalized(Term[] vector)
    {
        if (vector[0].Width is 0 or > 64)
        {
            return null;
        }

        foreach (var candidate in vector.Distinct().OrderByDescending(term => term.Size))
        {
            if (candidate.IsConstant || IsStale(candidate))
            {
                continue;
            }

            var fits = true;
            for (var i = 0; i < vector.Length && fits; i++)
            {
                fits = ReferenceEquals(vector[i], candidate) || (candidate.Size < LargestGeneralized && ReferenceEquals(paths[i].Facts.Apply(candidate), vector[i]));
            }

            if (fits)
            {
                return candidate;
            }
        }

        return null;
    }

    /// <summary>Two constants, one where a condition holds and one where it does not.</summary>
    private Term? Decided(Term[] vector) =>
        decision is var (condition, onFirst) && vector[0].IsConstant && vector[1].IsConstant && !IsStale(condition)
            ? graph.Choice(condition, onFirst ? vector[0] : vector[1], onFirst ? vector[1] : vector[0])
            : null;

    private (Term, bool)? Decision()
    {
        foreach (var (condition, value) in paths[0].Facts.Literals)
        {
            if (paths[1].Facts.Literals.Any(other => ReferenceEquals(other.Key, condition) && other.Value != value))
            {
                return (condition, value);
            }
        }

        return null;
    }

    /// <summary>A value of the variant that is a value of the original and a constant, or two such values side by side: locals that are masked, shifted, widened or packed.</summary>
    private Term? Related(Term[] vector)
    {
        var width = vector[0].Width;
        if (width is 0 or 1 or > 64)
        {
            return Structured(vector, Known);
        }

        if (vector.Length > 1 && Offset(vector) is { } related)
        {
            return related;
        }

        if (width == 64)
        {
            Term[] low = [.. vector.Select(term => graph.Truncate(term, 32))], high = [.. vector.Select(term => graph.Truncate(graph.ShiftRight(term, 32), 32))];
            var (lowKnown, highKnown) = (Known(low), Known(high));
            if (lowKnown is not null || highKnown is not null)
            {
                var sum = new SumBuilder(graph, 64);
                sum.Add(1, lowKnown ?? Symbol(low, (1UL << 32) + slot));
                sum.Add(1UL << 32, highKnown ?? Symbol(high, (2UL << 32) + slot));
                return sum.Finish();
            }
        }

        return Structured(vector, Known);
    }

    /// <summary>
    /// A value that on every path is the same term away from what a symbol stands for there: v - s, v ^ s or v + s is the same. Symbols are found by how they differ between
    /// the first two paths.
    /// </summary>
    private Term? Offset(Term[] vector)
    {
        var difference = graph.Subtract(vector[0], vector[1]);
        return Find(difference, graph.Subtract, graph.Add)
            ?? Find(graph.Subtract(vector[1], vector[0]), graph.Add, (symbol, sum) => graph.Subtract(sum, symbol))
            ?? Find(graph.Xor(vector[0], vector[1]), graph.Xor, graph.Xor, isMask: true);

        Term? Find(Term key, Func<Term, Term, Term> compare, Func<Term, Term, Term> back, bool isMask = false)
        {
            if (!(isMask ? byMask : byDifference).TryGetValue(key, out var known))
            {
                return null;
            }

            var first = compare(vector[0], known.Values[0]);
            if (first.Size > Math.Max(vector[0].Size, known.Values[0].Size) || IsStale(first))
            {
                return null;
            }

            for (var i = 1; i < vector.Length; i++)
            {
                if (!ReferenceEquals(compare(vector[i], known.Values[i]), first))
                {
                    return null;
                }
            }

            return back(known.Symbol, first);
        }
    }

    /// <summary>The same operation on every path: the operation on what its operands become.</summary>
    private Term? Structured(Term[] vector, Func<Term[], Term?> merge)
    {
        var first = vector[0];
        if (first.Kind is TermKind.Symbol or TermKind.Constant or TermKind.Parity || first.Children.Length == 0 || first.Size > LargestGeneralized
            || vector.Any(term => term.Kind != first.Kind || term.Width != first.Width || term.Code != first.Code || term.Value != first.Value
                || !term.Numbers.AsSpan().SequenceEqual(first.Numbers) || term.Children.Length != first.Children.Length || !Shapes(term).SequenceEqual(Shapes(first))))
        {
            return null;
        }

        var children = new Term[first.Children.Length];
        for (var i = 0; i < children.Length; i++)
        {
            if (merge([.. vector.Select(term => term.Children[i])]) is not { } child)
            {
                return null;
            }

            children[i] = child;
        }

        var merged = graph.Rebuild(first, children);
        return IsStale(merged) ? null : merged;

        static IEnumerable<int> Shapes(Term term) => term.Children.Select(child => child.Width);
    }

    private Term? Known(Term[] vector)
    {
        if (Uniform(vector) is { } same)
        {
            return same;
        }

        var key = Key(vector);
        if (classes.TryGetValue(key, out var known))
        {
            return known;
        }

        // What has been tried, or is being tried further up, is not tried again.
        if (depth == DeepestRelation || !tried.Add((key, symbolCount)))
        {
            return null;
        }

        depth++;
        var related = Related(vector);
        depth--;
        if (related is not null)
        {
            classes.Add(key, related);
        }

        return related;
    }

    private Term Symbol(Term[] vector, ulong name)
    {
        var width = vector[0].Width;
        var narrow = NarrowWidth(vector, width);
        var symbol = graph.Symbol(narrow, point, isCut ? name : (1UL << 40) + vectorName(Key(vector)));
        symbol = narrow < width ? graph.ZeroExtend(symbol, width) : symbol;
        symbolCount++;
        if (vector.Length > 1 && width is > 1 and <= 64)
        {
            byDifference.TryAdd(graph.Subtract(vector[0], vector[1]), (vector, symbol));
            byMask.TryAdd(graph.Xor(vector[0], vector[1]), (vector, symbol));
            if (width == 64)
            {
                Term[] low = [.. vector.Select(term => graph.Truncate(term, 32))];
                byDifference.TryAdd(graph.Subtract(low[0], low[1]), (low, graph.Truncate(symbol, 32)));
            }
        }

        return symbol;
    }

    /// <summary>Values that are all small are a small unknown. Behind a join to which a path comes back only truth values are kept apart: bounds that grow would be found one by one.</summary>
    private int NarrowWidth(Term[] vector, int width)
    {
        if (width is < 2 or > 64)
        {
            return width;
        }

        var bound = vector.Max(graph.Bound);
        return bound <= 1 ? 1 : isCut || bound > uint.MaxValue || (width == 32 && bound > ushort.MaxValue) ? width : bound <= byte.MaxValue ? 8 : bound <= ushort.MaxValue ? 16 : 32;
    }

    /// <summary>True for what speaks of an earlier visit of this point: its symbols mean something else from now on.</summary>
    private bool IsStale(Term term) => staleness.IsIn(term);

    private sealed class TriedVector : IEqualityComparer<(int[] Key, int Symbols)>
    {
        public static readonly TriedVector Instance = new();

        public bool Equals((int[] Key, int Symbols) left, (int[] Key, int Symbols) right) => left.Symbols == right.Symbols && Vector.Instance.Equals(left.Key, right.Key);

        public int GetHashCode((int[] Key, int Symbols) tried) => Vector.Instance.GetHashCode(tried.Key) ^ tried.Symbols;
    }

    private sealed class Vector : IEqualityComparer<int[]>
    {
        public static readonly Vector Instance = new();

        public bool Equals(int[]? left, int[]? right) => left.AsSpan().SequenceEqual(right);

        public int GetHashCode(int[] vector)
        {
            var hash = new HashCode();
            foreach (var id in vector)
            {
                hash.Add(id);
            }

            return hash.ToHashCode();
        }
    }
}
