using Mewe.Wasm;

namespace Mewe.Equivalence.Tests.Planted;

/// <summary>A loop unrolled once, whose first half cannot leave it at its end.</summary>
internal sealed class UnrolledWithoutExit : PlantedBug
{
    public override int Number => 9;

    public override IEnumerable<FunctionCode> Plant(FunctionCode code, FunctionType type, WasmModule module)
    {
        foreach (var at in Positions(code, instruction => instruction.Opcode == Opcode.Loop && instruction.BlockType.IsEmpty))
        {
            var behind = Behind(code.Instructions, at);
            var body = code.Instructions.AsSpan(at + 1, behind - at - 2).ToArray();

            // Only where the loop is left by falling out of it: other exits leave the first half as they should.
            if (body.Length > 0 && body[^1].Opcode == Opcode.BrIf && body[^1].Index == 0)
            {
                yield return Replace(code, at + 1, 0, [Instruction.Block(Opcode.Block, BlockType.Empty), .. Deeper(body), Op(Opcode.End)]);
            }
        }
    }

    // The loop's own label now names the block; all labels outside are one further away.
    private static IEnumerable<Instruction> Deeper(Instruction[] body)
    {
        var depth = 0u;
        foreach (var instruction in body)
        {
            if (instruction.Opcode is Opcode.Br or Opcode.BrIf)
            {
                yield return instruction.WithIndex(Shift(instruction.Index));
            }
            else if (instruction.Opcode == Opcode.BrTable)
            {
                yield return Instruction.BranchTable([.. instruction.Labels.Select(Shift)], Shift(instruction.Index));
            }
            else
            {
                depth = instruction.OpensBlock ? depth + 1 : instruction.Opcode == Opcode.End ? depth - 1 : depth;
                yield return instruction;
            }
        }

        uint Shift(uint label) => label > depth ? label + 1 : label;
    }
}
