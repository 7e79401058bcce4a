namespace Mewe.Equivalence.Proof.Rules;

/// <content>
/// A product with an odd number is zero exactly where the other factor is. So is a permutation polynomial without a constant term (Rivest 2001): x (2 a x + b) with an odd b, for one.
/// </content>
internal sealed partial class NormalForm
{
    private const int MaxDivisionSteps = 200;
    private readonly HashSet<string> oddVariables;
    private readonly List<Polynomial> zeroTested = [];

    /// <summary>Whether a polynomial is zero, as one bit.</summary>
    private Polynomial IsZero(Polynomial polynomial)
    {
        polynomial = Settled(polynomial);
        var rest = polynomial.Terms.Where(static pair => pair.Key.Degree > 0).ToList();
        if (rest is [({ Degree: 1 } monomial, var coefficient)] && bits.TryGetValue(monomial.Factors[0], out var bit))
        {
            // A multiple of a bit, with or without a constant.
            var constant = polynomial.Terms.GetValueOrDefault(Monomial.One);
            return constant == 0 ? new Polynomial(1).Plus(bit, UInt128.One).Add(Monomial.One, UInt128.One)
                : ((constant + coefficient) & BitTerm.Mask(polynomial.Width)) == 0 ? bit : new Polynomial(1);
        }

        return Single(Atom($"zero({UpToUnits(polynomial)})", null), 1);
    }

    /// <summary>What is zero exactly where a polynomial is, and the same for polynomials that differ by an odd factor, as far as we can tell.</summary>
    private Polynomial UpToUnits(Polynomial polynomial)
    {
        polynomial = WithoutOddFactors(polynomial);
        foreach (var earlier in zeroTested)
        {
            if (IsOddMultiple(polynomial, earlier) || IsOddMultiple(earlier, polynomial))
            {
                return earlier;
            }
        }

        zeroTested.Add(polynomial);
        return polynomial;
    }

    private bool IsOddMultiple(Polynomial product, Polynomial factor)
    {
        if (product.Width != factor.Width || product.IsZero || factor.IsZero || Quotient(product, factor) is not { } quotient)
        {
            return false;
        }

        // However it was found: it counts only if it multiplies back.
        return IsOdd(quotient) && Settled(Product(factor, quotient).Plus(product, UInt128.MaxValue)).IsZero;
    }

    /// <summary>Long division by a polynomial whose leading coefficient is odd; null where it leaves a rest.</summary>
    private Polynomial? Quotient(Polynomial product, Polynomial factor)
    {
        var (leading, coefficient) = factor.Terms.MaxBy(static pair => pair.Key);
        if (UInt128.IsEvenInteger(coefficient))
        {
            return null;
        }

        var quotient = new Polynomial(product.Width);
        var rest = product;
        for (var step = 0; !rest.IsZero; step++)
        {
            var (monomial, value) = rest.Terms.MaxBy(static pair => pair.Key);
            var factors = monomial.Factors.ToList();
            if (step == MaxDivisionSteps || !leading.Factors.All(factors.Remove))
            {
                return null;
            }

            var next = new Polynomial(product.Width).Add(Monomial.Of(factors), value * BitTermEvaluator.Inverse(coefficient));
            quotient = quotient.Plus(next, UInt128.One);
            rest = rest.Plus(Product(factor, next), UInt128.MaxValue);
        }

        return quotient;
    }

    /// <summary>True if the polynomial is odd for all values: of its terms with odd coefficients each is a product of odd numbers, and there is an odd number of them.</summary>
    private bool IsOdd(Polynomial polynomial)
    {
        var odd = polynomial.Terms.Where(static pair => UInt128.IsOddInteger(pair.Value)).Select(static pair => pair.Key).ToList();
        return odd.Count % 2 == 1 && odd.TrueForAll(monomial => monomial.Factors.All(factor => UInt128.PopCount(factor) == 1 && oddVariables.Contains(AtomAt(factor).Key)));
    }

    /// <summary>The polynomial without odd constants that all of it is a multiple of.</summary>
    private Polynomial WithoutOddFactors(Polynomial polynomial)
    {
        polynomial = Settled(polynomial);
        foreach (var atom in polynomial.Terms.Keys.FirstOrDefault(Monomial.One).Factors)
        {
            if (UInt128.PopCount(atom) == 1 && oddVariables.Contains(AtomAt(atom).Key) && polynomial.Terms.Keys.All(monomial => monomial.Factors.Contains(atom)))
            {
                var divided = new Polynomial(polynomial.Width);
                foreach (var (monomial, coefficient) in polynomial.Terms)
                {
                    divided.Add(Monomial.Of(Without(monomial, atom)), coefficient);
                }

                return WithoutOddFactors(divided);
            }
        }

        if (polynomial.IsZero)
        {
            return polynomial;
        }

        var leading = polynomial.Terms.MaxBy(static pair => pair.Key).Value;
        return polynomial.Times(BitTermEvaluator.Inverse(leading >> (int)UInt128.TrailingZeroCount(leading)));
    }
}
