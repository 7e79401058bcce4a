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
            var (from, to) = ((uint)lost, (uint)kept);

            if (lost >= type.Parameters.Length && types[kept] == types[lost] && (Disturbs(code, from, to) || Disturbs(code, to, from)))
            {
                yield return new FunctionCode(code.Locals, [.. code.Instructions.Select(instruction =>
                    instruction.Info.Immediate == ImmediateKind.Local && instruction.Index == from ? instruction.WithIndex(to) : instruction)]);
            }
        }
    }

    // One is written and then the other read, which was last written before that: else making them one may be right.
    private static bool Disturbs(FunctionCode code, uint written, uint read)
    {
        var isDisturbed = false;
        foreach (var instruction in code.Instructions)
        {
            var isWrite = instruction.Opcode is Opcode.LocalSet or Opcode.LocalTee;
            if (instruction.Opcode == Opcode.LocalGet && instruction.Index == read && isDisturbed)
            {
                return true;
            }

            isDisturbed = (isDisturbed && !(isWrite && instruction.Index == read)) || (isWrite && instruction.Index == written);
        }

        return false;
    }
}
