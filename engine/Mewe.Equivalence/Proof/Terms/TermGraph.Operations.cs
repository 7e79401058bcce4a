using Mewe.Wasm;

namespace Mewe.Equivalence.Proof.Terms;

/// <content>Operations that the normal form knows little of, and memory.</content>
internal sealed partial class TermGraph
{
    /// <summary>Writes that a load is looked for behind.</summary>
    private const int LongestWalk = 64;

    /// <summary>Shifts by any count, which counts modulo the width; <paramref name="code"/> is one of <see cref="ProofOperation"/>.</summary>
    public Term Shift(int code, Term term, Term count)
    {
        count = And(count, Constant(count.Width, (ulong)(term.Width - 1)));
        if (!count.IsConstant)
        {
            return term.IsZero ? term : Operation(term.Width, code, 0, term, count);
        }

        var by = (int)count.Value;
        return code switch
        {
            ProofOperation.ShiftLeft => ShiftLeft(term, by),
            ProofOperation.ShiftRight => ShiftRight(term, by),
            ProofOperation.ShiftRightSigned => ShiftRightSigned(term, by),
            _ => RotateLeft(term, by),
        };
    }

    /// <summary>The quotient, unsigned; of a divisor that is not zero.</summary>
    public Term DivideUnsigned(Term left, Term right)
    {
        if (right.IsConstant && right.Value != 0)
        {
            if (left.IsConstant)
            {
                return Constant(left.Width, left.Value / right.Value);
            }

            if (System.Numerics.BitOperations.IsPow2(right.Value))
            {
                return ShiftRight(left, System.Numerics.BitOperations.TrailingZeroCount(right.Value));
            }
        }

        return Operation(left.Width, ProofOperation.DivideUnsigned, 0, left, right);
    }

    /// <summary>The quotient, signed, rounded towards zero; of a divisor that is not zero, and where it does not overflow.</summary>
    public Term DivideSigned(Term left, Term right)
    {
        if (right.IsConstant && right.Value != 0)
        {
            if (right.Value == 1)
            {
                return left;
            }

            var power = System.Numerics.BitOperations.TrailingZeroCount(right.Value);
            if (System.Numerics.BitOperations.IsPow2(right.Value) && power < right.Width - 1)
            {
                // Rounded towards zero: 2^k - 1 is added to negative numbers.
                var sign = ShiftRightSigned(left, left.Width - 1);
                return ShiftRightSigned(Add(left, And(sign, Constant(left.Width, right.Value - 1))), power);
            }
        }

        return Operation(left.Width, ProofOperation.DivideSigned, 0, left, right);
    }

    /// <summary>leading or trailing zeros, or bits set; <paramref name="code"/> is one of <see cref="ProofOperation"/>.</summary>
    public Term CountBits(int code, Term term)
    {
        if (term.IsConstant)
        {
            var value = term.Value;
            var count = code switch
            {
                ProofOperation.LeadingZeros => System.Numerics.BitOperations.LeadingZeroCount(value) - (64 - term.Width),
                ProofOperation.TrailingZeros => Math.Min(System.Numerics.BitOperations.TrailingZeroCount(value), term.Width),
                _ => System.Numerics.BitOperations.PopCount(value),
            };
            return Constant(term.Width, (ulong)count);
        }

        // All w bits only for one value of the operand; below that the count has log2 w bits.
        var low = System.Numerics.BitOperations.Log2((uint)term.Width);
        var sum = new SumBuilder(this, term.Width);
        sum.Add((ulong)term.Width, IsZero(code == ProofOperation.PopulationCount ? Not(term) : term));
        sum.Add(1, Operation(low, code, 0, term));
        return sum.Finish();
    }

    /// <summary>A check that the bytes up to an end lie in a memory, as a key and the distance of the end from the key's root.</summary>
    public (Term Key, UInt128 End) Bounds(ulong memory, Term size, Term root, UInt128 end)
    {
        var (anchor, distance) = Anchor(root, 0);
        return (Operation(0, ProofOperation.Bounds, memory, size, anchor), end + distance);
    }

    /// <summary>
    /// An address (of width 64) as root and offset, whose sum does not wrap: constants of a root that cannot wrap itself are moved to the offset, so that accesses near each
    /// other have one root.
    /// </summary>
    private (Term Root, ulong Offset) Anchor(Term root, ulong offset)
    {
        if (root.IsConstant)
        {
            return root.Value <= uint.MaxValue ? (Constant(64, 0), root.Value + offset) : (root, offset);
        }

        return root.Kind == TermKind.Sum && root.Numbers[0] is > 0 and <= uint.MaxValue && Highest(root) <= uint.MaxValue
            ? (Subtract(root, Constant(64, root.Numbers[0])), root.Numbers[0] + offset)
            : (root, offset);
    }

    /// <summary>Bytes at root + offset, little end first; the access is in bounds.</summary>
    /// <param name="root">Of width 64; two accesses with one root are as far apart as their offsets.</param>
    public Term Load(Term memory, Term root, ulong offset, int bytes)
    {
        (root, offset) = Anchor(root, offset);
        for (var steps = 0; memory.Kind == TermKind.Store && steps < LongestWalk && ReferenceEquals(memory.Children[1], root); steps++)
        {
            var value = memory.Children[2];
            var (start, length) = (memory.Value, (ulong)(value.Width / 8));
            if (offset >= start && offset + (ulong)bytes <= start + length && value.Width <= 64)
            {
                return Truncate(ShiftRight(value, (int)(8 * (offset - start))), 8 * bytes);
            }

            if (offset == start && value.Width == 8 * bytes)
            {
                return value;
            }

            if (offset + (ulong)bytes > start && start + length > offset)
            {
                break;
            }

            memory = memory.Children[0];
        }

        return Intern(TermKind.Load, 8 * bytes, 0, offset, [memory, root], []);
    }

    /// <summary>The memory after a write of a value of 8 to 128 bits at root + offset, in bounds.</summary>
    public Term Store(Term memory, Term root, ulong offset, Term value)
    {
        (root, offset) = Anchor(root, offset);
        if (memory.Kind == TermKind.Store && ReferenceEquals(memory.Children[1], root))
        {
            var (last, bytes) = (memory.Children[2], (ulong)value.Width / 8);
            if (memory.Value == offset && last.Width == value.Width)
            {
                memory = memory.Children[0];
            }
            else if (offset + bytes <= memory.Value)
            {
                // Writes that do not overlap stand in the order of their addresses.
                return Intern(TermKind.Store, 0, 0, memory.Value, [Store(memory.Children[0], root, offset, value), root, last], []);
            }
        }

        return Intern(TermKind.Store, 0, 0, offset, [memory, root, value], []);
    }

    /// <summary>The term of the same kind with other children of the same widths.</summary>
    internal Term Rebuild(Term term, Term[] children)
    {
        switch (term.Kind)
        {
            case TermKind.Choice:
                return Choice(children[0], children[1], children[2]);
            case TermKind.Sum:
                return RebuildSum(term, children);
            case TermKind.Bits:
                return RebuildBits(term.Width, [FormPart(term.Children, term.Numbers, term.Value, term.Code)], 0, term.Children, children);
            case TermKind.Parity:
                return RebuildBits(term.Width, term.Form!.Parts, term.Form.Constant, term.Children, children);
            case TermKind.IsZero:
                return IsZero(children[0]);
            case TermKind.Below:
                return Below(children[0], children[1]);
            case TermKind.Load:
                return Load(children[0], children[1], term.Value, term.Width / 8);
            case TermKind.Store:
                return Store(children[0], children[1], term.Value, children[2]);
            default:
                return term.Code switch
                {
                    ProofOperation.Product => Multiply(children[0], children[1]),
                    ProofOperation.ShiftLeft or ProofOperation.ShiftRight or ProofOperation.ShiftRightSigned or ProofOperation.RotateLeft => Shift(term.Code, children[0], children[1]),
                    ProofOperation.DivideUnsigned => DivideUnsigned(children[0], children[1]),
                    ProofOperation.DivideSigned => DivideSigned(children[0], children[1]),
                    ProofOperation.LeadingZeros or ProofOperation.TrailingZeros or ProofOperation.PopulationCount => Truncate(CountBits(term.Code, children[0]), term.Width),
                    _ => Operation(term.Width, term.Code, term.Value, term.Numbers, children),
                };
        }
    }

    private Term RebuildSum(Term term, Term[] children)
    {
        var result = Constant(term.Width, term.Numbers[0]);
        var linear = new SumBuilder(this, term.Width);
        var start = 0;
        for (var i = 1; i < term.Numbers.Length; i += 2)
        {
            var degree = (int)term.Numbers[i + 1];
            var product = children[start];
            for (var k = 1; k < degree; k++)
            {
                product = Multiply(product, children[start + k]);
            }

            linear.Add(term.Numbers[i], product);
            start += degree;
        }

        linear.Add(1, result);
        return linear.Finish();
    }

    private Term RebuildBits(int width, BitPart[] parts, ulong constant, Term[] from, Term[] to)
    {
        var form = BitForm.Of(constant);
        foreach (var part in parts)
        {
            var product = BitForm.Of(part.Mask);
            foreach (var input in part.Inputs)
            {
                var child = to[Array.IndexOf(from, input.Atom)];
                var shifted = FormOrOpaque(child).ShiftRight(input.Shift, Term.MaskOf(64));
                product = BitForm.And(product, shifted, MostParts) ?? BitForm.And(product, BitForm.Of(new BitInput(child, input.Shift), ulong.MaxValue), int.MaxValue)!;
            }

            form = BitForm.Xor(form, product);
        }

        return FromForm(form, width);
    }
}
