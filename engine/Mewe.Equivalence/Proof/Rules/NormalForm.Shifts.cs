using System.Globalization;

namespace Mewe.Equivalence.Proof.Rules;

/// <content>The laws of shifts and rotations.</content>
internal sealed partial class NormalForm
{
    /// <summary>Atoms that are 2 to the power of a count.</summary>
    private readonly HashSet<UInt128> powers = [];
    private readonly Dictionary<UInt128, UInt128> onesShiftedBy = [];
    private readonly Dictionary<UInt128, (UInt128 Atom, Polynomial Count)> rotations = [];
    private readonly Dictionary<UInt128, (UInt128 Atom, UInt128 Power)> shifts = [];

    private Polynomial Shift(BitTerm term, Polynomial value, Polynomial count)
    {
        if (term.Operation is BitOperation.RotateLeft or BitOperation.RotateRight)
        {
            count = term.Operation == BitOperation.RotateLeft ? count : count.Times(UInt128.MaxValue);
            return Bits(term.Operands[0]) is { } function ? FromBits(function.OfAtoms(atom => Rotated(atom, count, term.Width)), term.Width) : Opaque(term);
        }

        var key = CountKey(count);
        return key == "0" ? value
            : count.AsConstant() is null && ShiftedRight(term, count, key) is { } shifted ? FromBits(shifted, term.Width)
            : Single(Atom($"{term.Operation}:{term.Width}({Settled(value)},{key})", term), term.Width);
    }

    /// <summary>
    /// A shift to the right by an unknown count goes through bitwise operations too. What comes in at the top is the sign, which is an atom's own, or zero: then every conjunction, also the
    /// empty one, is joined with the shifted all ones.
    /// </summary>
    private BitwiseFunction? ShiftedRight(BitTerm term, Polynomial count, string key)
    {
        var signed = term.Operation == BitOperation.ShiftRightSigned;
        var power = PowerOfTwo(term.Width, count);
        var ones = signed ? 0 : Atom($"shr-ones:{term.Width}({key})", null);
        if (!signed)
        {
            onesShiftedBy[power] = ones;
        }

        return Bits(term.Operands[0])?.OfAtoms(atom => !signed && shifts.TryGetValue(atom, out var left) && left.Power == power
            ? BitwiseFunction.Atom(left.Atom) : BitwiseFunction.Atom(Atom($"{term.Operation}:{term.Width}({AtomAt(atom).Key},{key})", null)))?.And(BitwiseFunction.Atom(ones));
    }

    /// <summary>A rotation moves all bits alike, so it goes through every bitwise operation to the atoms, and counts add up.</summary>
    private BitwiseFunction? Rotated(UInt128 atom, Polynomial count, int width)
    {
        if (rotations.TryGetValue(atom, out var before))
        {
            (atom, count) = (before.Atom, before.Count.Plus(count, UInt128.One));
        }

        var key = CountKey(count);
        var (name, origin) = AtomAt(atom);
        if (key == "0")
        {
            return BitwiseFunction.Atom(atom);
        }

        if (origin is { IsConstant: true } && count.AsConstant() is { } number)
        {
            return Bits(BitTerm.Of(BitOperation.RotateLeft, origin, BitTerm.Number(number, width)));
        }

        var rotated = Atom($"rotl:{width}({name},{key})", null);
        rotations[rotated] = (atom, count);
        return BitwiseFunction.Atom(rotated);
    }

    private UInt128 PowerOfTwo(int width, Polynomial count)
    {
        var atom = Atom($"pow2:{width}({CountKey(count)})", null);
        powers.Add(atom);
        return atom;
    }

    /// <summary>A sum of conjunctions, all shifted to the left alike, is the same sum of conjunctions of shifted atoms; null for any other polynomial.</summary>
    private BitwiseFunction? ShiftedLeft(Polynomial polynomial)
    {
        var power = polynomial.Terms.Keys.SelectMany(static monomial => monomial.Factors).FirstOrDefault(powers.Contains);
        if (power == 0 || polynomial.Terms.Keys.Any(monomial => monomial.Degree != 2 || !monomial.Factors.Contains(power)))
        {
            return null;
        }

        var unshifted = new Polynomial(polynomial.Width);
        foreach (var (monomial, coefficient) in polynomial.Terms)
        {
            unshifted.Add(Monomial.Of(Without(monomial, power)), coefficient);
        }

        return BitwiseFunction.Of(unshifted)?.OfAtoms(atom =>
        {
            var shifted = Atom($"shl({AtomAt(atom).Key},{AtomAt(power).Key})", null);
            shifts[shifted] = (atom, power);
            return BitwiseFunction.Atom(shifted);
        });
    }

    /// <summary>A count matters modulo the width, so its polynomial modulo as many bits.</summary>
    private string CountKey(Polynomial count)
    {
        var width = int.Log2(count.Width);
        if (1 << width != count.Width)
        {
            return count.ToString();
        }

        var reduced = Truncated(count, width);
        return reduced.AsConstant() is { } number ? number.ToString(CultureInfo.InvariantCulture) : reduced.ToString();
    }

    /// <summary>The atoms before the shift, where all of a conjunction were shifted to the left alike.</summary>
    private (UInt128 Bases, UInt128 Power)? Unshifted(UInt128 set)
    {
        UInt128 bases = 0, power = 0;
        for (var left = set; left != 0; left &= left - 1)
        {
            if (!shifts.TryGetValue(left & (0 - left), out var shift) || (power != 0 && power != shift.Power))
            {
                return null;
            }

            (bases, power) = (bases | shift.Atom, shift.Power);
        }

        return (bases, power);
    }

    /// <summary>2^k times a number shifted to the right by k is the number without its k lowest bits; applied where the coefficient is such a multiple.</summary>
    private Polynomial Settled(Polynomial polynomial)
    {
        foreach (var (monomial, coefficient) in polynomial.Terms)
        {
            foreach (var factor in monomial.Factors)
            {
                if (UInt128.PopCount(factor) != 1 || AtomAt(factor).Origin is not { Operation: BitOperation.ShiftRight } shift || !shift.Operands[1].IsConstant)
                {
                    continue;
                }

                var count = (int)(shift.Operands[1].Value % (UInt128)shift.Width);
                if (count > 0 && (coefficient >> count) << count == coefficient)
                {
                    // The quotient matters only modulo 2^(w - k); the one with the smaller magnitude meets what others compute.
                    var quotient = (UInt128)((Int128)(coefficient << (128 - polynomial.Width)) >> (128 - polynomial.Width + count));
                    var value = shift.Operands[0];
                    var whole = Of(value - (value & BitTerm.Number(BitTerm.Mask(count), value.Width)));
                    var others = new Polynomial(polynomial.Width).Add(Monomial.Of(Without(monomial, factor)), quotient);
                    var rest = new Polynomial(polynomial.Width).Plus(polynomial, UInt128.One).Add(monomial, 0 - coefficient);
                    return Settled(rest.Plus(Product(others, whole), UInt128.One));
                }
            }
        }

        return polynomial;
    }
}
