namespace Mewe.Diversify.Rules;

/// <summary>Computes with a rule's constants, modulo 2^width: the part of a rule in braces, and its clauses.</summary>
public abstract record ConstantFormula
{
    /// <param name="constants">Values of the named constants, below 2^width.</param>
    /// <param name="width">32 or 64.</param>
    public ulong Evaluate(ReadOnlySpan<ulong> constants, int width) => Raw(constants, width) & Mask(width);

    protected abstract ulong Raw(ReadOnlySpan<ulong> constants, int width);

    protected static ulong Mask(int width) => width == 32 ? uint.MaxValue : ulong.MaxValue;

    public sealed record Number(long Value) : ConstantFormula
    {
        protected override ulong Raw(ReadOnlySpan<ulong> constants, int width) => (ulong)Value;
    }

    /// <summary><c>w</c>, the width.</summary>
    public sealed record WidthNumber : ConstantFormula
    {
        protected override ulong Raw(ReadOnlySpan<ulong> constants, int width) => (ulong)width;
    }

    /// <summary><c>sign</c>, the number with only the highest bit set.</summary>
    public sealed record SignBit : ConstantFormula
    {
        protected override ulong Raw(ReadOnlySpan<ulong> constants, int width) => 1UL << (width - 1);
    }

    public sealed record Named(int Index) : ConstantFormula
    {
        protected override ulong Raw(ReadOnlySpan<ulong> constants, int width) => constants[Index];
    }

    public sealed record Unary(string Operator, ConstantFormula A) : ConstantFormula
    {
        protected override ulong Raw(ReadOnlySpan<ulong> constants, int width)
        {
            var a = A.Evaluate(constants, width);
            return Operator switch
            {
                "-" => 0 - a,
                "~" => ~a,
                "log2" => (ulong)System.Numerics.BitOperations.Log2(a),
                "pow2" => System.Numerics.BitOperations.IsPow2(a) ? 1UL : 0,
                "odd" => a & 1,
                "inverse" => Inverse(a),
                "clear" => (ulong)(System.Numerics.BitOperations.LeadingZeroCount(a) - (64 - width)),
                "low-mask" => a > 0 && (a & (a + 1)) == 0 ? 1UL : 0,
                _ => throw new InvalidOperationException(Operator),
            };
        }

        /// <summary>The multiplicative inverse of an odd number modulo 2^64, and so modulo 2^32, by Newton's iteration (each step doubles the correct bits).</summary>
        private static ulong Inverse(ulong a)
        {
            var x = a;
            for (var i = 0; i < 5; i++)
            {
                x *= 2 - (a * x);
            }

            return x;
        }
    }

    public sealed record Binary(string Operator, ConstantFormula A, ConstantFormula B) : ConstantFormula
    {
        protected override ulong Raw(ReadOnlySpan<ulong> constants, int width)
        {
            var (a, b) = (A.Evaluate(constants, width), B.Evaluate(constants, width));
            var count = (int)(b % (ulong)width);
            return Operator switch
            {
                "+" => a + b,
                "-" => a - b,
                "*" => a * b,
                "and" => a & b,
                "or" => a | b,
                "xor" => a ^ b,
                "shl" => a << count,
                "shr" => a >> count,
                "rotr" => count == 0 ? a : (a >> count) | (a << (width - count)),
                "rotl" => count == 0 ? a : (a << count) | (a >> (width - count)),
                "<" => a < b ? 1UL : 0,
                "=" => a == b ? 1UL : 0,
                "!=" => a != b ? 1UL : 0,
                "s<" => Signed(a, width) < Signed(b, width) ? 1UL : 0,
                _ => throw new InvalidOperationException(Operator),
            };
        }

        private static long Signed(ulong value, int width) => width == 32 ? (int)value : (long)value;
    }
}
