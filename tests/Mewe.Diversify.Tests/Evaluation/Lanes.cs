using Mewe.Wasm;

namespace Mewe.Diversify.Tests.Evaluation;

/// <summary>Bitwise v128 instructions and integer lane arithmetic, lane by lane from the instruction's name.</summary>
public static class Lanes
{
    public static Value Evaluate(Opcode opcode, ReadOnlySpan<Value> operands)
    {
        var name = OpcodeTable.Get(opcode).Name;
        var a = operands[0];
        var b = operands.Length > 1 ? operands[1] : default;
        switch (name)
        {
            case "v128.and":
                return new Value(a.Low & b.Low, a.High & b.High);
            case "v128.or":
                return new Value(a.Low | b.Low, a.High | b.High);
            case "v128.xor":
                return new Value(a.Low ^ b.Low, a.High ^ b.High);
            case "v128.andnot":
                return new Value(a.Low & ~b.Low, a.High & ~b.High);
            case "v128.not":
                return new Value(~a.Low, ~a.High);
            case "v128.bitselect":
                var c = operands[2];
                return new Value((a.Low & c.Low) | (b.Low & ~c.Low), (a.High & c.High) | (b.High & ~c.High));
        }

        var shape = name.Split('.')[0];
        var bits = int.Parse(shape[1..shape.IndexOf('x')]);
        var operation = name.Split('.')[1];
        return new Value(Half(operation, bits, a.Low, b.Low), Half(operation, bits, a.High, b.High));
    }

    private static ulong Half(string operation, int bits, ulong a, ulong b)
    {
        var mask = bits == 64 ? ulong.MaxValue : (1UL << bits) - 1;
        ulong result = 0;
        for (var at = 0; at < 64; at += bits)
        {
            var (x, y) = ((a >> at) & mask, (b >> at) & mask);
            result |= (Lane(operation, bits, x, y, Signed(x, bits), Signed(y, bits), mask) & mask) << at;
        }

        return result;
    }

    private static long Signed(ulong lane, int bits) => (long)(lane << (64 - bits)) >> (64 - bits);

    private static ulong Lane(string operation, int bits, ulong x, ulong y, long sx, long sy, ulong mask) => operation switch
    {
        "add" => x + y,
        "sub" => x - y,
        "mul" => x * y,
        "neg" => 0 - x,
        "eq" => x == y ? mask : 0,
        "ne" => x != y ? mask : 0,
        "lt_s" => sx < sy ? mask : 0,
        "lt_u" => x < y ? mask : 0,
        "gt_s" => sx > sy ? mask : 0,
        "gt_u" => x > y ? mask : 0,
        "le_s" => sx <= sy ? mask : 0,
        "le_u" => x <= y ? mask : 0,
        "ge_s" => sx >= sy ? mask : 0,
        "ge_u" => x >= y ? mask : 0,
        "min_s" => sx < sy ? x : y,
        "min_u" => Math.Min(x, y),
        "max_s" => sx > sy ? x : y,
        "max_u" => Math.Max(x, y),
        "add_sat_u" => Math.Min(x + y, mask),
        "add_sat_s" => (ulong)Math.Clamp(sx + sy, -(1L << (bits - 1)), (1L << (bits - 1)) - 1),
        "avgr_u" => (x + y + 1) / 2,
        _ => throw new NotSupportedException(operation),
    };
}
