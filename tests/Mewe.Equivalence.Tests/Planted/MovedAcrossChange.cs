using Mewe.Wasm;

namespace Mewe.Equivalence.Tests.Planted;

/// <summary>Two statements in the wrong order, of which one changes what the other reads or writes.</summary>
internal sealed class MovedAcrossChange : PlantedBug
{
    public override int Number => 2;

    public override IEnumerable<FunctionCode> Plant(FunctionCode code, FunctionType type, WasmModule module)
    {
        var statements = Statements(code);
        for (var i = 0; i + 1 < statements.Count; i++)
        {
            var ((start, middle), (next, end)) = (statements[i], statements[i + 1]);
            var first = code.Instructions.AsSpan(start, middle - start).ToArray();
            var second = code.Instructions.AsSpan(next, end - next).ToArray();
            if (middle == next && (Changes(first, second) || Changes(second, first)))
            {
                yield return Replace(code, start, end - start, [.. second, .. first]);
            }
        }
    }

    private static bool Changes(Instruction[] one, Instruction[] other)
    {
        var last = one[^1];
        return last.Opcode switch
        {
            Opcode.LocalSet => other.Any(instruction => instruction.Opcode is Opcode.LocalGet or Opcode.LocalSet or Opcode.LocalTee && instruction.Index == last.Index),
            Opcode.GlobalSet => other.Any(instruction => instruction.Opcode is Opcode.GlobalGet && instruction.Index == last.Index),
            Opcode.Call => other.Any(instruction => (instruction.Info.Effects & (Effects.ReadsMemory | Effects.WritesMemory | Effects.Calls | Effects.WritesGlobal)) != 0),

            // The same address, named in the same way.
            _ => (last.Info.Effects & Effects.WritesMemory) != 0 && one[0].Opcode == Opcode.LocalGet && Enumerable.Range(1, other.Length - 1).Any(i =>
                (other[i].Info.Effects & Effects.ReadsMemory) != 0 && other[i].Bits == last.Bits && other[i - 1].Equals(one[0]) && one[1].Opcode != Opcode.I32Add),
        };
    }

    // Stretches of straight code that start and end with nothing of their own on the stack.
    private static List<(int Start, int End)> Statements(FunctionCode code)
    {
        var found = new List<(int, int)>();
        var start = 0;
        var height = 0;
        for (var i = 0; i < code.Instructions.Length; i++)
        {
            var instruction = code.Instructions[i];
            var (takes, gives) = instruction.Opcode switch
            {
                Opcode.LocalGet or Opcode.GlobalGet => (0, 1),
                Opcode.LocalSet or Opcode.GlobalSet or Opcode.Drop => (1, 0),
                Opcode.LocalTee => (1, 1),
                Opcode.Select => (3, 1),
                _ when instruction.Info.HasFixedSignature => (instruction.Info.Operands.Length, instruction.Info.Results.Length),
                _ => (-1, 0),
            };
            if (takes < 0 || height < takes)
            {
                (start, height) = (i + 1, 0);
                continue;
            }

            height += gives - takes;
            if (height == 0)
            {
                found.Add((start, i + 1));
                start = i + 1;
            }
        }

        return found;
    }
}
