using System.Numerics;
using Mewe.Wasm;

namespace Mewe.Diversify.Synthesis;

/// <summary>
/// The total integer instructions with operands and result of one type, which synthesis searches over, with their meaning (specification, 4.3.2). Candidates are screened with it; that a rule holds is
/// for the oracle to say, which does not use it.
/// </summary>
internal static class IntegerOperation
{
    /// <summary>Instructions of a width with one operand; those of expressions, not necessarily those that are searched.</summary>
    public static ReadOnlySpan<Opcode> Unary(int width) => width == 32
        ? [Opcode.I32Eqz, Opcode.I32Clz, Opcode.I32Ctz, Opcode.I32Popcnt] : [Opcode.I64Clz, Opcode.I64Ctz, Opcode.I64Popcnt];

    /// <summary>Arithmetic, bitwise instructions, shifts and, where they give the type of their operands, comparisons.</summary>
    public static ReadOnlySpan<Opcode> Binary(int width) => width == 32
        ?
        [
            Opcode.I32Add, Opcode.I32Sub, Opcode.I32And, Opcode.I32Or, Opcode.I32Xor, Opcode.I32Mul, Opcode.I32Shl, Opcode.I32ShrU, Opcode.I32ShrS, Opcode.I32Rotl, Opcode.I32Rotr,
            Opcode.I32Eq, Opcode.I32Ne, Opcode.I32LtS, Opcode.I32LtU, Opcode.I32GtS, Opcode.I32GtU, Opcode.I32LeS, Opcode.I32LeU, Opcode.I32GeS, Opcode.I32GeU,
        ]
        :
        [
            Opcode.I64Add, Opcode.I64Sub, Opcode.I64And, Opcode.I64Or, Opcode.I64Xor, Opcode.I64Mul, Opcode.I64Shl, Opcode.I64ShrU, Opcode.I64ShrS, Opcode.I64Rotl, Opcode.I64Rotr,
        ];

    /// <summary>What the search builds from: enough for every value that the others give, and few enough to go deep.</summary>
    public static ReadOnlySpan<Opcode> Searched(int width, bool comparisons) => width == 32
        ? comparisons
            ? [Opcode.I32Sub, Opcode.I32Add, Opcode.I32And, Opcode.I32Or, Opcode.I32Xor, Opcode.I32Shl, Opcode.I32ShrU, Opcode.I32ShrS, Opcode.I32Mul, Opcode.I32LtU, Opcode.I32LtS, Opcode.I32Eq]
            : [Opcode.I32Sub, Opcode.I32Add, Opcode.I32And, Opcode.I32Or, Opcode.I32Xor, Opcode.I32Shl, Opcode.I32ShrU, Opcode.I32ShrS, Opcode.I32Mul, Opcode.I32Rotl]
        : [Opcode.I64Sub, Opcode.I64Add, Opcode.I64And, Opcode.I64Or, Opcode.I64Xor, Opcode.I64Shl, Opcode.I64ShrU, Opcode.I64ShrS, Opcode.I64Mul, Opcode.I64Rotl];

    public static bool IsComparison(Opcode opcode) => opcode is >= Opcode.I32Eqz and <= Opcode.I32GeU;

    public static bool IsCommutative(Opcode opcode) => opcode is Opcode.I32Add or Opcode.I32Mul or Opcode.I32And or Opcode.I32Or or Opcode.I32Xor or Opcode.I32Eq or Opcode.I32Ne
        or Opcode.I64Add or Opcode.I64Mul or Opcode.I64And or Opcode.I64Or or Opcode.I64Xor;

    /// <summary>The value, below 2^32 for an i32.</summary>
    /// <param name="b">Ignored where the instruction has one operand.</param>
    public static ulong Evaluate(Opcode opcode, ulong a, ulong b)
    {
        var (x, y) = ((uint)a, (uint)b);
        return opcode switch
        {
            Opcode.I32Add => x + y,
            Opcode.I32Sub => x - y,
            Opcode.I32Mul => x * y,
            Opcode.I32And => x & y,
            Opcode.I32Or => x | y,
            Opcode.I32Xor => x ^ y,
            Opcode.I32Shl => x << (int)(y & 31),
            Opcode.I32ShrU => x >> (int)(y & 31),
            Opcode.I32ShrS => (uint)((int)x >> (int)(y & 31)),
            Opcode.I32Rotl => BitOperations.RotateLeft(x, (int)(y & 31)),
            Opcode.I32Rotr => BitOperations.RotateRight(x, (int)(y & 31)),
            Opcode.I32Eqz => x == 0 ? 1UL : 0,
            Opcode.I32Clz => (ulong)BitOperations.LeadingZeroCount(x),
            Opcode.I32Ctz => x == 0 ? 32UL : (ulong)BitOperations.TrailingZeroCount(x),
            Opcode.I32Popcnt => (ulong)BitOperations.PopCount(x),
            Opcode.I32Eq => x == y ? 1UL : 0,
            Opcode.I32Ne => x != y ? 1UL : 0,
            Opcode.I32LtS => (int)x < (int)y ? 1UL : 0,
            Opcode.I32LtU => x < y ? 1UL : 0,
            Opcode.I32GtS => (int)x > (int)y ? 1UL : 0,
            Opcode.I32GtU => x > y ? 1UL : 0,
            Opcode.I32LeS => (int)x <= (int)y ? 1UL : 0,
            Opcode.I32LeU => x <= y ? 1UL : 0,
            Opcode.I32GeS => (int)x >= (int)y ? 1UL : 0,
            Opcode.I32GeU => x >= y ? 1UL : 0,
            Opcode.I64Add => a + b,
            Opcode.I64Sub => a - b,
            Opcode.I64Mul => a * b,
            Opcode.I64And => a & b,
            Opcode.I64Or => a | b,
            Opcode.I64Xor => a ^ b,
            Opcode.I64Shl => a << (int)(b & 63),
            Opcode.I64ShrU => a >> (int)(b & 63),
            Opcode.I64ShrS => (ulong)((long)a >> (int)(b & 63)),
            Opcode.I64Rotl => BitOperations.RotateLeft(a, (int)(b & 63)),
            Opcode.I64Rotr => BitOperations.RotateRight(a, (int)(b & 63)),
            Opcode.I64Clz => (ulong)BitOperations.LeadingZeroCount(a),
            Opcode.I64Ctz => a == 0 ? 64UL : (ulong)BitOperations.TrailingZeroCount(a),
            Opcode.I64Popcnt => (ulong)BitOperations.PopCount(a),
            _ => throw new ArgumentOutOfRangeException(nameof(opcode), opcode, "not an instruction that synthesis knows"),
        };
    }

    /// <summary>The value of a term of such instructions, constants and variables.</summary>
    public static ulong Evaluate(Terms.Term term, ReadOnlySpan<ulong> variables)
    {
        if (term.IsVariable)
        {
            return variables[term.VariableIndex];
        }

        if (term.Children.Length == 0)
        {
            return term.Instruction.Opcode == Opcode.I32Const ? (uint)term.Instruction.Bits : term.Instruction.Bits;
        }

        return Evaluate(term.Instruction.Opcode, Evaluate(term.Children[0], variables), term.Children.Length > 1 ? Evaluate(term.Children[1], variables) : 0);
    }
}
