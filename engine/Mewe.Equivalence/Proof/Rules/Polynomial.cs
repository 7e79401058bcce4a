using System.Text;

namespace Mewe.Equivalence.Proof.Rules;

/// <summary>A product of conjunctions. A conjunction is a set of atoms (bit i for atom i) and means their bitwise and; factors are sorted.</summary>
internal readonly struct Monomial : IEquatable<Monomial>, IComparable<Monomial>
{
    private readonly UInt128[] factors;

    private Monomial(UInt128[] factors) => this.factors = factors;

    public static Monomial One { get; } = new([]);

    public IReadOnlyList<UInt128> Factors => factors;

    public int Degree => factors.Length;

    public static Monomial Of(IEnumerable<UInt128> factors)
    {
        var sorted = factors.ToArray();
        Array.Sort(sorted);
        return new Monomial(sorted);
    }

    public bool Equals(Monomial other) => factors.AsSpan().SequenceEqual(other.factors);

    public override bool Equals(object? other) => other is Monomial monomial && Equals(monomial);

    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (var factor in factors)
        {
            hash.Add(factor);
        }

        return hash.ToHashCode();
    }

    public int CompareTo(Monomial other)
    {
        var byDegree = Degree.CompareTo(other.Degree);
        for (var i = 0; byDegree == 0 && i < Degree; i++)
        {
            byDegree = factors[i].CompareTo(other.Factors[i]);
        }

        return byDegree;
    }
}

/// <summary>A sum of monomials with coefficients modulo 2^width, none of which is zero.</summary>
internal sealed class Polynomial(int width)
{
    private readonly Dictionary<Monomial, UInt128> coefficients = [];

    public int Width => width;

    public IReadOnlyDictionary<Monomial, UInt128> Terms => coefficients;

    public bool IsZero => coefficients.Count == 0;

    /// <summary>At most one factor per monomial: a linear mixed boolean-arithmetic expression.</summary>
    public bool IsLinear => coefficients.Keys.All(static monomial => monomial.Degree <= 1);

    public static Polynomial Constant(UInt128 value, int width) => new Polynomial(width).Add(Monomial.One, value);

    /// <summary>Adds to this polynomial; only for one that nobody else has seen yet.</summary>
    public Polynomial Add(Monomial monomial, UInt128 coefficient)
    {
        var sum = (coefficients.GetValueOrDefault(monomial) + coefficient) & BitTerm.Mask(width);
        if (sum == 0)
        {
            coefficients.Remove(monomial);
        }
        else
        {
            coefficients[monomial] = sum;
        }

        return this;
    }

    public Polynomial Plus(Polynomial other, UInt128 factor)
    {
        var sum = new Polynomial(width);
        foreach (var (monomial, coefficient) in coefficients)
        {
            sum.coefficients.Add(monomial, coefficient);
        }

        foreach (var (monomial, coefficient) in other.coefficients)
        {
            sum.Add(monomial, coefficient * factor);
        }

        return sum;
    }

    public Polynomial Times(UInt128 factor) => new Polynomial(width).Plus(this, factor);

    /// <summary>The value, where this is a constant.</summary>
    public UInt128? AsConstant() => coefficients.Count == 0 ? UInt128.Zero
        : coefficients.Count == 1 && coefficients.TryGetValue(Monomial.One, out var value) ? value : null;

    /// <summary>The same text for the same polynomial over the same atoms.</summary>
    public override string ToString()
    {
        var text = new StringBuilder().Append(width).Append(':');
        foreach (var (monomial, coefficient) in coefficients.OrderBy(static pair => pair.Key))
        {
            text.Append('+').Append(coefficient.ToString("x"));
            foreach (var factor in monomial.Factors)
            {
                text.Append('*').Append(factor.ToString("x"));
            }
        }

        return text.ToString();
    }
}
