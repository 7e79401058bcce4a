namespace Mewe.Equivalence.Proof.Terms;

/// <summary>
/// Polynomials modulo 8, evaluated at all values of their factors: squares are 0, 1 or 4, of two neighbours one is even, and so on. The factors count as free
/// variables, which gives more values than can occur: what holds for all of them holds.
/// </summary>
internal static class Residues
{
    private const int MostVariables = 3;

    /// <summary>True only if no values of the factors make the sum zero modulo 2^w.</summary>
    public static bool NeverZero(Term sum)
    {
        if (Values(sum) is not { } values)
        {
            return false;
        }

        var low = sum.Mask & 7;
        foreach (var value in values)
        {
            if ((value & low) == 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The bits of a sum of at most three bits that are the same for all values, and what they are; null where none is known.</summary>
    public static (ulong Known, ulong Value)? KnownBits(Term sum)
    {
        if (sum.Width > 3 || Values(sum) is not { } values)
        {
            return null;
        }

        var (ones, zeros) = (sum.Mask, sum.Mask);
        foreach (var value in values)
        {
            ones &= value;
            zeros &= ~value;
        }

        return (ones | zeros) == 0 ? null : (ones | zeros, ones);
    }

    private static List<ulong>? Values(Term sum)
    {
        var variables = new List<Term>();
        var monomials = Monomial.Of(sum).ToArray();
        foreach (var monomial in monomials)
        {
            foreach (var factor in monomial.Factors)
            {
                if (!variables.Contains(factor) && !IsMultipleOfEight(factor))
                {
                    variables.Add(factor);
                }
            }
        }

        if (variables.Count > MostVariables)
        {
            return null;
        }

        var values = new List<ulong>(1 << (3 * variables.Count));
        for (var assignment = 0; assignment < 1 << (3 * variables.Count); assignment++)
        {
            var total = sum.Numbers[0];
            foreach (var monomial in monomials)
            {
                var product = monomial.Coefficient;
                foreach (var factor in monomial.Factors)
                {
                    product *= IsMultipleOfEight(factor) ? 0 : (ulong)(assignment >> (3 * variables.IndexOf(factor))) & 7;
                }

                total += product;
            }

            values.Add(total);
        }

        return values;
    }

    private static bool IsMultipleOfEight(Term factor) => factor.Kind == TermKind.Bits && System.Numerics.BitOperations.TrailingZeroCount(factor.Value) + factor.Code >= 3;
}
