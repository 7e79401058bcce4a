using Mewe.Wasm;

namespace Mewe.Equivalence.Tests.Planted;

/// <summary>A signed operation in place of the unsigned one, and the other way round.</summary>
internal sealed class ForgottenSign : PlantedBug
{
    private static readonly Dictionary<Opcode, Opcode> Others = OpcodeTable.All
        .Where(info => info.HasFixedSignature && info.Name.EndsWith("_s", StringComparison.Ordinal) && info.Name[..3] is "i32" or "i64"
            && OpcodeTable.Find(info.Name[..^1] + "u") is not null)
        .SelectMany(info => new[] { (info.Opcode, OpcodeTable.Find(info.Name[..^1] + "u")!.Opcode), (OpcodeTable.Find(info.Name[..^1] + "u")!.Opcode, info.Opcode) })
        .ToDictionary();

    public override int Number => 5;

    public override IEnumerable<FunctionCode> Plant(FunctionCode code, FunctionType type, WasmModule module)
    {
        foreach (var at in Positions(code, instruction => Others.ContainsKey(instruction.Opcode)))
        {
            var instruction = code.Instructions[at];

            // Bits above a mask, above what is stored, or compared with a small number tell nothing.
            if (instruction.Info.Immediate == ImmediateKind.Memory && code.Instructions[at + 1].Opcode is not (Opcode.I32Store or Opcode.I32Add or Opcode.Call))
            {
                continue;
            }

            if (instruction.Opcode is Opcode.I32ShrS or Opcode.I32ShrU or Opcode.I64ShrS or Opcode.I64ShrU
                && code.Instructions[at + 1].Opcode is Opcode.I32Const or Opcode.I64Const or Opcode.I32WrapI64 or Opcode.I32Store8)
            {
                continue;
            }

            var other = Others[instruction.Opcode];
            yield return Replace(code, at, 1, instruction.Info.Immediate == ImmediateKind.Memory
                ? Instruction.Memory(other, instruction.Bits, instruction.Index2, instruction.Index) : Op(other));
        }
    }
}
