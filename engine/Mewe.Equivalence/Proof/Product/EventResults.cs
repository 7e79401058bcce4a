using System.Collections.Immutable;
using Mewe.Diversify;
using Mewe.Equivalence.Proof.Evaluation;
using Mewe.Wasm;

namespace Mewe.Equivalence.Proof.Product;

/// <summary>What an event gives and what it may change.</summary>
internal static class EventResults
{
    public static ImmutableArray<ValueType> Of(ModuleFacts module, Instruction instruction) => instruction.Opcode switch
    {
        Opcode.Call => module.FunctionTypes[(int)instruction.Index]!.Results,
        Opcode.CallIndirect or Opcode.CallRef => module.TypeAt(instruction.Index)!.Results,
        Opcode.TableGet => [module.Tables[(int)instruction.Index].Element],
        Opcode.TableSize or Opcode.TableGrow => [module.Tables[(int)instruction.Index].Limits.AddressType],
        Opcode.MemoryGrow => [module.AddressType(instruction.Index)],
        Opcode.TableSet or Opcode.TableFill or Opcode.TableCopy or Opcode.TableInit or Opcode.ElemDrop or Opcode.DataDrop
            or Opcode.MemoryFill or Opcode.MemoryCopy or Opcode.MemoryInit => [],
        _ when instruction.Info.HasFixedSignature => [.. instruction.Info.Results.Select(letter => letter == 'a' ? module.AddressType(instruction.Index) : ValueType.FromLetter(letter))],
        _ => throw new NotProvableException($"{instruction.Info.Name} is not reasoned about"),
    };

    /// <summary>Slots of the visible state that mean something new behind the event.</summary>
    public static IEnumerable<int> ChangedSlots(StateLayout layout, Instruction instruction) => instruction.Opcode switch
    {
        Opcode.MemoryGrow => [layout.MemorySlot(instruction.Index), layout.SizeSlot(instruction.Index)],
        Opcode.TableGet or Opcode.TableSize or Opcode.TableGrow or Opcode.TableSet or Opcode.TableFill or Opcode.TableCopy or Opcode.TableInit or Opcode.ElemDrop or Opcode.DataDrop => [],
        _ => Enumerable.Range(0, layout.Count),
    };
}
