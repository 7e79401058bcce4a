namespace Mewe.Equivalence.Proof.Terms;

/// <summary>
/// Makes terms, each structure once, in a normal form that is the same for as many equal values as can be had quickly: linear mixed boolean-arithmetic over any terms
/// (<see cref="SumBuilder"/>, <see cref="BitForm"/>), products of it, shifts and extensions by constants, comparisons and accesses to memory. What the normal form does not
/// settle is left to a solver. One graph serves one proof, so that what is proved depends on the two functions alone.
/// </summary>
/// <remarks>
/// Every function of this class promises: the term that it gives has, for all values of the symbols, the value that its documentation says. This is what all proofs rest on.
/// </remarks>
internal sealed partial class TermGraph
{
    private readonly HashSet<Term> terms = new(Structure.Instance);
    private readonly Term[] smallConstants = new Term[65];

    private readonly long fuel;
    private readonly CancellationToken cancellation;

    /// <param name="fuel">Times that a term may be asked for; one more ends the proof (<see cref="OutOfFuelException"/>).</param>
    /// <param name="cancellation">Ends the proof without a result.</param>
    public TermGraph(long fuel = long.MaxValue, CancellationToken cancellation = default)
    {
        (this.fuel, this.cancellation) = (fuel, cancellation);
        False = Constant(1, 0);
        True = Constant(1, 1);
    }

    public Term False { get; }

    public Term True { get; }

    public int Count => terms.Count;

    /// <summary>Terms that were asked for, those included that were there, long ones several times: a measure of the work that does not depend on the machine.</summary>
    public long Work { get; private set; }

    public Term Constant(int width, ulong value)
    {
        value &= Term.MaskOf(width);
        if (value != 0)
        {
            return Intern(TermKind.Constant, width, 0, value, [], []);
        }

        return smallConstants[width] ??= Intern(TermKind.Constant, width, 0, 0, [], []);
    }

    /// <summary>An unknown that a program point defines; the same arguments give the same symbol.</summary>
    public Term Symbol(int width, int point, ulong name) => Intern(TermKind.Symbol, width, point, name, [], []);

    /// <summary>A deterministic function of its operands that nothing else is known of.</summary>
    public Term Operation(int width, int code, ulong immediate, params Term[] operands) => Intern(TermKind.Operation, width, code, immediate, operands, []);

    public Term Operation(int width, int code, ulong immediate, ulong[] numbers, params Term[] operands) =>
        Intern(TermKind.Operation, width, code, immediate, operands, numbers);

    /// <summary><paramref name="then"/> where the condition (width 1) is 1, else <paramref name="otherwise"/>.</summary>
    public Term Choice(Term condition, Term then, Term otherwise)
    {
        if (condition.IsConstant)
        {
            return condition.Value == 1 ? then : otherwise;
        }

        if (ReferenceEquals(then, otherwise))
        {
            return then;
        }

        if (IsNegated(condition))
        {
            return Choice(Not(condition), otherwise, then);
        }

        if (then.Width is > 0 and <= 64 && then.IsConstant && otherwise.IsConstant)
        {
            // Two constants: base + difference * condition.
            var sum = new SumBuilder(this, then.Width);
            sum.Add(1, otherwise);
            sum.Add(then.Value - otherwise.Value, condition);
            return sum.Finish();
        }

        if (then.Width == 1)
        {
            return Xor(otherwise, And(condition, Xor(then, otherwise)));
        }

        return Intern(TermKind.Choice, then.Width, 0, 0, [condition, Assume(then, condition, true), Assume(otherwise, condition, false)], []);
    }

    private Term Assume(Term term, Term condition, bool value) =>
        term.Kind == TermKind.Choice && ReferenceEquals(term.Children[0], condition) ? term.Children[value ? 1 : 2] : term;

    /// <summary>True for one plus something, at width 1.</summary>
    public static bool IsNegated(Term condition) => condition.Kind is (TermKind.Sum or TermKind.Parity) && condition.Numbers[0] == 1;

    internal Term Intern(TermKind kind, int width, int code, ulong value, Term[] children, ulong[] numbers)
    {
        // Long forms are sorted, hashed and copied for every operation on them: a term costs what it is long.
        Work += 1 + ((children.Length + numbers.Length) >> 5);
        if (Work > fuel)
        {
            throw new OutOfFuelException();
        }

        cancellation.ThrowIfCancellationRequested();
        var hash = new HashCode();
        hash.Add(((int)kind << 20) ^ (width << 12) ^ code);
        hash.Add(value);
        foreach (var child in children)
        {
            hash.Add(child.Id);
        }

        foreach (var number in numbers)
        {
            hash.Add(number);
        }

        var term = new Term(terms.Count, kind, width, code, value, children, numbers, hash.ToHashCode());
        if (terms.TryGetValue(term, out var known))
        {
            return known;
        }

        terms.Add(term);
        return term;
    }

    private sealed class Structure : IEqualityComparer<Term>
    {
        public static readonly Structure Instance = new();

        public bool Equals(Term? left, Term? right) => ReferenceEquals(left, right)
            || (left is not null && right is not null && left.Hash == right.Hash && left.Kind == right.Kind && left.Width == right.Width && left.Code == right.Code
                && left.Value == right.Value && left.Children.AsSpan().SequenceEqual(right.Children) && left.Numbers.AsSpan().SequenceEqual(right.Numbers));

        public int GetHashCode(Term term) => term.Hash;
    }
}

/// <summary>A proof has done as much work as it may.</summary>
internal sealed class OutOfFuelException : Exception;
