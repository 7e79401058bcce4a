using Mewe.Wasm;

namespace Mewe.Equivalence.Tests.Planted;

/// <summary>A br_table that goes to its first label where it should take the default.</summary>
internal sealed class LostDefault : PlantedBug
{
    public override int Number => 9;

    public override IEnumerable<FunctionCode> Plant(FunctionCode code, FunctionType type, WasmModule module)
    {
        foreach (var at in Positions(code, instruction => instruction.Opcode == Opcode.BrTable && instruction.Labels.Length > 0))
        {
            var table = code.Instructions[at];
            var other = table.Labels.FirstOrDefault(label => label != table.Index, table.Index);
            // Compilers add a default that a mask just before makes unreachable.
            var isMasked = code.Instructions.Take(at).TakeLast(5).Any(before => before.Opcode == Opcode.I32And);
            if (other != table.Index && !isMasked)
            {
                yield return Replace(code, at, 1, table.WithIndex(other));
            }
        }
    }
}
