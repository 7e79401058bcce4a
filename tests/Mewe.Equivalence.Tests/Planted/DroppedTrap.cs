using Mewe.Wasm;

namespace Mewe.Equivalence.Tests.Planted;

/// <summary>A load through a parameter, or a division, gives 0 where it should trap.</summary>
internal sealed class DroppedTrap : PlantedBug
{
    public override int Number => 3;

    public override IEnumerable<FunctionCode> Plant(FunctionCode code, FunctionType type, WasmModule module)
    {
        var scratch = FirstNewLocal(code, type);
        foreach (var at in Positions(code, instruction => instruction.Opcode is Opcode.I32Load or Opcode.I32DivU or Opcode.I32RemU))
        {
            var instruction = code.Instructions[at];
            if (instruction.Opcode == Opcode.I32Load)
            {
                var before = code.Instructions[Math.Max(at - 1, 0)];
                // An access through the same pointer before it traps already.
                var isFirst = code.Instructions.Take(at - 1).All(other => other.Info.Immediate != ImmediateKind.Local || other.Index != before.Index);
                if (before.Opcode == Opcode.LocalGet && before.Index < type.Parameters.Length && isFirst)
                {
                    yield return Replace(WithLocals(code, ValueType.I32), at, 1,
                        Instruction.LocalTee(scratch), Instruction.I32Const(-65536), Op(Opcode.I32LtU), Instruction.Block(Opcode.If, BlockType.Of(ValueType.I32)),
                        Instruction.LocalGet(scratch), Instruction.Of(Opcode.MemorySize, 0), Instruction.I32Const(16), Op(Opcode.I32Shl), Instruction.I32Const(-65536),
                        Op(Opcode.I32Add), Op(Opcode.I32LtU), Instruction.Block(Opcode.If, BlockType.Of(ValueType.I32)),
                        Instruction.LocalGet(scratch), instruction, Op(Opcode.Else), Instruction.I32Const(0), Op(Opcode.End),
                        Op(Opcode.Else), Instruction.I32Const(0), Op(Opcode.End));
                }
            }
            else if (code.Instructions[at - 1].Opcode != Opcode.I32Const)
            {
                yield return Replace(WithLocals(code, ValueType.I32), at, 1,
                    Instruction.LocalTee(scratch), Instruction.LocalGet(scratch), Op(Opcode.I32Eqz), Op(Opcode.I32Or), instruction);
            }
        }
    }
}
