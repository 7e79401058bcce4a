namespace Mewe.Equivalence.Proof.Rules;

/// <summary>The value of a term for given values of its variables.</summary>
public static class BitTermEvaluator
{
    /// <param name="variable">The value of each variable by name; bits above its width are ignored.</param>
    public static UInt128 Evaluate(BitTerm term, Func<string, UInt128> variable)
    {
        var mask = BitTerm.Mask(term.Width);
        switch (term.Operation)
        {
            case BitOperation.Constant:
                return term.Value;
            case BitOperation.Variable:
                return variable(term.Name) & mask;
            case BitOperation.Choose:
                return Evaluate(term.Operands[Evaluate(term.Operands[0], variable) == 1 ? 1 : 2], variable);
        }

        var a = Evaluate(term.Operands[0], variable);
        return (term.Operands.Count == 1 ? Unary(term, a) : Binary(term, a, Evaluate(term.Operands[1], variable))) & mask;
    }

    /// <summary>The inverse of an odd number modulo 2^128, and so modulo 2^width, by Newton's iteration: each step doubles the number of correct bits.</summary>
    public static UInt128 Inverse(UInt128 odd)
    {
        var x = odd;
        for (var correct = 3; correct < 128; correct *= 2)
        {
            x *= 2 - (odd * x);
        }

        return x;
    }

    private static UInt128 Unary(BitTerm term, UInt128 a)
    {
        var width = term.Operands[0].Width;
        return term.Operation switch
        {
            BitOperation.Not => ~a,
            BitOperation.LeadingZeros => UInt128.LeadingZeroCount(a) - (UInt128)(128 - width),
            BitOperation.TrailingZeros => a == 0 ? (UInt128)width : UInt128.TrailingZeroCount(a),
            BitOperation.Ones => UInt128.PopCount(a),
            BitOperation.ExtendZero => a,
            BitOperation.ExtendSign => (UInt128)Signed(a, width),
            BitOperation.Extract => a >> term.Low,
            _ => throw new InvalidOperationException($"{term.Operation} of one operand"),
        };
    }

    private static UInt128 Binary(BitTerm term, UInt128 a, UInt128 b)
    {
        var width = term.Operands[0].Width;
        return term.Operation switch
        {
            BitOperation.Add => a + b,
            BitOperation.Subtract => a - b,
            BitOperation.Multiply => a * b,
            BitOperation.And => a & b,
            BitOperation.Or => a | b,
            BitOperation.Xor => a ^ b,
            BitOperation.ShiftLeft => a << Count(b, width),
            BitOperation.ShiftRight => a >> Count(b, width),
            BitOperation.ShiftRightSigned => (UInt128)(Signed(a, width) >> Count(b, width)),
            BitOperation.RotateLeft => Rotated(a, Count(b, width), width),
            BitOperation.RotateRight => Rotated(a, (width - Count(b, width)) % width, width),
            BitOperation.Divide => b == 0 ? UInt128.MaxValue : a / b,
            BitOperation.Remainder => b == 0 ? a : a % b,
            BitOperation.DivideSigned => b == 0 ? Signed(a, width) < 0 ? 1 : UInt128.MaxValue
                : b == BitTerm.Mask(width) ? 0 - a : (UInt128)(Signed(a, width) / Signed(b, width)),
            BitOperation.RemainderSigned => b == 0 ? a : b == BitTerm.Mask(width) ? 0 : (UInt128)(Signed(a, width) % Signed(b, width)),
            BitOperation.Equal => Truth(a == b),
            BitOperation.Less => Truth(a < b),
            BitOperation.LessSigned => Truth(Signed(a, width) < Signed(b, width)),
            BitOperation.Concatenate => (a << term.Operands[1].Width) | b,
            _ => throw new InvalidOperationException($"{term.Operation} of two operands"),
        };
    }

    private static UInt128 Truth(bool value) => value ? UInt128.One : 0;

    private static int Count(UInt128 count, int width) => (int)(count % (UInt128)width);

    private static UInt128 Rotated(UInt128 value, int count, int width) => count == 0 ? value : (value << count) | (value >> (width - count));

    private static Int128 Signed(UInt128 value, int width) => (Int128)(value << (128 - width)) >> (128 - width);
}
