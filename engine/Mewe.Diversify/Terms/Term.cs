using Mewe.Wasm;

namespace Mewe.Diversify.Terms;

/// <summary>
/// What to compute in the place of an expression: an instruction applied to terms, or a variable, which stands for an operand of the expression that is
/// replaced. Instructions in terms are pure and total (arithmetic, constants, reads of locals and globals); only the operands may have effects.
/// </summary>
public sealed class Term
{
    private static readonly Term[] None = [];
    private static readonly Term[] Variables = [.. Enumerable.Range(0, 16).Select(index => new Term(default, None, index))];

    private Term(Instruction instruction, Term[] children, int index) => (Instruction, Children, VariableIndex) = (instruction, children, index);

    /// <summary>Meaningless for a variable.</summary>
    public Instruction Instruction { get; }

    public Term[] Children { get; }

    /// <summary>Which operand a variable stands for; -1 for everything else.</summary>
    public int VariableIndex { get; }

    public bool IsVariable => VariableIndex >= 0;

    public static Term Variable(int index) => Variables[index];

    public static Term Leaf(Instruction instruction) => new(instruction, None, -1);

    public static Term Of(Opcode opcode, Term a) => new(Instruction.Of(opcode), [a], -1);

    public static Term Of(Opcode opcode, Term a, Term b) => new(Instruction.Of(opcode), [a, b], -1);

    public static Term Of(Instruction instruction, params Term[] children) => new(instruction, children, -1);

    /// <summary>An integer constant, taken modulo 2^32 for i32.</summary>
    public static Term Constant(ValueType type, ulong bits) =>
        Leaf(type == ValueType.I32 ? Instruction.I32Const((int)bits) : Instruction.I64Const((long)bits));

    public override string ToString() => IsVariable ? $"${VariableIndex}" : Children.Length == 0 ? Instruction.ToString()
        : $"({Instruction} {string.Join(' ', Children.Select(child => child.ToString()))})";
}
