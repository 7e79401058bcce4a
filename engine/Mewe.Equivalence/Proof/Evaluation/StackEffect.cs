using Mewe.Diversify;
using Mewe.Wasm;

namespace Mewe.Equivalence.Proof.Evaluation;

/// <summary>How many operands an instruction takes and how many results it gives.</summary>
internal static class StackEffect
{
    /// <exception cref="NotProvableException">The instruction is not reasoned about.</exception>
    public static (int Operands, int Results) Of(ModuleFacts module, Instruction instruction)
    {
        switch (instruction.Opcode)
        {
            case Opcode.Drop:
                return (1, 0);
            case Opcode.Select or Opcode.SelectTyped:
                return (3, 1);
            case Opcode.GlobalGet:
                return (0, 1);
            case Opcode.GlobalSet:
                return (1, 0);
            case Opcode.Call or Opcode.ReturnCall:
                return Of(module.FunctionTypes[(int)instruction.Index]);
            case Opcode.CallIndirect or Opcode.ReturnCallIndirect or Opcode.CallRef or Opcode.ReturnCallRef:
                var (operands, results) = Of(module.TypeAt(instruction.Index));
                return (operands + 1, results);
            case Opcode.RefNull or Opcode.RefFunc:
                return (0, 1);
            case Opcode.RefIsNull:
                return (1, 1);
            case Opcode.TableGet:
                return (1, 1);
            case Opcode.TableSet:
                return (2, 0);
            case Opcode.TableSize:
                return (0, 1);
            case Opcode.TableGrow:
                return (2, 1);
            case Opcode.TableFill or Opcode.TableCopy or Opcode.TableInit or Opcode.MemoryFill or Opcode.MemoryCopy or Opcode.MemoryInit:
                return (3, 0);
            case Opcode.DataDrop or Opcode.ElemDrop:
                return (0, 0);
        }

        var info = instruction.Info;
        if (!info.HasFixedSignature)
        {
            throw new NotProvableException($"{info.Name} is not reasoned about");
        }

        return (info.Operands.Length, info.Results.Length);
    }

    private static (int Operands, int Results) Of(FunctionType? type) =>
        type is null ? throw new NotProvableException("a call of something that has no function type") : (type.Parameters.Length, type.Results.Length);
}
