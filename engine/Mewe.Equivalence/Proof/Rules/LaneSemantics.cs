namespace Mewe.Equivalence.Proof.Rules;

/// <summary>Bitwise v128 instructions and integer lane arithmetic (specification, 4.3.6), lane by lane; lane 0 is the lowest bits.</summary>
internal static class LaneSemantics
{
    /// <summary>The result, or null for an instruction that nothing is said about here.</summary>
    public static BitTerm? Of(string shape, string name, IReadOnlyList<BitTerm> operands)
    {
        var a = operands[0];
        if (shape == "v128")
        {
            return name switch
            {
                "not" => ~a,
                "and" => a & operands[1],
                "andnot" => a & ~operands[1],
                "or" => a | operands[1],
                "xor" => a ^ operands[1],
                "bitselect" => (a & operands[2]) | (operands[1] & ~operands[2]),
                _ => null,
            };
        }

        var bits = shape switch { "i8x16" => 8, "i16x8" => 16, "i32x4" => 32, "i64x2" => 64, _ => 0 };
        if (bits == 0)
        {
            return null;
        }

        BitTerm? result = null;
        for (var low = 0; low < 128; low += bits)
        {
            var x = a.Extract(low, bits);
            var lane = operands.Count == 1 ? Lane(name, x)
                : operands[1].Width == 128 ? Lane(name, x, operands[1].Extract(low, bits))
                : Shifted(name, x, operands[1]);
            if (lane is null)
            {
                return null;
            }

            result = result is null ? lane : BitTerm.Of(BitOperation.Concatenate, lane, result);
        }

        return result;
    }

    private static BitTerm? Lane(string name, BitTerm x) => name switch
    {
        "neg" => BitTerm.Number(0, x.Width) - x,
        "abs" => BitTerm.Choose(x.Extract(x.Width - 1, 1), BitTerm.Number(0, x.Width) - x, x),
        "popcnt" => BitTerm.Of(BitOperation.Ones, x),
        _ => null,
    };

    private static BitTerm? Shifted(string name, BitTerm x, BitTerm count)
    {
        // The count is an i32, taken modulo the lane's width, which is a power of two.
        var narrowed = x.Width <= 32 ? count.Extract(0, x.Width) : count.Extended(x.Width, signed: false);
        return name switch
        {
            "shl" => BitTerm.Of(BitOperation.ShiftLeft, x, narrowed),
            "shr_u" => BitTerm.Of(BitOperation.ShiftRight, x, narrowed),
            "shr_s" => BitTerm.Of(BitOperation.ShiftRightSigned, x, narrowed),
            _ => null,
        };
    }

    private static BitTerm? Lane(string name, BitTerm x, BitTerm y) => name switch
    {
        "add" => x + y,
        "sub" => x - y,
        "mul" => x * y,
        "min_s" => BitTerm.Choose(x.IsLess(y, signed: true), x, y),
        "min_u" => BitTerm.Choose(x.IsLess(y, signed: false), x, y),
        "max_s" => BitTerm.Choose(x.IsLess(y, signed: true), y, x),
        "max_u" => BitTerm.Choose(x.IsLess(y, signed: false), y, x),
        "add_sat_u" or "add_sat_s" or "sub_sat_u" or "sub_sat_s" => Saturated(name, x, y),
        "avgr_u" => (x.Extended(x.Width + 1, signed: false) + y.Extended(x.Width + 1, signed: false) + BitTerm.Number(1, x.Width + 1)).Extract(1, x.Width),
        "eq" or "ne" or "lt_s" or "lt_u" or "gt_s" or "gt_u" or "le_s" or "le_u" or "ge_s" or "ge_u" =>
            InstructionSemantics.Comparison(name, x, y).Extended(x.Width, signed: true),
        _ => null,
    };

    /// <summary>The exact sum or difference, in two bits more, and the nearest number that the lane can hold.</summary>
    private static BitTerm Saturated(string name, BitTerm x, BitTerm y)
    {
        var signed = name.EndsWith("_s", StringComparison.Ordinal);
        var width = x.Width + 2;
        var (a, b) = (x.Extended(width, signed), y.Extended(width, signed));
        var exact = name.StartsWith("add", StringComparison.Ordinal) ? a + b : a - b;
        var least = BitTerm.Number(signed ? UInt128.MaxValue << (x.Width - 1) : 0, width);
        var most = BitTerm.Number(BitTerm.Mask(signed ? x.Width - 1 : x.Width), width);
        var bounded = BitTerm.Choose(exact.IsLess(least, signed: true), least, BitTerm.Choose(most.IsLess(exact, signed: true), most, exact));
        return bounded.Extract(0, x.Width);
    }
}
