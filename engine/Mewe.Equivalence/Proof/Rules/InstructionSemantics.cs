using Mewe.Wasm;

namespace Mewe.Equivalence.Proof.Rules;

/// <summary>What an instruction computes, and when it traps.</summary>
/// <param name="Value">Meaningless where it traps.</param>
/// <param name="Trap">Two bits: 0 no trap, 1 division by zero, 2 a result that no integer of the type can be.</param>
public readonly record struct InstructionMeaning(BitTerm Value, BitTerm Trap);

/// <summary>
/// Numeric instructions as terms over bits, written down from the specification (4.3.2 integers, 4.3.3 floats) and not from what the generator believes. Floats are bit patterns: their
/// sign operations and comparisons are here, their arithmetic is not.
/// </summary>
public static class InstructionSemantics
{
    /// <summary>No trap.</summary>
    public static BitTerm NoTrap { get; } = BitTerm.Number(0, 2);

    private static readonly BitTerm DivideByZero = BitTerm.Number(1, 2), Overflow = BitTerm.Number(2, 2);

    /// <summary>The meaning for given operands, or null for an instruction that nothing is said about here.</summary>
    public static InstructionMeaning? Of(Opcode opcode, IReadOnlyList<BitTerm> operands)
    {
        if (opcode == Opcode.Select)
        {
            return Total(BitTerm.Choose(operands[2].IsNotZero(), operands[0], operands[1]));
        }

        if (OpcodeTable.Get(opcode).Name.Split('.') is not [var type, var name])
        {
            return null;
        }

        return type switch
        {
            "i32" => Integer(name, 32, operands),
            "i64" => Integer(name, 64, operands),
            "f32" => Float(name, operands, 32, exponent: 8),
            "f64" => Float(name, operands, 64, exponent: 11),
            _ => LaneSemantics.Of(type, name, operands) is { } lanes ? Total(lanes) : null,
        };
    }

    private static InstructionMeaning Total(BitTerm value) => new(value, NoTrap);

    private static InstructionMeaning? Integer(string name, int width, IReadOnlyList<BitTerm> operands)
    {
        var a = operands[0];
        var b = operands.Count > 1 ? operands[1] : a;
        if (Division(name, a, b) is { } division)
        {
            return division;
        }

        var value = name switch
        {
            "add" => a + b,
            "sub" => a - b,
            "mul" => a * b,
            "and" => a & b,
            "or" => a | b,
            "xor" => a ^ b,
            "shl" => BitTerm.Of(BitOperation.ShiftLeft, a, b),
            "shr_u" => BitTerm.Of(BitOperation.ShiftRight, a, b),
            "shr_s" => BitTerm.Of(BitOperation.ShiftRightSigned, a, b),
            "rotl" => BitTerm.Of(BitOperation.RotateLeft, a, b),
            "rotr" => BitTerm.Of(BitOperation.RotateRight, a, b),
            "clz" => BitTerm.Of(BitOperation.LeadingZeros, a),
            "ctz" => BitTerm.Of(BitOperation.TrailingZeros, a),
            "popcnt" => BitTerm.Of(BitOperation.Ones, a),
            "eqz" => Truth(a.IsEqual(BitTerm.Number(0, width))),
            "eq" or "ne" or "lt_s" or "lt_u" or "gt_s" or "gt_u" or "le_s" or "le_u" or "ge_s" or "ge_u" => Truth(Comparison(name, a, b)),
            "wrap_i64" => a.Extract(0, 32),
            "extend_i32_s" => a.Extended(64, signed: true),
            "extend_i32_u" => a.Extended(64, signed: false),
            "extend8_s" => a.Extract(0, 8).Extended(width, signed: true),
            "extend16_s" => a.Extract(0, 16).Extended(width, signed: true),
            "extend32_s" => a.Extract(0, 32).Extended(width, signed: true),
            "reinterpret_f32" or "reinterpret_f64" => a,
            _ => null,
        };
        return value is null ? null : Total(value);
    }

    /// <summary>A comparison by the last part of its name, as one bit.</summary>
    internal static BitTerm Comparison(string name, BitTerm a, BitTerm b)
    {
        var signed = name.EndsWith("_s", StringComparison.Ordinal);
        return name[..2] switch
        {
            "eq" => a.IsEqual(b),
            "ne" => ~a.IsEqual(b),
            "lt" => a.IsLess(b, signed),
            "gt" => b.IsLess(a, signed),
            "le" => ~b.IsLess(a, signed),
            "ge" => ~a.IsLess(b, signed),
            _ => throw new ArgumentException($"{name} is no comparison"),
        };
    }

    private static BitTerm Truth(BitTerm bit) => bit.Extended(32, signed: false);

    private static InstructionMeaning? Division(string name, BitTerm a, BitTerm b)
    {
        BitOperation? operation = name switch
        {
            "div_u" => BitOperation.Divide,
            "div_s" => BitOperation.DivideSigned,
            "rem_u" => BitOperation.Remainder,
            "rem_s" => BitOperation.RemainderSigned,
            _ => null,
        };
        if (operation is not { } divides)
        {
            return null;
        }

        var overflow = NoTrap;
        if (divides == BitOperation.DivideSigned)
        {
            var smallest = a.IsEqual(BitTerm.Number(UInt128.One << (a.Width - 1), a.Width));
            overflow = BitTerm.Choose(smallest & b.IsEqual(BitTerm.Number(UInt128.MaxValue, a.Width)), Overflow, NoTrap);
        }

        return new InstructionMeaning(BitTerm.Of(divides, a, b), BitTerm.Choose(b.IsNotZero(), overflow, DivideByZero));
    }

    private static InstructionMeaning? Float(string name, IReadOnlyList<BitTerm> operands, int width, int exponent)
    {
        var a = operands[0];
        var sign = BitTerm.Number(UInt128.One << (width - 1), width);
        switch (name)
        {
            case "neg":
                return Total(a ^ sign);
            case "abs":
                return Total(a & ~sign);
            case "copysign":
                return Total((a & ~sign) | (operands[1] & sign));
            case "reinterpret_i32" or "reinterpret_i64":
                return Total(a);
            case "eq" or "ne" or "lt" or "gt" or "le" or "ge":
                return Total(Truth(FloatComparison(name, a, operands[1], sign, exponent)));
            default:
                return null;
        }
    }

    /// <summary>IEEE 754 comparisons on bits: nothing compares with a NaN, zeros are equal, and else the order is that of sign and magnitude.</summary>
    private static BitTerm FloatComparison(string name, BitTerm a, BitTerm b, BitTerm sign, int exponent)
    {
        var width = a.Width;
        var infinity = BitTerm.Number(BitTerm.Mask(exponent) << (width - 1 - exponent), width);
        var ordered = ~infinity.IsLess(a & ~sign, signed: false) & ~infinity.IsLess(b & ~sign, signed: false);
        var zeros = ~((a | b) & ~sign).IsNotZero();
        var equal = ordered & (zeros | a.IsEqual(b));
        BitTerm Less(BitTerm x, BitTerm y)
        {
            var (negativeX, negativeY) = ((x & sign).IsNotZero(), (y & sign).IsNotZero());
            var sameSign = BitTerm.Choose(negativeX, y.IsLess(x, signed: false), x.IsLess(y, signed: false));
            return ordered & ~zeros & BitTerm.Choose(negativeX ^ negativeY, negativeX, sameSign);
        }

        return name switch
        {
            "eq" => equal,
            "ne" => ~equal,
            "lt" => Less(a, b),
            "gt" => Less(b, a),
            "le" => Less(a, b) | equal,
            _ => Less(b, a) | equal,
        };
    }
}
