namespace Mewe.Equivalence.Proof.Rules;

/// <summary>
/// Terms as polynomials over conjunctions of atoms, modulo 2^width. Two terms with the same normal form are equal for all values of their variables; for linear mixed boolean-arithmetic
/// without constants inside a bitwise part the reverse holds too (see <see cref="BitwiseFunction"/>), and a product of such parts is expanded like any polynomial (after GAMBA,
/// Reichenwallner and Meerwald-Stadler 2023). An atom is a variable, a number inside a bitwise operation, or a term that nothing is known about but the normal form of its operands.
/// A few laws are built in: rotations are rotations to the left; counts of shifts matter modulo the width; a remainder is what division leaves; a choice is a sum with a product by a bit;
/// truncation goes through everything but division and shifts to the right.
/// One instance for the terms that are compared; not thread safe.
/// </summary>
internal sealed partial class NormalForm
{
    private const int MaxAtoms = 128;
    private const int MaxTerms = 2000;
    private readonly List<(string Key, BitTerm? Origin)> atoms = [];
    private readonly Dictionary<string, int> atomOf = [];
    private readonly Dictionary<BitTerm, Polynomial> known = new(ReferenceEqualityComparer.Instance);
    private readonly List<(UInt128 A, UInt128 B)> inverses = [];
    private readonly HashSet<UInt128> zeros = [];
    private readonly Dictionary<UInt128, Polynomial> bits = [];
    private bool overflowed;

    /// <param name="odd">Variables that are odd.</param>
    public NormalForm(IEnumerable<string>? odd = null) => oddVariables = [.. odd ?? []];

    /// <summary>From now on the product of the two, which must be variables, is 1.</summary>
    public void AssumeInverse(BitTerm a, BitTerm b) => inverses.Add((Atom(a.Name, a), Atom(b.Name, b)));

    /// <summary>From now on a term is zero; used where its normal form is a single conjunction.</summary>
    public void AssumeZero(BitTerm term)
    {
        if (Of(term).Terms is { Count: 1 } terms && terms.First() is { Key.Degree: 1 } only && UInt128.IsOddInteger(only.Value))
        {
            zeros.Add(only.Key.Factors[0]);
            known.Clear();
        }
    }

    /// <summary>True if the normal forms are equal, and so the terms for all values. False says nothing.</summary>
    public bool AreEqual(BitTerm a, BitTerm b)
    {
        var difference = Of(a).Plus(Of(b), UInt128.MaxValue);
        return Settled(difference).IsZero && !overflowed;
    }

    /// <summary>True if both terms are linear mixed boolean-arithmetic over variables: then <see cref="AreEqual"/> decides.</summary>
    public bool AreLinear(BitTerm a, BitTerm b) => Of(a).IsLinear && Of(b).IsLinear
        && atoms.All(static atom => atom.Origin is { Operation: BitOperation.Variable });

    public Polynomial Of(BitTerm term)
    {
        if (!known.TryGetValue(term, out var result))
        {
            result = Compute(term);
            known.Add(term, result);
        }

        return result;
    }

    private Polynomial Compute(BitTerm term)
    {
        var width = term.Width;
        Polynomial Operand(int index) => Of(term.Operands[index]);
        switch (term.Operation)
        {
            case BitOperation.Constant:
                return Polynomial.Constant(term.Value, width);
            case BitOperation.Variable:
                return Single(Atom(term.Name, term), width);
            case BitOperation.Add:
                return Operand(0).Plus(Operand(1), UInt128.One);
            case BitOperation.Subtract:
                return Operand(0).Plus(Operand(1), UInt128.MaxValue);
            case BitOperation.Not:
                return Polynomial.Constant(UInt128.MaxValue, width).Plus(Operand(0), UInt128.MaxValue);
            case BitOperation.Multiply:
                return Product(Operand(0), Operand(1));
            case BitOperation.And or BitOperation.Or or BitOperation.Xor:
                return FromBits(Bits(term), width);
            case BitOperation.ShiftLeft:
                return term.Operands[1].IsConstant
                    ? Operand(0).Times(UInt128.One << (int)(term.Operands[1].Value % (UInt128)width))
                    : Product(Operand(0), Single(PowerOfTwo(width, Operand(1)), width));
            case BitOperation.ShiftRight or BitOperation.ShiftRightSigned or BitOperation.RotateLeft or BitOperation.RotateRight:
                return Shift(term, Operand(0), Operand(1));
            case BitOperation.Divide when term.Operands[1] is { IsConstant: true } divisor && UInt128.IsPow2(divisor.Value):
                return Of(BitTerm.Of(BitOperation.ShiftRight, term.Operands[0], BitTerm.Number(UInt128.Log2(divisor.Value), width)));
            case BitOperation.Remainder or BitOperation.RemainderSigned:
                var divides = term.Operation == BitOperation.Remainder ? BitOperation.Divide : BitOperation.DivideSigned;
                var quotient = BitTerm.Of(divides, term.Operands[0], term.Operands[1]);
                return Operand(0).Plus(Product(Operand(1), Of(quotient)), UInt128.MaxValue);
            case BitOperation.Ones:
                return Ones(term);
            case BitOperation.Equal:
                return IsZero(Operand(0).Plus(Operand(1), UInt128.MaxValue));
            case BitOperation.Choose:
                return Operand(2).Plus(Product(Operand(1).Plus(Operand(2), UInt128.MaxValue), Bit(Operand(0), width)), UInt128.One);
            case BitOperation.ExtendZero when term.Operands[0].Width == 1:
                return Bit(Operand(0), width);
            case BitOperation.ExtendSign when term.Operands[0].Width == 1:
                return Bit(Operand(0), width).Times(UInt128.MaxValue);
            case BitOperation.Extract when term.Low == 0:
                return Truncated(Operand(0), width);
            default:
                return Opaque(term);
        }
    }

    private Polynomial Opaque(BitTerm term) =>
        Single(Atom($"{term.Operation}:{term.Width}.{term.Low}({string.Join(',', term.Operands.Select(Key))})", term), term.Width);

    private string Key(BitTerm term) => Settled(Of(term)).ToString();

    /// <summary>The number of set bits is additive over conjunctions; of all ones it is the width.</summary>
    private Polynomial Ones(BitTerm term)
    {
        if (Bits(term.Operands[0]) is not { } function)
        {
            return Opaque(term);
        }

        var sum = new Polynomial(term.Width);
        foreach (var (conjunction, coefficient) in function.Terms)
        {
            var monomial = conjunction == 0 ? Monomial.One : Monomial.Of([Atom($"ones:{term.Width}({conjunction:x})", null)]);
            sum.Add(monomial, (UInt128)(Int128)coefficient * (conjunction == 0 ? (UInt128)term.Width : UInt128.One));
        }

        return sum;
    }

    /// <summary>A bit, given modulo 2, as the number 0 or 1.</summary>
    private Polynomial Bit(Polynomial bit, int width)
    {
        if (bit.AsConstant() is { } value)
        {
            return Polynomial.Constant(value, width);
        }

        if (bit.Terms.ContainsKey(Monomial.One))
        {
            var flipped = new Polynomial(1).Plus(bit, UInt128.One).Add(Monomial.One, UInt128.One);
            return Polynomial.Constant(UInt128.One, width).Plus(Bit(flipped, width), UInt128.MaxValue);
        }

        var atom = Atom($"bit:{width}({Settled(bit)})", null);
        bits[atom] = bit;
        return Single(atom, width);
    }

    /// <summary>A term as a function of the bits of atoms; one that is none becomes an atom, or the complement of one. Null where there would be too many terms.</summary>
    private BitwiseFunction? Bits(BitTerm term)
    {
        BitwiseFunction? function = null;
        switch (term.Operation)
        {
            case BitOperation.Constant when term.Value == 0 || term.Value == BitTerm.Mask(term.Width):
                return BitwiseFunction.Constant(term.Value != 0);
            case BitOperation.Constant:
                // Of a number and its complement the smaller is the atom.
                var complement = BitTerm.Number(~term.Value, term.Width);
                return complement.Value < term.Value ? BitwiseFunction.Atom(NumberAtom(complement)).Not() : BitwiseFunction.Atom(NumberAtom(term));
            case BitOperation.Not:
                function = Bits(term.Operands[0])?.Not();
                break;
            case BitOperation.And or BitOperation.Or or BitOperation.Xor:
                if (Bits(term.Operands[0]) is not { } left || Bits(term.Operands[1]) is not { } right)
                {
                    return null;
                }

                function = term.Operation == BitOperation.And ? left.And(right) : term.Operation == BitOperation.Or ? left.Or(right) : left.Xor(right);
                break;
            default:
                var polynomial = Settled(Of(term));
                return BitwiseFunction.Of(polynomial) ?? ShiftedLeft(polynomial) ?? Word(polynomial, term);
        }

        return function is { IsTooLarge: false } ? function : null;
    }

    /// <summary>An arithmetic term inside a bitwise one: an atom, the same for a sum and for its complement.</summary>
    private BitwiseFunction Word(Polynomial polynomial, BitTerm term)
    {
        var complement = Polynomial.Constant(UInt128.MaxValue, term.Width).Plus(polynomial, UInt128.MaxValue);
        var (key, other) = (polynomial.ToString(), complement.ToString());
        return string.CompareOrdinal(key, other) <= 0 ? BitwiseFunction.Atom(Atom($"word({key})", term)) : BitwiseFunction.Atom(Atom($"word({other})", ~term)).Not();
    }

    private Polynomial FromBits(BitwiseFunction? function, int width)
    {
        if (function is null)
        {
            overflowed = true;
            return new Polynomial(width);
        }

        var sum = new Polynomial(width);
        foreach (var (conjunction, coefficient) in function.Terms)
        {
            var (number, rest) = SplitNumbers(conjunction, width);
            var factor = (UInt128)(Int128)coefficient;
            if (rest == 0)
            {
                sum.Add(Monomial.One, factor * number);
            }
            else if (number != 0)
            {
                var set = number == BitTerm.Mask(width) ? rest : rest | NumberAtom(BitTerm.Number(number, width));
                sum = zeros.Contains(set) ? sum : sum.Plus(WordOf(set, width), factor);
            }
        }

        return sum;
    }

    /// <summary>A conjunction as a polynomial: of a single arithmetic term that term itself.</summary>
    private Polynomial WordOf(UInt128 set, int width) => Unshifted(set) is var (bases, power) ? Product(Single(power, width), FromBits(BitwiseFunction.Atom(bases), width))
        : UInt128.PopCount(set) == 1 && AtomAt(set) is ({ } key, { } origin) && key.StartsWith("word(", StringComparison.Ordinal)
        ? Of(origin) : Single(set, width);

    /// <summary>The numbers of a conjunction, joined; all ones where there is none.</summary>
    private (UInt128 Number, UInt128 Others) SplitNumbers(UInt128 conjunction, int width)
    {
        var (number, rest) = (BitTerm.Mask(width), conjunction);
        for (var left = conjunction; left != 0; left &= left - 1)
        {
            var lowest = left & (0 - left);
            if (AtomAt(lowest).Origin is { IsConstant: true } constant)
            {
                (number, rest) = (number & constant.Value, rest ^ lowest);
            }
        }

        return (number, rest);
    }

    /// <summary>The polynomial modulo 2^width: truncation goes through sums, products and conjunctions to the atoms.</summary>
    private Polynomial Truncated(Polynomial polynomial, int width)
    {
        var sum = new Polynomial(width);
        foreach (var (monomial, coefficient) in Settled(polynomial).Terms)
        {
            var product = Polynomial.Constant(coefficient, width);
            foreach (var conjunction in monomial.Factors)
            {
                BitwiseFunction? function = BitwiseFunction.Constant(true);
                for (var left = conjunction; left != 0 && function is not null; left &= left - 1)
                {
                    function = TruncatedAtom(left & (0 - left), width) is { } next ? function.And(next) : null;
                }

                product = Product(product, FromBits(function, width));
            }

            sum = sum.Plus(product, UInt128.One);
        }

        return sum;
    }

    private BitwiseFunction? TruncatedAtom(UInt128 atom, int width)
    {
        var (key, origin) = AtomAt(atom);
        switch (origin)
        {
            case { IsConstant: true }:
                return Bits(BitTerm.Number(origin.Value, width));
            case { Operation: BitOperation.ExtendSign or BitOperation.ExtendZero } when origin.Operands[0].Width >= width:
                return Bits(origin.Operands[0].Extract(0, width));
            // Division gives the same number at any width that holds its operands; by zero it traps first.
            case { Operation: BitOperation.Divide } when Widened(origin, BitOperation.ExtendZero, width) is var (a, b):
                return Bits(BitTerm.Of(BitOperation.Divide, a, b));
            case { Operation: BitOperation.DivideSigned } when Widened(origin, BitOperation.ExtendSign, width) is var (a, b):
                return Bits(BitTerm.Of(BitOperation.DivideSigned, a, b));
            default:
                return BitwiseFunction.Atom(Atom($"low:{width}({key})", null));
        }
    }

    private static (BitTerm A, BitTerm B)? Widened(BitTerm division, BitOperation extension, int width) =>
        division.Operands.All(operand => operand.Operation == extension && operand.Operands[0].Width == width)
            ? (division.Operands[0].Operands[0], division.Operands[1].Operands[0]) : null;

    private Polynomial Product(Polynomial a, Polynomial b)
    {
        var product = new Polynomial(a.Width);
        if (a.Terms.Count * b.Terms.Count > MaxTerms)
        {
            overflowed = true;
            return product;
        }

        foreach (var (left, x) in a.Terms)
        {
            foreach (var (right, y) in b.Terms)
            {
                if (Joined(left, right) is { } monomial)
                {
                    product.Add(monomial, x * y);
                }
            }
        }

        return product;
    }

    /// <summary>The product of two monomials with inverses cancelled and powers of bits taken down; null for zero.</summary>
    private Monomial? Joined(Monomial a, Monomial b)
    {
        var factors = a.Factors.Concat(b.Factors).ToList();
        if (factors.Exists(zeros.Contains))
        {
            return null;
        }

        foreach (var (x, y) in inverses)
        {
            while (factors.Contains(x) && factors.Contains(y))
            {
                factors.Remove(x);
                factors.Remove(y);
            }
        }

        // What a shift to the left pushes out need not be masked away first.
        foreach (var (power, ones) in onesShiftedBy)
        {
            var masked = factors.Contains(power) ? factors.FindIndex(factor => (factor & ones) != 0 && factor != ones) : -1;
            if (masked >= 0)
            {
                factors[masked] &= ~ones;
            }
        }

        for (var i = factors.Count - 1; i > 0; i--)
        {
            if (bits.ContainsKey(factors[i]) && factors.IndexOf(factors[i]) < i)
            {
                factors.RemoveAt(i);
            }
        }

        return Monomial.Of(factors);
    }

    private static List<UInt128> Without(Monomial monomial, UInt128 factor)
    {
        var factors = monomial.Factors.ToList();
        factors.Remove(factor);
        return factors;
    }

    private static Polynomial Single(UInt128 conjunction, int width) => new Polynomial(width).Add(Monomial.Of([conjunction]), UInt128.One);

    private UInt128 NumberAtom(BitTerm constant) => Atom($"#{constant.Value:x}:{constant.Width}", constant);

    private (string Key, BitTerm? Origin) AtomAt(UInt128 single) => atoms[(int)UInt128.TrailingZeroCount(single)];

    /// <summary>The set of one atom.</summary>
    private UInt128 Atom(string key, BitTerm? origin)
    {
        if (!atomOf.TryGetValue(key, out var index))
        {
            index = atoms.Count;
            overflowed |= index >= MaxAtoms;
            atoms.Add((key, origin));
            atomOf.Add(key, index);
        }

        return UInt128.One << index;
    }
}
