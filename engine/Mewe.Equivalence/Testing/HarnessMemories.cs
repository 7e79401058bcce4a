using Mewe.Execution;
using Mewe.Wasm;
using static Mewe.Wasm.Opcode;

namespace Mewe.Equivalence.Testing;

/// <summary>
/// The memories of the module under test inside a harness. Every write goes through here: it is checked against the bounds first, so that it traps exactly
/// where the plain instruction would; then each 8-byte cell it changes is put on the undo log and its contribution to <see cref="HarnessState.MemoryHash"/>
/// is exchanged. The hash is the exclusive or over all cells of hash(address, content) relative to the state before the run, so it equals another run's hash
/// exactly when the memories are equal (but for a collision of 64 bits), in whatever order they were written.
/// </summary>
/// <remarks>
/// Sizes are virtual where a body asks for them (<see cref="SubjectNeeds.SizesMemory"/>): the memory is allocated with some pages more, growing only moves
/// a global, and loads are checked too. Cells never straddle the end of a memory, since that is a multiple of the page size.
/// </remarks>
internal sealed partial class HarnessMemories
{
    /// <summary>How far a memory can grow in the harness.</summary>
    public const int SparePages = 3;

    private readonly HarnessModule module;
    private readonly HarnessState state;
    private readonly HarnessRuntime runtime;
    private readonly OriginalModule original;
    private readonly uint bookkeeping;
    private readonly bool virtualSizes;
    private readonly RunTracer? tracer;
    private readonly uint[] sizes;
    private readonly uint[] touch;
    private readonly uint[] settle;
    private readonly uint[] hashCell;
    private readonly uint[] exchange;
    private readonly uint[] enterRange;
    private readonly uint[] touchRange;
    private readonly uint[] settleRange;
    private readonly uint[] poke;
    private readonly uint[] plant;
    private readonly Dictionary<object, uint> made = [];

    public HarnessMemories(HarnessModule module, HarnessState state, HarnessRuntime runtime, OriginalModule original, bool virtualSizes, RunTracer? tracer)
    {
        (this.module, this.state, this.runtime, this.original) = (module, state, runtime, original);
        (this.virtualSizes, this.tracer) = (virtualSizes, tracer);
        var count = original.Memories.Length;
        bookkeeping = (uint)count;
        sizes = new uint[count];
        touch = new uint[count];
        settle = new uint[count];
        hashCell = new uint[count];
        exchange = new uint[count];
        enterRange = new uint[count];
        touchRange = new uint[count];
        settleRange = new uint[count];
        poke = new uint[count];
        plant = new uint[count];
        for (var m = 0u; m < count; m++)
        {
            sizes[m] = virtualSizes ? module.AddGlobal(ValueType.I64, Instruction.I64Const(0)) : 0;
            hashCell[m] = WriteHashCell(m);
            exchange[m] = WriteExchange(m);
            WriteTouch(m);
            WriteSettle(m);
            WriteEnterRange(m);
            touchRange[m] = EachCell(touch[m]);
            settleRange[m] = EachCell(settle[m]);
            WritePoke(m);
            WritePlant(m);
        }
    }

    private HarnessMemories(HarnessMemories library, HarnessModule harness)
    {
        (module, state, runtime, original, bookkeeping, virtualSizes, tracer) = (harness, library.state, library.runtime, library.original, library.bookkeeping, library.virtualSizes, library.tracer);
        (sizes, touch, settle, hashCell, exchange) = (library.sizes, library.touch, library.settle, library.hashCell, library.exchange);
        (enterRange, touchRange, settleRange, poke, plant) = (library.enterRange, library.touchRange, library.settleRange, library.poke, library.plant);
        made = new(library.made);
    }

    /// <summary>The same in a harness that extends the library whose memories these are: what it lacks is made in the harness.</summary>
    public HarnessMemories In(HarnessModule harness) => new(this, harness);

    /// <summary>Makes what nearly all bodies use: plain accesses to memory 0 and its bulk operations.</summary>
    public void MakeUsual()
    {
        if (Count == 0)
        {
            return;
        }

        for (var opcode = I32Store; opcode <= I64Store32; opcode++)
        {
            Write(Instruction.Memory(opcode, 0, 0, 0));
        }

        for (var opcode = I32Load; opcode <= I64Load32U && ReplacesLoads; opcode++)
        {
            Read(Instruction.Memory(opcode, 0, 0, 0));
        }

        Bulk(Instruction.Of(MemoryFill));
        Bulk(Instruction.Of(MemoryCopy));
        if (virtualSizes)
        {
            Grow(0);
        }
    }

    public int Count => sizes.Length;

    public bool Is64(uint memory) => original.Memories[(int)memory].Limits.Is64;

    /// <summary>Pages to allocate.</summary>
    public ulong PhysicalPages(int memory) => original.Pages[memory] + (virtualSizes ? Room(memory) : 0);

    private ulong Room(int memory) =>
        original.Memories[memory].Limits.Maximum is { } maximum ? Math.Min(SparePages, maximum - Math.Min(maximum, original.Pages[memory])) : SparePages;

    private ValueType AddressType(uint memory) => Is64(memory) ? ValueType.I64 : ValueType.I32;

    /// <summary>The size in pages, as i64.</summary>
    private void Pages(CodeBuilder code, uint memory)
    {
        if (virtualSizes)
        {
            code.Global(sizes[memory]);
        }
        else
        {
            code.I64(original.Pages[(int)memory]);
        }
    }

    private void Bytes(CodeBuilder code, uint memory)
    {
        if (virtualSizes)
        {
            code.Global(sizes[memory]).I64(16).Op(I64Shl);
        }
        else
        {
            code.I64(original.Bytes((int)memory));
        }
    }

    /// <summary>Local <paramref name="address"/> as i64.</summary>
    private void Wide(CodeBuilder code, uint address, bool is64)
    {
        code.Get(address);
        if (!is64)
        {
            code.Op(I64ExtendI32U);
        }
    }

    private void Narrow(CodeBuilder code, uint wide, uint memory)
    {
        code.Get(wide);
        if (!Is64(memory))
        {
            code.Op(I32WrapI64);
        }
    }

    /// <summary>Traps as an access out of bounds does.</summary>
    private void OutOfBounds(CodeBuilder code, uint memory)
    {
        _ = Is64(memory) ? code.I64(-1) : code.I32(-1);
        code.Access(I64Load, memory, Is64(memory) ? 0 : uint.MaxValue).Op(Drop, Unreachable);
    }

    /// <summary>Sizes go into the trace where they can change, and are put back before a run.</summary>
    public void AbsorbSizes(CodeBuilder code)
    {
        for (var m = 0u; virtualSizes && m < Count; m++)
        {
            code.Global(sizes[m]).Call(runtime.Absorb);
        }
    }

    public void ResetSizes(CodeBuilder code)
    {
        for (var m = 0u; virtualSizes && m < Count; m++)
        {
            code.I64(original.Pages[(int)m]).SetGlobal(sizes[m]);
        }
    }

    private static long Tag(uint memory) => (long)memory << 56;

    // (cell, content) -> i64. What the exclusive or of two of them undoes at the end, such as another shift, is left out.
    private uint WriteHashCell(uint memory)
    {
        var function = module.Declare(FunctionType.Of([ValueType.I64, ValueType.I64], [ValueType.I64]));
        var code = module.Code(function);
        KeyOf(code, memory, 0);
        Mix(code, () => code.Get(1), 0);
        module.Define(function, code);
        return function;
    }

    // (cell, old content, new content)
    private uint WriteExchange(uint memory)
    {
        var function = module.Declare(FunctionType.Of([ValueType.I64, ValueType.I64, ValueType.I64], []));
        var code = module.Code(function);
        Exchange(code, memory, 0, 1, 2);
        module.Define(function, code);
        return function;
    }

    // Where the contents differ, puts the old one on the log, which has room, and exchanges what the cell adds to the hash. Contents and cell are lost.
    private void Exchange(CodeBuilder code, uint memory, uint cell, uint old, uint changed)
    {
        code.Get(old).Get(changed).Op(I64Ne).If();
        Append(code, memory, cell, old);
        KeyOf(code, memory, cell);
        code.Set(cell).Global(state.MemoryHash).Get(cell);
        Mix(code, () => code.Get(old), old);
        code.Op(I64Xor).Get(cell);
        Mix(code, () => code.Get(changed), changed);
        code.Op(I64Xor).SetGlobal(state.MemoryHash).End();
    }

    private static void KeyOf(CodeBuilder code, uint memory, uint cell) => code.Get(cell).I64(Tag(memory)).Op(I64Or).I64(SplitMix.Second).Op(I64Mul);

    private static void Mix(CodeBuilder code, Action content, uint scratch)
    {
        content();
        code.Op(I64Xor).I64(SplitMix.First).Op(I64Mul).Tee(scratch).Get(scratch).I64(32).Op(I64ShrU, I64Xor).I64(SplitMix.Second).Op(I64Mul);
    }

    // Ends the run where the log is full.
    private void Reserve(CodeBuilder code) => code.Global(state.LogTop).Global(state.LogLimit).Op(I32GeU).If().Call(runtime.Exhausted).End();

    private void Append(CodeBuilder code, uint memory, uint cell, uint old)
    {
        code.Global(state.LogTop).Get(cell);
        if (memory > 0)
        {
            code.I64(Tag(memory)).Op(I64Or);
        }

        code.Access(I64Store, bookkeeping).Global(state.LogTop).Get(old).Access(I64Store, bookkeeping, 8);
        code.Global(state.LogTop).I32(HarnessState.LogEntryBytes).Op(I32Add).SetGlobal(state.LogTop);
    }

    private void Load(CodeBuilder code, uint memory, uint cell)
    {
        Narrow(code, cell, memory);
        code.Access(I64Load, memory);
    }

    // touch(cell): log, take the old content out of the hash. The cell lies inside.
    private void WriteTouch(uint memory)
    {
        touch[memory] = module.Declare(FunctionType.Of([ValueType.I64], []));
        var code = module.Code(touch[memory]);
        var old = code.Local(ValueType.I64);
        Reserve(code);
        Load(code, memory, 0);
        code.Set(old);
        Append(code, memory, 0, old);
        code.Global(state.MemoryHash).Get(0).Get(old).Call(hashCell[memory]).Op(I64Xor).SetGlobal(state.MemoryHash);
        module.Define(touch[memory], code);
    }

    private void WriteSettle(uint memory)
    {
        settle[memory] = module.Declare(FunctionType.Of([ValueType.I64], []));
        var code = module.Code(settle[memory]);
        code.Global(state.MemoryHash).Get(0);
        Load(code, memory, 0);
        code.Call(hashCell[memory]).Op(I64Xor).SetGlobal(state.MemoryHash);
        module.Define(settle[memory], code);
    }

    /// <summary>
    /// Local <paramref name="wide"/> becomes address plus offset. Where the access ends beyond the end of memory, or the sum has more than 64 bits, the outcome says
    /// so and the function returns.
    /// </summary>
    private void EffectiveAddress(CodeBuilder code, uint memory, uint address, uint offset, int size, uint wide)
    {
        Wide(code, address, Is64(memory));
        code.Get(offset).Op(I64Add).Tee(wide).I64(size).Op(I64Add);
        Bytes(code, memory);
        code.Op(I64GtU);
        if (Is64(memory))
        {
            code.Get(wide).Get(offset).Op(I64LtU, I32Or).Get(wide).I64(-size).Op(I64GeU, I32Or);
        }

        code.If().I32(SweepOutcome.Trapped + (int)TrapKind.OutOfBoundsMemory).SetGlobal(state.Outcome);
        foreach (var result in code.Type.Results)
        {
            code.Add(Leaving.Zero(result));
        }

        code.Op(Return).End();
    }

    /// <summary>
    /// A function that does what the store, atomic read-modify-write or lane store does; its parameters are the instruction's operands and, last, the static
    /// offset as i64.
    /// </summary>
    public uint Write(in Instruction instruction)
    {
        var (opcode, memory, lane) = (instruction.Opcode, instruction.Index, instruction.LaneIndex);
        if (made.TryGetValue((opcode, memory, lane), out var function))
        {
            return function;
        }

        var info = instruction.Info;
        var operands = info.Operands.Select(letter => letter == 'a' ? AddressType(memory) : ValueType.FromLetter(letter)).ToArray();
        var results = info.Results.Select(ValueType.FromLetter).ToArray();
        function = module.Declare(FunctionType.Of([.. operands, ValueType.I64], results));
        made.Add((opcode, memory, lane), function);
        var size = MemoryAccess.Width(opcode);
        var code = module.Code(function);
        var offset = (uint)operands.Length;
        var wide = code.Local(ValueType.I64);
        var first = code.Local(ValueType.I64);
        var last = code.Local(ValueType.I64);
        EffectiveAddress(code, memory, 0, offset, size, wide);
        var isAtomic = (info.Effects & Effects.Atomic) != 0;
        if (isAtomic)
        {
            code.Get(wide).I64(size - 1).Op(I64And, I64Eqz, I32Eqz).If().Op(Unreachable).End();
        }

        code.Get(wide).I64(-8).Op(I64And).Set(first);
        code.Get(wide).I64(size - 1).Op(I64Add).I64(-8).Op(I64And).Set(last);
        var store = Instruction.Memory(opcode, 0, isAtomic ? (uint)System.Numerics.BitOperations.Log2((uint)size) : 0, memory, lane);
        if (size <= 8)
        {
            // Nearly all writes stay within a cell.
            var old = code.Local(ValueType.I64);
            code.Get(first).Get(last).Op(I64Eq).If();
            Reserve(code);
            Load(code, memory, first);
            code.Set(old);
            Store();

            // No call may stand between the write and the log: where the stack ran out there, nobody would undo the write.
            Load(code, memory, first);
            code.Set(last);
            Exchange(code, memory, first, old, last);
            code.Op(Return).End();
        }

        code.Get(last).Call(touch[memory]);
        Others(touch[memory]);
        Store();
        code.Get(last).Call(settle[memory]);
        Others(settle[memory]);
        module.Define(function, code);
        return function;

        void Store()
        {
            Narrow(code, wide, memory);
            for (var i = 1u; i < operands.Length; i++)
            {
                code.Get(i);
            }

            code.Add(store);
        }

        void Others(uint each)
        {
            code.Get(first).Get(last).Op(I64Ne).If().Get(first).Call(each);
            if (size > 8)
            {
                code.Get(first).I64(8).Op(I64Add).Get(last).Op(I64Ne).If().Get(first).I64(8).Op(I64Add).Call(each).End();
            }

            code.End();
        }
    }

    /// <summary>Loads need a function of their own where sizes are virtual, and where they are traced.</summary>
    public bool ReplacesLoads => virtualSizes || tracer is not null;

    /// <summary>A function that does what the load does, checked against the virtual size and traced where wanted; parameters as <see cref="Write"/>.</summary>
    public uint Read(in Instruction instruction)
    {
        var (opcode, memory, lane) = (instruction.Opcode, instruction.Index, instruction.LaneIndex);
        if (made.TryGetValue((opcode, memory, lane), out var function))
        {
            return function;
        }

        var info = instruction.Info;
        var operands = info.Operands.Select(letter => letter == 'a' ? AddressType(memory) : ValueType.FromLetter(letter)).ToArray();
        function = module.Declare(FunctionType.Of([.. operands, ValueType.I64], info.Results.Select(ValueType.FromLetter).ToArray()));
        made.Add((opcode, memory, lane), function);
        var size = MemoryAccess.Width(opcode);
        var code = module.Code(function);
        var wide = code.Local(ValueType.I64);
        EffectiveAddress(code, memory, 0, (uint)operands.Length, size, wide);
        Narrow(code, wide, memory);
        for (var i = 1u; i < operands.Length; i++)
        {
            code.Get(i);
        }

        var isAtomic = (info.Effects & Effects.Atomic) != 0;
        code.Add(Instruction.Memory(opcode, 0, isAtomic ? (uint)System.Numerics.BitOperations.Log2((uint)size) : 0, memory, lane));
        if (tracer is not null && memory == 0)
        {
            var result = ValueType.FromLetter(info.Results[0]);
            var loaded = code.Local(result);
            code.Set(loaded).Get(wide).I64(IncomingValue.Tag(size, result.IsFloat)).Op(I64Or).Get(loaded);
            _ = result == ValueType.I32 ? code.Op(I64ExtendI32U)
                : result == ValueType.F32 ? code.Op(I32ReinterpretF32, I64ExtendI32U)
                : result == ValueType.F64 ? code.Op(I64ReinterpretF64)
                : result == ValueType.V128 ? code.Add(Instruction.Lane(I64x2ExtractLane, 0))
                : code;
            code.Call(tracer.Incoming).Get(loaded);
        }

        module.Define(function, code);
        return function;
    }

    /// <summary>The last address at which an access of that size and offset lies inside; null where there is none. For memories of fixed size.</summary>
    public ulong? LastAddress(uint memory, ulong offset, int size)
    {
        var bytes = original.Bytes((int)memory);
        return (ulong)size <= bytes && offset <= bytes - (ulong)size ? bytes - (ulong)size - offset : null;
    }

    /// <summary>memory.size, in line.</summary>
    public void Size(ICollection<Instruction> code, uint memory)
    {
        code.Add(Instruction.Of(GlobalGet, sizes[memory]));
        if (!Is64(memory))
        {
            code.Add(Instruction.Of(I32WrapI64));
        }
    }

    /// <summary>memory.grow: (pages) -> old size or -1. Whether it succeeds within the spare pages is pseudorandom, three times in four.</summary>
    public uint Grow(uint memory)
    {
        if (made.TryGetValue((MemoryGrow, memory), out var function))
        {
            return function;
        }

        function = module.Declare(FunctionType.Of([AddressType(memory)], [AddressType(memory)]));
        made.Add((MemoryGrow, memory), function);
        var code = module.Code(function);
        var pages = code.Local(ValueType.I64);
        Wide(code, 0, Is64(memory));
        code.Set(pages);
        code.Global(state.Growths).I64(1).Op(I64Add).SetGlobal(state.Growths);
        code.Get(pages).I64(PhysicalPages((int)memory)).Global(sizes[memory]).Op(I64Sub, I64GtU);
        code.Get(pages).Op(I64Eqz, I32Eqz);
        code.Global(state.Seed).Global(state.Growths).Call(runtime.Hash).I64(3).Op(I64And, I64Eqz).Op(I32And, I32Or);
        code.If();
        _ = Is64(memory) ? code.I64(-1) : code.I32(-1);
        code.Op(Return).End();
        code.Global(sizes[memory]);
        if (!Is64(memory))
        {
            code.Op(I32WrapI64);
        }

        code.Global(sizes[memory]).Get(pages).Op(I64Add).SetGlobal(sizes[memory]);
        module.Define(function, code);
        return function;
    }

    /// <summary>(i64 address, i64 value) -> (): an 8-byte write that is logged and hashed; out of bounds it does nothing.</summary>
    public uint Poke(uint memory) => poke[memory];

    private void WritePoke(uint memory)
    {
        poke[memory] = module.Declare(FunctionType.Of([ValueType.I64, ValueType.I64], []));
        var store = Write(Instruction.Memory(I64Store, 0, 0, memory));
        var code = module.Code(poke[memory]);
        code.Get(0).I64(original.Bytes((int)memory) < 8 ? 0 : original.Bytes((int)memory) - 7).Op(I64GeU).If().Op(Return).End();
        Narrow(code, 0, memory);
        module.Define(poke[memory], code.Get(1).I64(0L).Call(store));
    }

    /// <summary>
    /// (i64 address, i64 value) -> (): as <see cref="Poke"/>, for what an input puts in place before a run: it is logged, so that it can be undone, and not hashed,
    /// because the hash tells what changes after that.
    /// </summary>
    public uint Plant(uint memory) => plant[memory];

    private void WritePlant(uint memory)
    {
        plant[memory] = module.Declare(FunctionType.Of([ValueType.I64, ValueType.I64], []));
        var code = module.Code(plant[memory]);
        code.Get(0).I64(original.Bytes((int)memory) < 8 ? 0 : original.Bytes((int)memory) - 7).Op(I64GeU).If().Op(Return).End();
        Log();
        code.Get(0).I64(7).Op(I64And, I64Eqz, I32Eqz).If().Get(0).I64(8).Op(I64Add).Set(0);
        Log();
        code.Get(0).I64(8).Op(I64Sub).Set(0).End();
        Narrow(code, 0, memory);
        module.Define(plant[memory], code.Get(1).Access(I64Store, memory));

        void Log()
        {
            code.Global(state.LogTop).Get(0).I64(-8).Op(I64And).I64(Tag(memory)).Op(I64Or).Access(I64Store, bookkeeping);
            code.Global(state.LogTop).Get(0).I64(-8).Op(I64And);
            if (!Is64(memory))
            {
                code.Op(I32WrapI64);
            }

            code.Access(I64Load, memory).Access(I64Store, bookkeeping, 8)
                .Global(state.LogTop).I32(HarnessState.LogEntryBytes).Op(I32Add).SetGlobal(state.LogTop);
        }
    }

    /// <summary>(i32 down to) -> (): undoes all writes from the last back to that place of the log.</summary>
    public uint Undo()
    {
        var function = module.Declare(FunctionType.Of([ValueType.I32], []));
        var code = module.Code(function);
        var top = code.Local(ValueType.I32);
        var cell = code.Local(ValueType.I64);
        code.Global(state.LogTop).Set(top).Block().Loop()
            .Get(top).Get(0).Op(I32LeU).BranchIf(1)
            .Get(top).I32(HarnessState.LogEntryBytes).Op(I32Sub).Tee(top).Access(I64Load, bookkeeping).Set(cell);
        for (var m = 0u; m < Count; m++)
        {
            if (Count > 1)
            {
                code.Get(cell).I64(56).Op(I64ShrU).I64(m).Op(I64Eq).If();
            }

            code.Get(cell).I64(0x00FFFFFF_FFFFFFFF).Op(I64And);
            if (!Is64(m))
            {
                code.Op(I32WrapI64);
            }

            code.Get(top).Access(I64Load, bookkeeping, 8).Access(I64Store, m);
            if (Count > 1)
            {
                code.End();
            }
        }

        code.Branch(0).End().End().Get(0).SetGlobal(state.LogTop);
        module.Define(function, code);
        return function;
    }
}
