using Mewe.Wasm;

namespace Mewe.Equivalence.Tests.Planted;

/// <summary>A loop whose first iteration was put in front of it, and which is entered even where that iteration was the last.</summary>
internal sealed class BadPeeling : PlantedBug
{
    public override int Number => 9;

    public override IEnumerable<FunctionCode> Plant(FunctionCode code, FunctionType type, WasmModule module)
    {
        foreach (var at in Positions(code, instruction => instruction.Opcode == Opcode.Loop && instruction.BlockType.IsEmpty))
        {
            var behind = Behind(code.Instructions, at);

            // Only where the loop is left by falling out of it: otherwise the peeled copy leaves as it should.
            if (code.Instructions[behind - 2].Opcode == Opcode.BrIf)
            {
                yield return Replace(code, at, 0, [Instruction.Block(Opcode.Block, BlockType.Empty), .. code.Instructions.AsSpan(at + 1, behind - at - 1)]);
            }
        }
    }
}
