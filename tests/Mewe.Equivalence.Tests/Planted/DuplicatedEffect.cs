using Mewe.Wasm;

namespace Mewe.Equivalence.Tests.Planted;

/// <summary>x => x | x, where x calls or grows memory.</summary>
internal sealed class DuplicatedEffect : PlantedBug
{
    public override int Number => 1;

    public override IEnumerable<FunctionCode> Plant(FunctionCode code, FunctionType type, WasmModule module)
    {
        foreach (var at in Positions(code, instruction => instruction.Opcode is Opcode.Call or Opcode.MemoryGrow))
        {
            var instruction = code.Instructions[at];
            var callee = instruction.Opcode == Opcode.Call ? module.TypeOfFunction(instruction.Index) : FunctionType.Of([ValueType.I32], [ValueType.I32]);
            if (callee.Results is not [var result] || result != ValueType.I32)
            {
                continue;
            }

            var first = FirstNewLocal(code, type);
            var get = callee.Parameters.Select((_, i) => Instruction.LocalGet(first + (uint)i)).ToArray();
            var set = callee.Parameters.Select((_, i) => Instruction.LocalSet(first + (uint)i)).Reverse().ToArray();
            yield return Replace(WithLocals(code, callee.Parameters.AsSpan()), at, 1, [.. set, .. get, instruction, .. get, instruction, Op(Opcode.I32Or)]);
        }
    }
}
