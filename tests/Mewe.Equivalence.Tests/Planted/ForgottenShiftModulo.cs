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
            if (at == 0 || code.Instructions[at - 1].Opcode is Opcode.I32Const or Opcode.I64Const or Opcode.I32And or Opcode.I64And or Opcode.I64ExtendI32U)
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
}
