using Mewe.Equivalence.Testing;
using Mewe.Wasm;

namespace Mewe.Equivalence.Tests.Planted;

/// <summary>A shift by a variable count that gives 0 from the width on, as in other languages.</summary>
internal sealed class ForgottenShiftModulo : PlantedBug
{
    public override int Number => 5;

    public override IEnumerable<FunctionCode> Plant(FunctionCode code, FunctionType type, WasmModule module)
    {
        foreach (var at in Positions(code, instruction => instruction.Opcode is Opcode.I32Shl or Opcode.I32ShrU or Opcode.I64Shl or Opcode.I64ShrU))
        {
            var isLong = code.Instructions[at].Opcode is Opcode.I64Shl or Opcode.I64ShrU;

            // A count that is made a small number just before, or is checked, never reaches the width.
            var count = at > 0 ? code.Instructions[at - 1] : default;
            var isFree = count.Opcode is Opcode.Call or Opcode.I32Load or Opcode.I32WrapI64
                || (count.Opcode == Opcode.LocalGet && IsFree(code, type, count.Index));
            if (!isFree)
            {
                continue;
            }

            var scratch = FirstNewLocal(code, type);
            yield return isLong
                ? Replace(WithLocals(code, ValueType.I64), at, 1,
                    Instruction.LocalTee(scratch), code.Instructions[at], Instruction.I64Const(0), Instruction.LocalGet(scratch), Instruction.I64Const(64),
                    Op(Opcode.I64LtU), Op(Opcode.Select))
                : Replace(WithLocals(code, ValueType.I32), at, 1,
                    Instruction.LocalTee(scratch), code.Instructions[at], Instruction.I32Const(0), Instruction.LocalGet(scratch), Instruction.I32Const(32),
                    Op(Opcode.I32LtU), Op(Opcode.Select));
        }
    }

    // A parameter that is neither set nor compared with anything.
    private static bool IsFree(FunctionCode code, FunctionType type, uint local) => local < type.Parameters.Length
        && Positions(code, instruction => instruction.Info.Immediate == ImmediateKind.Local && instruction.Index == local).All(at =>
            code.Instructions[at].Opcode == Opcode.LocalGet && !code.Instructions.Skip(at + 1).Take(2).Any(next => RunTracer.IsComparison(next.Opcode)));
}
