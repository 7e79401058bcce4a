using Mewe.Wasm;
using static Mewe.Wasm.Opcode;

namespace Mewe.Equivalence.Testing;

// Whole ranges at once: memory.fill, memory.copy and memory.init.
internal sealed partial class HarnessMemories
{
    // (start, length): as touch and settle for all cells of a range.
    private void WriteTouchRange(uint memory)
    {
        touchRange[memory] = module.Declare(FunctionType.Of([ValueType.I64, ValueType.I64], []));
        var code = module.Code(touchRange[memory]);
        var scratch = code.Local(ValueType.I32);
        CheckRange(code, memory, 0, 1);
        code.Get(1).I64(6).Op(I64ShrU, I32WrapI64);
        runtime.Burn(code, scratch);
        EachCell(code, touch[memory]);
        module.Define(touchRange[memory], code);
    }

    private void WriteSettleRange(uint memory)
    {
        settleRange[memory] = module.Declare(FunctionType.Of([ValueType.I64, ValueType.I64], []));
        var code = module.Code(settleRange[memory]);
        EachCell(code, settle[memory]);
        module.Define(settleRange[memory], code);
    }

    /// <summary>Traps unless [start, start + length) lies inside; an empty range may stand at the end.</summary>
    private void CheckRange(CodeBuilder code, uint memory, uint start, uint length)
    {
        code.Get(start).Get(length).Op(I64Add);
        Bytes(code, memory);
        code.Op(I64GtU).Get(start).Get(length).Op(I64Add).Get(start).Op(I64LtU, I32Or).If();
        OutOfBounds(code, memory);
        code.End();
    }

    private static void EachCell(CodeBuilder code, uint each) => code
        .Get(1).Op(I64Eqz).If().Op(Return).End()
        .Get(0).Get(1).Op(I64Add).Set(1)
        .Get(0).I64(-8).Op(I64And).Set(0)
        .Loop().Get(0).Call(each).Get(0).I64(8).Op(I64Add).Tee(0).Get(1).Op(I64LtU).BranchIf(0).End();

    /// <summary>A function that does what memory.fill, memory.copy or memory.init does.</summary>
    /// <param name="segment">For memory.init: the harness's segment, its length, and the bit of <see cref="HarnessState.Dropped"/> that says it is gone.</param>
    public uint Bulk(in Instruction instruction, (uint Index, int Length, int Bit) segment = default)
    {
        if (made.TryGetValue((instruction.Opcode, instruction.Index, instruction.Index2), out var function))
        {
            return function;
        }

        var target = instruction.Opcode == MemoryInit ? instruction.Index2 : instruction.Index;
        var address = AddressType(target);
        FunctionType type;
        switch (instruction.Opcode)
        {
            case MemoryFill:
                type = FunctionType.Of([address, ValueType.I32, address], []);
                break;
            case MemoryInit:
                type = FunctionType.Of([address, ValueType.I32, ValueType.I32], []);
                break;
            default:
                var source = AddressType(instruction.Index2);
                type = FunctionType.Of([address, source, Is64(target) && Is64(instruction.Index2) ? ValueType.I64 : ValueType.I32], []);
                break;
        }

        function = module.Declare(type);
        made.Add((instruction.Opcode, instruction.Index, instruction.Index2), function);
        var code = module.Code(function);
        var start = code.Local(ValueType.I64);
        var from = code.Local(ValueType.I64);
        var length = code.Local(ValueType.I64);
        Wide(code, 0, Is64(target));
        code.Set(start);
        Wide(code, 2, type.Parameters[2] == ValueType.I64);
        code.Set(length);
        if (instruction.Opcode != MemoryFill)
        {
            Wide(code, 1, type.Parameters[1] == ValueType.I64);
            code.Set(from);
        }

        if (instruction.Opcode == MemoryCopy)
        {
            CheckRange(code, instruction.Index2, from, length);
        }
        else if (instruction.Opcode == MemoryInit)
        {
            code.Get(from).Get(length).Op(I64Add);
            code.I64(0L).I64(segment.Length).Global(state.Dropped).I64(1L << segment.Bit).Op(I64And, I64Eqz).Op(I32Eqz, Select);
            code.Op(I64GtU).If();
            OutOfBounds(code, target);
            code.End();
        }

        code.Get(start).Get(length).Call(touchRange[target]);
        code.Get(0).Get(1).Get(2).Add(instruction.Opcode == MemoryInit ? instruction.WithIndex(segment.Index) : instruction);
        code.Get(start).Get(length).Call(settleRange[target]);
        module.Define(function, code);
        return function;
    }
}
