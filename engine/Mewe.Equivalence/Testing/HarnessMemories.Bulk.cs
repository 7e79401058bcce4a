using Mewe.Wasm;
using static Mewe.Wasm.Opcode;

namespace Mewe.Equivalence.Testing;

// Whole ranges at once: memory.fill, memory.copy and memory.init.
internal sealed partial class HarnessMemories
{
    private static readonly FunctionType Range = FunctionType.Of([ValueType.I64, ValueType.I64], []);

    /// <summary>Cells that are looked at together.</summary>
    private const int Skipped = 4;

    // (start, length): traps unless the range lies inside, and burns fuel for it.
    private void WriteEnterRange(uint memory)
    {
        enterRange[memory] = module.Declare(Range);
        var code = module.Code(enterRange[memory]);
        var scratch = code.Local(ValueType.I32);
        CheckRange(code, memory, 0, 1);
        code.Get(1).I64(6).Op(I64ShrU, I32WrapI64);
        runtime.Burn(code, scratch);
        module.Define(enterRange[memory], code);
    }

    // (start, length): does something with each cell of a range.
    private uint EachCell(uint each)
    {
        var function = module.Declare(Range);
        module.Define(function, module.Code(function)
            .Get(1).Op(I64Eqz).If().Op(Return).End()
            .Get(0).Get(1).Op(I64Add).Set(1)
            .Get(0).I64(-8).Op(I64And).Set(0)
            .Loop().Get(0).Call(each).Get(0).I64(8).Op(I64Add).Tee(0).Get(1).Op(I64LtU).BranchIf(0).End());
        return function;
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

    // Ranges are mostly written with what is there already, zeros: of the cells that lie wholly inside, those that change are logged and hashed, and what they change to is known before.
    private void Overwrite(CodeBuilder code, Instruction instruction, uint target, uint start, uint from, uint length)
    {
        var cell = code.Local(ValueType.I64);
        var last = code.Local(ValueType.I64);
        var old = code.Local(ValueType.I64);
        var changed = code.Local(ValueType.I64);
        var pattern = code.Local(ValueType.I64);
        code.Get(length).Op(I64Eqz).If().Op(Return).End();
        code.Get(start).I64(-8).Op(I64And).Tee(cell).Call(touch[target]);
        code.Get(start).Get(length).Op(I64Add).I64(1).Op(I64Sub).I64(-8).Op(I64And).Tee(last).Get(cell).Op(I64Ne).If().Get(last).Call(touch[target]).End();
        if (instruction.Opcode == MemoryFill)
        {
            code.Get(1).Op(I64ExtendI32U).I64(0xFF).Op(I64And).I64(0x01010101_01010101).Op(I64Mul).Set(pattern);
        }
        else
        {
            // Where the cell's content comes from, less where it goes.
            code.Get(from).Get(start).Op(I64Sub).Set(from);
        }

        code.Block().Loop();
        Skip();
        code.Get(cell).I64(8).Op(I64Add).Tee(cell).Get(last).Op(I64GeU).BranchIf(1);
        Changed(0);
        code.Set(changed);
        Load(code, target, cell);
        code.Tee(old).Get(changed).Op(I64Eq).BranchIf(0);
        Reserve(code);
        code.Get(cell).Get(old).Get(changed).Call(exchange[target]).Branch(0).End().End();
        code.Get(0).Get(1).Get(2).Add(instruction);
        code.Get(start).I64(-8).Op(I64And).Tee(cell).Call(settle[target]).Get(last).Get(cell).Op(I64Ne).If().Get(last).Call(settle[target]).End();

        // What the cell at that distance changes to.
        void Changed(int distance)
        {
            if (instruction.Opcode == MemoryFill)
            {
                code.Get(pattern);
                return;
            }

            code.Get(from).Get(cell).Op(I64Add);
            if (!Is64(instruction.Index2))
            {
                code.Op(I32WrapI64);
            }

            code.Access(I64Load, instruction.Index2, distance);
        }

        // While the next four cells lie inside and stay as they are, on to the last of them.
        void Skip()
        {
            code.Block().Loop().Get(cell).I64(8 * Skipped).Op(I64Add).Get(last).Op(I64GeU).BranchIf(1);
            for (var i = 1; i <= Skipped; i++)
            {
                Narrow(code, cell, target);
                code.Access(I64Load, target, 8 * i);
                Changed(8 * i);
                code.Op(I64Xor);
                if (i > 1)
                {
                    code.Op(I64Or);
                }
            }

            code.Op(I64Eqz, I32Eqz).BranchIf(1).Get(cell).I64(8 * Skipped).Op(I64Add).Set(cell).Branch(0).End().End();
        }
    }

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

        code.Get(start).Get(length).Call(enterRange[target]);
        if (instruction.Opcode == MemoryInit)
        {
            code.Get(start).Get(length).Call(touchRange[target]).Get(0).Get(1).Get(2).Add(instruction.WithIndex(segment.Index)).Get(start).Get(length).Call(settleRange[target]);
        }
        else
        {
            Overwrite(code, instruction, target, start, from, length);
        }

        module.Define(function, code);
        return function;
    }
}
