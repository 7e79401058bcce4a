using Mewe.Wasm;

namespace Mewe.Equivalence.Tests.Planted;

/// <summary>memory.size taken for a constant, memory.grow for a failure, and the size asked for before the memory grows.</summary>
internal sealed class StaleMemorySize : PlantedBug
{
    public override int Number => 10;

    public override IEnumerable<FunctionCode> Plant(FunctionCode code, FunctionType type, WasmModule module)
    {
        foreach (var at in Positions(code, instruction => instruction.Opcode is Opcode.MemorySize or Opcode.MemoryGrow))
        {
            if (code.Instructions[at].Opcode == Opcode.MemorySize)
            {
                yield return Replace(code, at, 1, Instruction.I32Const((int)module.AllMemories()[0].Limits.Minimum + 1));
            }
            else
            {
                yield return Replace(code, at, 1, Op(Opcode.Drop), Instruction.I32Const(-1));
                yield return Replace(code, at, 1, Op(Opcode.Drop), Instruction.Of(Opcode.MemorySize, 0));
                yield return Replace(code, at, 1, Instruction.Of(Opcode.MemoryGrow, 0), Op(Opcode.Drop), Instruction.Of(Opcode.MemorySize, 0));
                yield return Replace(code, at + 1, 0, Op(Opcode.Drop), Instruction.I32Const(0), Instruction.Of(Opcode.MemoryGrow, 0));
            }
        }
    }
}
