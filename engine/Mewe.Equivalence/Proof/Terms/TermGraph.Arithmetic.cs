using System.Numerics;

namespace Mewe.Equivalence.Proof.Terms;

/// <content>Sums, products and comparisons.</content>
internal sealed partial class TermGraph
{
    private const int MostMonomials = 40;

    public Term Add(Term left, Term right) => Combine(1, left, 1, right);

    public Term Subtract(Term left, Term right) => Combine(1, left, ulong.MaxValue, right);

    public Term Scale(ulong factor, Term term) => Combine(factor, term, 0, term);

    private Term Combine(ulong a, Term left, ulong b, Term right)
    {
        var sum = new SumBuilder(this, left.Width);
        sum.Add(a, left);
        sum.Add(b, right);
        return sum.Finish();
    }

    public Term Multiply(Term left, Term right)
    {
        if (left.IsConstant || right.IsConstant)
        {
            return left.IsConstant ? Scale(left.Value, right) : Scale(right.Value, left);
        }

        var (first, second) = (WithConstant(left), WithConstant(right));
        if (first.Count * second.Count > MostMonomials || first.Concat(second).Any(monomial => monomial.Factors.Length > 6))
        {
            // Too large to be multiplied out: a product of two sums as they are.
            var whole = new SumBuilder(this, left.Width);
            var (low, high) = left.Id < right.Id ? (left, right) : (right, left);
            whole.Add(1, Operation(left.Width, ProofOperation.Product, 0, low, high));
            return whole.Finish();
        }

        var sum = new SumBuilder(this, left.Width);
        foreach (var a in first)
        {
            foreach (var b in second)
            {
                var coefficient = a.Coefficient * b.Coefficient;
                if (a.Factors.Length + b.Factors.Length == 0)
                {
                    sum.AddConstant(coefficient);
                }
                else
                {
                    sum.AddProduct(coefficient, [.. a.Factors, .. b.Factors]);
                }
            }
        }

        return sum.Finish();
    }

    private static List<Monomial> WithConstant(Term term)
    {
        var monomials = Monomial.Of(term).ToList();
        if (term.Kind == TermKind.Sum && term.Numbers[0] != 0)
        {
            monomials.Add(new Monomial(term.Numbers[0], Array.Empty<Term>()));
        }

        return monomials;
    }

    /// <summary>Of width 1: not zero.</summary>
    public Term IsNonzero(Term term) => Not(IsZero(term));

    public Term Equal(Term left, Term right) => ReferenceEquals(left, right) ? True : IsZero(Subtract(left, right));

    /// <summary>Of width 1: zero.</summary>
    public Term IsZero(Term term)
    {
        if (term.IsConstant)
        {
            return term.Value == 0 ? True : False;
        }

        if (term.Width == 1)
        {
            return Not(term);
        }

        if (term.Kind == TermKind.Choice && (term.Children[1].IsConstant || term.Children[2].IsConstant))
        {
            return Choice(term.Children[0], IsZero(term.Children[1]), IsZero(term.Children[2]));
        }

        if (TwoValues(term) is var (condition, set, clear))
        {
            return set == 0 ? condition : clear == 0 ? Not(condition) : False;
        }

        if (FormOf(term) is { } form && BitwiseIsZero(term, form) is { } simpler)
        {
            return simpler;
        }

        if (term.Kind == TermKind.Sum)
        {
            if (PopulationOf(term) is { } counted)
            {
                return IsZero(counted);
            }

            if (OfNarrowTerms(term) is { } narrow)
            {
                return narrow;
            }

            if ((term.Numbers[0] != 0 && Highest(term) <= term.Mask) || Residues.NeverZero(term))
            {
                return False;
            }

            if (Canonical(term) is { Kind: not TermKind.Sum } simple)
            {
                return IsZero(simple);
            }

            term = Canonical(term);
        }

        return Intern(TermKind.IsZero, 1, 0, 0, [term], []);
    }

    /// <summary>An extended term compared with a constant or with another that is extended in the same way.</summary>
    private Term? OfNarrowTerms(Term sum)
    {
        if (Extension.Of(sum) is not { } extensions)
        {
            return null;
        }

        var (first, factor, signed) = extensions[0];
        if (extensions is [_])
        {
            var value = (factor == 1 ? 0 - sum.Numbers[0] : sum.Numbers[0]) & sum.Mask;
            return Extension.Fits(value, first.Width, sum.Width, signed) ? Equal(first, Constant(first.Width, value)) : False;
        }

        return extensions is [_, var (second, other, otherSigned)] && sum.Numbers[0] == 0 && first.Width == second.Width && signed == otherSigned && factor != other
            ? Equal(first, second)
            : null;
    }

    /// <summary>What a sum counts the bits of, if it does.</summary>
    private Term? PopulationOf(Term sum)
    {
        foreach (var factor in sum.Children)
        {
            if (factor is { Kind: TermKind.Bits, Children: [{ Kind: TermKind.Operation, Code: ProofOperation.PopulationCount, Children: [var counted] }] }
                && ReferenceEquals(CountBits(ProofOperation.PopulationCount, counted), sum))
            {
                return counted;
            }
        }

        return null;
    }

    private Term? BitwiseIsZero(Term term, BitForm form)
    {
        var used = form.Constant;
        var covered = 0UL;
        foreach (var part in form.Parts)
        {
            covered |= part.Mask;
        }

        used |= covered;
        if ((form.Constant & ~covered) != 0)
        {
            return False;
        }

        if (BitOperations.IsPow2(used))
        {
            // One bit in all.
            return Not(FromForm(form.ShiftRight(BitOperations.TrailingZeroCount(used), 1), 1));
        }

        if (form.Constant == 0 && form.Parts.Length > 1 && AllBitsCovered(form) is { } atoms)
        {
            return atoms.Aggregate(True, (all, atom) => And(all, IsZero(atom)));
        }

        if (form.Parts.Any(part => part.Inputs.Length != 1))
        {
            return null;
        }

        if (form.Parts is [{ } single])
        {
            var (atom, shift) = single.Inputs[0];
            var taken = shift >= 0 ? single.Mask << shift : single.Mask >> -shift;
            if (atom.Width <= 64 && taken == atom.Mask)
            {
                var value = shift >= 0 ? form.Constant << shift : form.Constant >> -shift;
                var other = Subtract(atom, Constant(atom.Width, value));
                return ReferenceEquals(other, term) ? null : IsZero(other);
            }

            var low = BitOperations.TrailingZeroCount(taken);
            if (form.Constant == 0 && low > 0 && taken == (atom.Mask & ~Term.MaskOf(low)))
            {
                return Below(atom, Constant(atom.Width, 1UL << low));
            }

            return null;
        }

        if (form.Constant == 0 && form.Parts is [{ } first, { } second])
        {
            var (a, b) = (first.Inputs[0], second.Inputs[0]);
            if (first.Mask == second.Mask && a.Shift == b.Shift && a.Atom.Width == b.Atom.Width && (a.Shift >= 0 ? first.Mask << a.Shift : first.Mask >> -a.Shift) == a.Atom.Mask)
            {
                return Equal(a.Atom, b.Atom);
            }

            if (ReferenceEquals(a.Atom, b.Atom) && (first.Mask & second.Mask) == 0 && (At(first) | At(second)) == a.Atom.Mask)
            {
                // A rotation.
                return IsZero(a.Atom);
            }
        }

        return null;

        static ulong At(BitPart part) => part.Inputs[0].Shift >= 0 ? part.Mask << part.Inputs[0].Shift : part.Mask >> -part.Inputs[0].Shift;
    }

    /// <summary>The atoms of a function that is 1 somewhere wherever one of their bits is 1, as <c>x | rotl(x, 3)</c> is: it is zero when they are. Null where that is not so.</summary>
    private static Term[]? AllBitsCovered(BitForm form)
    {
        var inputs = form.Parts.SelectMany(part => part.Inputs).Distinct().ToArray();
        var atoms = inputs.Select(input => input.Atom).Distinct().ToArray();
        foreach (var atom in atoms)
        {
            var covered = 0UL;
            foreach (var input in inputs)
            {
                if (ReferenceEquals(input.Atom, atom))
                {
                    var bits = BitForm.Of(input, ulong.MaxValue);
                    if (BitForm.And(form, bits, MostParts) is not { } both)
                    {
                        return null;
                    }

                    var same = input.Valid;
                    foreach (var part in BitForm.Xor(both, bits).Parts)
                    {
                        same &= ~part.Mask;
                    }

                    covered |= input.Shift >= 0 ? same << input.Shift : same >> -input.Shift;
                }
            }

            if (covered != atom.Mask)
            {
                return null;
            }
        }

        return atoms;
    }

    /// <summary>The same zeros for a multiple by an odd number: the first odd coefficient becomes 1.</summary>
    private Term Canonical(Term sum)
    {
        for (var i = 1; i < sum.Numbers.Length; i += 2)
        {
            if ((sum.Numbers[i] & 1) != 0)
            {
                var coefficient = sum.Numbers[i];
                if (coefficient == 1)
                {
                    return sum;
                }

                var scaled = Scale(Inverse(coefficient), sum);
                return scaled.Kind != TermKind.Sum || (scaled.Numbers.Length > i && scaled.Numbers[i] == 1) ? scaled : sum;
            }
        }

        return sum;
    }

    /// <summary>The inverse of an odd number modulo 2^64, by Newton's iteration.</summary>
    internal static ulong Inverse(ulong odd)
    {
        var inverse = odd;
        for (var i = 0; i < 5; i++)
        {
            inverse *= 2 - (odd * inverse);
        }

        return inverse;
    }

    /// <summary>Of width 1: less, unsigned.</summary>
    public Term Below(Term left, Term right)
    {
        if (ReferenceEquals(left, right) || right.IsZero || IsOnes(left))
        {
            return False;
        }

        if (left.IsConstant && right.IsConstant)
        {
            return left.Value < right.Value ? True : False;
        }

        if (left.IsConstant)
        {
            return Not(Below(right, Constant(left.Width, left.Value + 1)));
        }

        if (right.IsConstant)
        {
            if (right.Value == 1)
            {
                return IsZero(left);
            }

            if (right.Value == right.Mask)
            {
                return Not(Equal(left, right));
            }

            if (right.Value == 1UL << (right.Width - 1))
            {
                return Not(SignBit(left));
            }

            if (Highest(left) < right.Value)
            {
                return True;
            }
        }
        else if (And(right, Not(left)).IsZero)
        {
            // All bits of the right one are in the left one.
            return False;
        }

        if (right.IsConstant && TwoValues(left) is var (condition, set, clear))
        {
            return Choice(condition, set < right.Value ? True : False, clear < right.Value ? True : False);
        }

        if (OfNarrowTerms(left, right) is { } narrow)
        {
            return narrow;
        }

        if (left.Kind == TermKind.Choice && right.IsConstant)
        {
            return Choice(left.Children[0], Below(left.Children[1], right), Below(left.Children[2], right));
        }

        return Intern(TermKind.Below, 1, 0, 0, [left, right], []);
    }

    /// <summary>Extended terms are in the order of what they extend; those with a sign are compared with 2^(w-1) added to both sides.</summary>
    private Term? OfNarrowTerms(Term left, Term right)
    {
        if (left.Width == 1 || Operand(left) is not var (first, signed))
        {
            return null;
        }

        var bias = signed ? 1UL << (first.Width - 1) : 0;
        var narrowLeft = Add(first, Constant(first.Width, bias));
        if (right.IsConstant)
        {
            var value = right.Value - (signed ? 1UL << (right.Width - 1) : 0);
            return Extension.Fits(value & right.Mask, first.Width, right.Width, signed) ? Below(narrowLeft, Constant(first.Width, value + bias))
                : (value & right.Mask) > right.Mask >> 1 && signed ? False : True;
        }

        return Operand(right) is var (second, otherSigned) && signed == otherSigned && first.Width == second.Width
            ? Below(narrowLeft, Add(second, Constant(first.Width, bias)))
            : null;

        static (Term Atom, bool Signed)? Operand(Term term) =>
            Extension.Of(term) is [var (atom, factor, signed)] && factor == 1 && (term.Kind == TermKind.Sum ? term.Numbers[0] : 0) == (signed ? 1UL << (term.Width - 1) : 0) ? (atom, signed) : null;
    }

    /// <summary>Of width 1: less, signed. The order of signed numbers is that of the unsigned ones with the sign turned around.</summary>
    public Term BelowSigned(Term left, Term right)
    {
        var sign = Constant(left.Width, 1UL << (left.Width - 1));
        return Below(Add(left, sign), Add(right, sign));
    }
}

/// <summary>Codes of <see cref="TermKind.Operation"/> that are no opcode.</summary>
internal static class ProofOperation
{
    public const int Product = 0x1000, ShiftLeft = 0x1001, ShiftRight = 0x1002, ShiftRightSigned = 0x1003, RotateLeft = 0x1004,
        DivideUnsigned = 0x1005, DivideSigned = 0x1006, LeadingZeros = 0x1007, TrailingZeros = 0x1008, PopulationCount = 0x1009, Bounds = 0x100A, TrapsWhen = 0x100B;
}
