namespace Mewe.Equivalence.Proof.Rules;

/// <summary>
/// A function from bits to a bit, as a sum of integer multiples of conjunctions of atoms (its Moebius transform); the empty conjunction is 1. Applied to every bit position of words,
/// it is the same sum of conjunctions of words, with the empty one all ones, that is -1: that is what makes mixed boolean-arithmetic decidable by its values on 0 and 1 (Zhou et al.
/// 2007; Reichenwallner and Meerwald-Stadler, SiMBA, 2022).
/// </summary>
internal sealed class BitwiseFunction
{
    private const int MaxTerms = 256;
    private readonly Dictionary<UInt128, long> coefficients = [];

    public IReadOnlyDictionary<UInt128, long> Terms => coefficients;

    public bool IsTooLarge => coefficients.Count > MaxTerms;

    public static BitwiseFunction Atom(UInt128 conjunction) => new BitwiseFunction().Add(conjunction, 1);

    public static BitwiseFunction Constant(bool set) => set ? Atom(0) : new BitwiseFunction();

    public BitwiseFunction Not() => Constant(true).Plus(this, -1);

    public BitwiseFunction And(BitwiseFunction other)
    {
        var product = new BitwiseFunction();
        foreach (var (left, a) in coefficients)
        {
            foreach (var (right, b) in other.coefficients)
            {
                product.Add(left | right, a * b);
            }
        }

        return product;
    }

    public BitwiseFunction Or(BitwiseFunction other) => Plus(other, 1).Plus(And(other), -1);

    public BitwiseFunction Xor(BitwiseFunction other) => Plus(other, 1).Plus(And(other), -2);

    /// <summary>The function with something else in the place of its atoms; null where an atom has nothing, or there are too many terms.</summary>
    public BitwiseFunction? OfAtoms(Func<UInt128, BitwiseFunction?> atoms)
    {
        var sum = new BitwiseFunction();
        foreach (var (conjunction, coefficient) in coefficients)
        {
            var product = Constant(true);
            for (var left = conjunction; left != 0; left &= left - 1)
            {
                if (product.IsTooLarge || atoms(left & (0 - left)) is not { } next)
                {
                    return null;
                }

                product = product.And(next);
            }

            sum = sum.Plus(product, coefficient);
        }

        return sum;
    }

    /// <summary>
    /// The bitwise function that equals a linear polynomial for all words, or null if none does: there is one iff the polynomial is 0 or 1 (modulo 2^width, with the empty conjunction
    /// as 1) on all assignments of bits.
    /// </summary>
    public static BitwiseFunction? Of(Polynomial polynomial, int maxAtoms = 6)
    {
        if (!polynomial.IsLinear)
        {
            return null;
        }

        UInt128 all = 0;
        foreach (var monomial in polynomial.Terms.Keys)
        {
            all |= monomial.Degree == 1 ? monomial.Factors[0] : 0;
        }

        var count = (int)UInt128.PopCount(all);
        if (count > maxAtoms)
        {
            return null;
        }

        var mask = BitTerm.Mask(polynomial.Width);
        var values = new long[1 << count];
        for (var row = 0; row < values.Length; row++)
        {
            var assignment = Spread(row, all);
            UInt128 sum = 0;
            foreach (var (monomial, coefficient) in polynomial.Terms)
            {
                sum += monomial.Degree == 0 ? 0 - coefficient : (monomial.Factors[0] & ~assignment) == 0 ? coefficient : 0;
            }

            if ((sum & mask) > 1)
            {
                return null;
            }

            values[row] = (long)(sum & mask);
        }

        for (var bit = 1; bit < values.Length; bit <<= 1)
        {
            for (var row = 0; row < values.Length; row++)
            {
                values[row] -= (row & bit) != 0 ? values[row ^ bit] : 0;
            }
        }

        var function = new BitwiseFunction();
        for (var row = 0; row < values.Length; row++)
        {
            function.Add(Spread(row, all), values[row]);
        }

        return function;
    }

    /// <summary>The bits of a number, moved to the places of the bits of a set.</summary>
    private static UInt128 Spread(int row, UInt128 places)
    {
        UInt128 result = 0;
        for (; places != 0; places &= places - 1, row >>= 1)
        {
            result |= (row & 1) != 0 ? places & (0 - places) : 0;
        }

        return result;
    }

    private BitwiseFunction Add(UInt128 conjunction, long coefficient)
    {
        var sum = coefficients.GetValueOrDefault(conjunction) + coefficient;
        if (sum == 0)
        {
            coefficients.Remove(conjunction);
        }
        else
        {
            coefficients[conjunction] = sum;
        }

        return this;
    }

    private BitwiseFunction Plus(BitwiseFunction other, long factor)
    {
        var sum = new BitwiseFunction();
        foreach (var (conjunction, coefficient) in coefficients)
        {
            sum.Add(conjunction, coefficient);
        }

        foreach (var (conjunction, coefficient) in other.coefficients)
        {
            sum.Add(conjunction, coefficient * factor);
        }

        return sum;
    }
}
