using Mewe.Equivalence.Testing;
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

            // Bits above a mask or above what is stored tell nothing, and of a comparison one side must be free to have the top bit.
            var next = code.Instructions[at + 1].Opcode;
            var tells = instruction.Info.Immediate == ImmediateKind.Memory ? next is Opcode.I32Store or Opcode.I32Add or Opcode.Call
                : RunTracer.IsComparison(instruction.Opcode) ? IsFree(code, type, at - 1) || (code.Instructions[at - 1].Opcode is Opcode.I32Const or Opcode.I64Const && IsFree(code, type, at - 2))
                : instruction.Opcode is Opcode.I32DivS or Opcode.I32DivU or Opcode.I32RemS or Opcode.I32RemU && code.Instructions.Take(at).TakeLast(3).All(before => before.Opcode != Opcode.I32And);
            if (!tells)
            {
                continue;
            }

            var other = Others[instruction.Opcode];
            yield return Replace(code, at, 1, instruction.Info.Immediate == ImmediateKind.Memory
                ? Instruction.Memory(other, instruction.Bits, instruction.Index2, instruction.Index) : Op(other));
        }
    }

    // A parameter that nobody has set before, or what was just loaded in full.
    private static bool IsFree(FunctionCode code, FunctionType type, int at)
    {
        var source = code.Instructions[Math.Max(at, 0)];
        return source.Opcode is Opcode.I32Load or Opcode.I64Load or Opcode.Call
            || (source.Opcode == Opcode.LocalGet && source.Index < type.Parameters.Length
                && !code.Instructions.Any(other => other.Opcode is Opcode.LocalSet or Opcode.LocalTee && other.Index == source.Index));
    }
}
