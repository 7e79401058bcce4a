using Mewe.Wasm;

namespace Mewe.Equivalence.Tests.Planted;

/// <summary>A branch whose label was not counted anew after a block was added or removed.</summary>
internal sealed class WrongLabel : PlantedBug
{
    public override int Number => 6;

    public override IEnumerable<FunctionCode> Plant(FunctionCode code, FunctionType type, WasmModule module)
    {
        foreach (var at in Positions(code, instruction => instruction.Opcode is Opcode.Br or Opcode.BrIf))
        {
            var branch = code.Instructions[at];
            yield return Replace(code, at, 1, branch.WithIndex(branch.Index > 0 ? branch.Index - 1 : branch.Index + 1));
        }
    }
}
