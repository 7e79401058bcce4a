using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Control;

/// <summary>Negation of conditions.</summary>
internal static class Conditions
{
    /// <summary>
    /// The integer comparison that is true exactly where this one is false, with the same signedness; null for all other instructions, floats among them
    /// (a comparison with NaN is false, and so is its opposite).
    /// </summary>
    public static Opcode? Negated(Opcode comparison) => comparison switch
    {
        Opcode.I32Eq => Opcode.I32Ne,
        Opcode.I32Ne => Opcode.I32Eq,
        Opcode.I32LtS => Opcode.I32GeS,
        Opcode.I32GeS => Opcode.I32LtS,
        Opcode.I32LtU => Opcode.I32GeU,
        Opcode.I32GeU => Opcode.I32LtU,
        Opcode.I32GtS => Opcode.I32LeS,
        Opcode.I32LeS => Opcode.I32GtS,
        Opcode.I32GtU => Opcode.I32LeU,
        Opcode.I32LeU => Opcode.I32GtU,
        Opcode.I64Eq => Opcode.I64Ne,
        Opcode.I64Ne => Opcode.I64Eq,
        Opcode.I64LtS => Opcode.I64GeS,
        Opcode.I64GeS => Opcode.I64LtS,
        Opcode.I64LtU => Opcode.I64GeU,
        Opcode.I64GeU => Opcode.I64LtU,
        Opcode.I64GtS => Opcode.I64LeS,
        Opcode.I64LeS => Opcode.I64GtS,
        Opcode.I64GtU => Opcode.I64LeU,
        Opcode.I64LeU => Opcode.I64GtU,
        Opcode.F32Eq => Opcode.F32Ne,
        Opcode.F32Ne => Opcode.F32Eq,
        Opcode.F64Eq => Opcode.F64Ne,
        Opcode.F64Ne => Opcode.F64Eq,
        _ => null,
    };

    /// <summary>
    /// Appends instructions that leave the opposite truth of the value on the stack. Where the list ends with a comparison that made this value, it is turned
    /// around in place; otherwise i32.eqz is appended, which is right for every i32.
    /// </summary>
    /// <param name="made">True where the last instruction of the list pushed exactly the condition.</param>
    public static void Negate(List<Instruction> code, bool made)
    {
        if (made && code.Count > 0 && Negated(code[^1].Opcode) is { } opposite)
        {
            code[^1] = Instruction.Of(opposite);
            return;
        }

        if (made && code.Count > 0 && code[^1].Opcode == Opcode.I32Eqz)
        {
            // Only for use as a condition: what was under the eqz is true where the eqz is false.
            code.RemoveAt(code.Count - 1);
            return;
        }

        code.Add(Instruction.Of(Opcode.I32Eqz));
    }
}
