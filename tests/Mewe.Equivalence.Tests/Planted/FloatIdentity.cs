using Mewe.Wasm;

namespace Mewe.Equivalence.Tests.Planted;

/// <summary>x => x + 0.0, which turns -0.0 into 0.0.</summary>
internal sealed class FloatIdentity : PlantedBug
{
    public override int Number => 4;

    public override IEnumerable<FunctionCode> Plant(FunctionCode code, FunctionType type, WasmModule module)
    {
        foreach (var at in Positions(code, instruction => instruction.Opcode is Opcode.F64Load or Opcode.F32Load or Opcode.F64Neg or Opcode.F32Neg or Opcode.LocalGet))
        {
            // Elsewhere the sign of a zero is mostly lost again at once.
            var source = code.Instructions[at];
            var isFloatLocal = source.Opcode == Opcode.LocalGet && source.Index < type.Parameters.Length && type.Parameters[(int)source.Index].IsFloat;
            if (code.Instructions[at + 1].Opcode is not (Opcode.F64Store or Opcode.F32Store or Opcode.Call or Opcode.Return) || (source.Opcode == Opcode.LocalGet && !isFloatLocal))
            {
                continue;
            }

            var isSingle = source.Opcode is Opcode.F32Load or Opcode.F32Neg || (isFloatLocal && type.Parameters[(int)source.Index] == ValueType.F32);
            yield return Replace(code, at + 1, 0, isSingle ? Instruction.F32Const(0) : Instruction.F64Const(0), Op(isSingle ? Opcode.F32Add : Opcode.F64Add));
        }
    }
}
