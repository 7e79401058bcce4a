using System.Collections.Immutable;
using Mewe.Wasm;
using static Mewe.Wasm.Opcode;

namespace Mewe.Equivalence.Testing;

/// <summary>
/// Makes every NaN the canonical one. The specification lets an engine choose the bits of a NaN that arithmetic gives; this is a choice that it allows and that does not depend on registers. It stands behind every such
/// instruction, in line since that is most of what a loop of floats consists of, so that all bits after it are determined.
/// </summary>
internal static class CanonicalNan
{
    private const uint Single = 0x7FC00000;
    private const ulong Double = 0x7FF8000000000000, Singles = Single | (ulong)Single << 32;

    /// <summary>Emits it for the value on the stack.</summary>
    /// <param name="type">f32, f64 or v128.</param>
    /// <param name="doubles">For v128: two f64 lanes rather than four f32 lanes.</param>
    /// <param name="scratch">A local of that type.</param>
    public static void Emit(ImmutableArray<Instruction>.Builder code, ValueType type, bool doubles, uint scratch)
    {
        code.Add(Instruction.LocalTee(scratch));
        code.Add(type == ValueType.F32 ? Instruction.F32Const(Single)
            : type == ValueType.F64 ? Instruction.F64Const(Double)
            : doubles ? Instruction.V128Const(Double, Double) : Instruction.V128Const(Singles, Singles));
        code.Add(Instruction.LocalGet(scratch));
        code.Add(Instruction.LocalGet(scratch));
        code.Add(Instruction.Of(type == ValueType.F32 ? F32Eq : type == ValueType.F64 ? F64Eq : doubles ? F64x2Eq : F32x4Eq));
        code.Add(Instruction.Of(type == ValueType.V128 ? V128Bitselect : Select));
    }
}
