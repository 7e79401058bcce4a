using Mewe.Wasm;

namespace Mewe.Equivalence.Tests.Planted;

/// <summary>Two locals made one without asking whether both are alive, or whether one still counts on starting at zero.</summary>
internal sealed class MergedLocals : PlantedBug
{
    public override int Number => 7;

    public override IEnumerable<FunctionCode> Plant(FunctionCode code, FunctionType type, WasmModule module)
    {
        var types = type.Parameters.AddRange(code.LocalTypes());
        for (var kept = 0; kept + 1 < types.Length; kept++)
        {
            var lost = kept + 1;
            if (lost >= type.Parameters.Length && types[kept] == types[lost])
            {
                var (from, to) = ((uint)lost, (uint)kept);
                yield return new FunctionCode(code.Locals, [.. code.Instructions.Select(instruction =>
                    instruction.Info.Immediate == ImmediateKind.Local && instruction.Index == from ? instruction.WithIndex(to) : instruction)]);
            }
        }
    }
}
