using System.Buffers.Binary;
using System.Collections.Immutable;
using Mewe.Diversify;
using Mewe.Execution;
using Mewe.Wasm;
using static Mewe.Wasm.Opcode;

namespace Mewe.Equivalence.Testing;

/// <summary>
/// Builds harness modules for one function: the original and a batch of candidates side by side, on a given list of inputs. See Testing/README.md for the
/// design; in short, per run of a subject: undo what the last run wrote, put globals and sizes back, load the arguments, run the rewritten body, mix the results
/// into the trace. Everything that the body can observe or change is either rewritten to the harness's model of it or is the engine's own.
/// </summary>
internal sealed class Harness
{
    public const string MemoryExport = "harness";

    private static readonly FunctionType SubjectType = FunctionType.Of([ValueType.I32], []);
    private static readonly FunctionType ResetType = FunctionType.Of([ValueType.I32, ValueType.I32], []);

    private readonly OriginalModule original;
    private readonly FunctionType type;
    private readonly HarnessModule module;
    private readonly HarnessState state;
    private readonly HarnessRuntime runtime;
    private readonly HarnessMemories memories;
    private readonly CallStubs stubs;
    private readonly ImmutableArray<HarnessGlobal> globals;
    private readonly BlindWord? blind;
    private readonly BodyInstrumenter instrumenter;
    private readonly MemoryImages images;
    private readonly Arena arena;
    private readonly uint bookkeeping;
    private readonly bool profiles;
    private readonly int capacity;
    private readonly ReadOnlyMemory<byte> valueTable;
    private uint reset;
    private int subjects;

    /// <param name="needs">Of the original and of all candidates that will be added.</param>
    /// <param name="profile">Keep a record of each run: for the original alone, to choose inputs; null for a harness that compares.</param>
    public Harness(OriginalModule original, uint function, SubjectNeeds needs, FunctionSetting setting, HarnessProfile? profile)
    {
        (this.original, images, arena, profiles, valueTable, capacity) = (original, setting.Images, setting.Arena, profile is not null, setting.ValueTable, profile?.Inputs ?? 0);
        type = original.TypeOf(function);
        module = new HarnessModule(original.Module);
        bookkeeping = (uint)original.Memories.Length;
        state = new HarnessState(module, type.Parameters.Length, needs.Globals.Count, capacity, profile?.BranchOutcomes ?? 0);
        globals = DeclareGlobals(needs);
        var tracer = profiles ? new RunTracer(module, state, bookkeeping) : null;
        runtime = new HarnessRuntime(module, state, bookkeeping, original.Memories is [{ Limits.Is64: true }, ..], tracer);
        memories = new HarnessMemories(module, state, runtime, original, needs.SizesMemory, tracer);
        blind = needs.BlindWord ? new BlindWord(module, state, runtime) : null;
        stubs = new CallStubs(module, state, runtime, memories, globals, blind, original);
        var segments = ImmutableDictionary.CreateBuilder<uint, (uint, int, int)>();
        foreach (var segment in needs.DataSegments)
        {
            // An active segment is dropped when the instance starts; what is left of it is empty.
            var data = original.Module.Data[(int)segment];
            var bytes = data.Mode == SegmentMode.Passive ? data.Bytes : default;
            segments.Add(segment, (module.AddData(bytes), bytes.Length, segments.Count));
        }

        instrumenter = new BodyInstrumenter(original, module, state, runtime, memories, stubs,
            new HarnessIndices(globals.ToImmutableDictionary(global => global.Global), segments.ToImmutable(), blind?.Global), tracer);
        for (var m = 0; m < memories.Count; m++)
        {
            module.AddMemory(memories.PhysicalPages(m), memories.Is64((uint)m));
        }

        module.ExportMemory(MemoryExport, bookkeeping);
        WriteReset();
        WriteDigest();
    }

    public int SubjectCount => subjects;

    /// <summary>Where traces and coverage start.</summary>
    public int Traces => state.Traces;

    public int Coverage => state.Coverage;

    /// <summary>The module. To be asked for once.</summary>
    /// <param name="inputs">It is run on so many at a time at most.</param>
    public byte[] Write(int inputs)
    {
        var most = (long)inputs * (state.RecordBytes + 16 * InputGenerator.MostExtras);
        return module.Write(
            pages: (ulong)(state.Inputs + most + 0xFFFF) >> 16, (bookkeeping, HarnessState.ValueTable, valueTable), (bookkeeping, HarnessState.ArenaPool, arena.Pool));
    }

    /// <summary>What the module's memory must hold when its subjects run on these inputs.</summary>
    public MemoryContent Inputs(IReadOnlyList<TestInput> inputs) => new(MemoryExport, state.Inputs, InputRecords(inputs));

    /// <summary>Adds a subject: first the original, then the candidates.</summary>
    public void Add(uint typeIndex, VariantCode code)
    {
        Span<uint> outlined = stackalloc uint[code.Outlined.Length];
        for (var i = 0; i < code.Outlined.Length; i++)
        {
            outlined[i] = module.Declare(code.Outlined[i].Type);
        }

        for (var i = 0; i < code.Outlined.Length; i++)
        {
            module.Define(outlined[i], instrumenter.Instrument(code.Outlined[i].Type, code.Outlined[i].Code, outlined));
        }

        var body = module.Declare(typeIndex, type);
        module.Define(body, instrumenter.Instrument(type, code.Code, outlined));
        var subject = module.Declare(SubjectType);
        var wrapper = module.Code(subject).Get(0).I32(subjects == 0 ? 0 : 1).Call(reset);
        for (var i = 0; i < type.Parameters.Length; i++)
        {
            Argument(wrapper, type.Parameters[i], HarnessState.ArgumentsAt + i * HarnessState.SlotBytes);
        }

        wrapper.Call(body).Global(state.Outcome).If().Op(Return).End();
        foreach (var result in type.Results.Reverse())
        {
            wrapper.Call(stubs.Absorber(result));
        }

        module.Define(subject, wrapper.I32(1).SetGlobal(state.Completed));
        module.Export($"subject_{subjects++}", subject);
    }

    private ImmutableArray<HarnessGlobal> DeclareGlobals(SubjectNeeds needs)
    {
        var declared = ImmutableArray.CreateBuilder<HarnessGlobal>(needs.Globals.Count);
        foreach (var global in needs.Globals)
        {
            var globalType = original.GlobalTypes[(int)global];
            declared.Add(new HarnessGlobal(global, module.AddGlobal(globalType.Value, Leaving.Zero(globalType.Value)), globalType, declared.Count));
        }

        return declared.MoveToImmutable();
    }

    private void Argument(CodeBuilder code, ValueType value, int at)
    {
        code.Global(state.Record);
        if (!value.IsReference)
        {
            code.Access(
                value == ValueType.I32 ? I32Load : value == ValueType.I64 ? I64Load : value == ValueType.F32 ? F32Load : value == ValueType.F64 ? F64Load : V128Load,
                bookkeeping, at);
            return;
        }

        // Not null where there is something of that type to pass: a number for anything, a function for functions.
        var nullary = Instruction.Of(RefNull, new HeapTypePayload(value.Heap));
        code.Access(I32Load, bookkeeping, at);
        if (value.Heap == HeapType.Extern || value.Heap == HeapType.Any || value.Heap == HeapType.Eq || value.Heap == HeapType.I31)
        {
            code.If(value).Global(state.Record).Access(I32Load, bookkeeping, at).Op(RefI31);
            if (value.Heap == HeapType.Extern)
            {
                code.Op(ExternConvertAny);
            }

            code.Else().Add(nullary).End();
        }
        else if (value.Heap == HeapType.Func)
        {
            code.If(value).Add(Instruction.Of(RefFunc, module.Dummy(module.TypeIndex(SubjectType), SubjectType))).Else().Add(nullary).End();
        }
        else
        {
            code.Op(Drop).Add(nullary);
        }
    }

    // reset(input, candidate)
    private void WriteReset()
    {
        reset = module.Declare(ResetType);
        var undo = memories.Undo();
        var code = module.Code(reset);
        code.Get(0).Global(state.Input).Op(I32Eq).If().Global(state.LogMark).Call(undo).Else();
        code.I32(state.Log).Call(undo).Get(0).SetGlobal(state.Input);
        if (arena.Exists)
        {
            code.Global(state.ArenaIsSet).If();
            CopyArena(code, 0, () => ArenaAddress(code), bookkeeping, () => code.I32(HarnessState.SavedArena));
            code.End().I32(1).SetGlobal(state.ArenaIsSet);
        }

        code.I32(state.Log + HarnessState.LogEntries * HarnessState.LogEntryBytes).SetGlobal(state.LogLimit).I32(int.MaxValue).SetGlobal(state.Fuel);
        code.Get(0).I32(state.RecordBytes).Op(I32Mul).I32(state.Inputs).Op(I32Add).SetGlobal(state.Record);
        code.Global(state.Record).Access(I64Load, bookkeeping, HarnessState.SeedAt).SetGlobal(state.Seed);
        code.Global(state.Record).Access(I64Load, bookkeeping, HarnessState.ArenaAt).SetGlobal(state.Arena);
        code.I32(0).SetGlobal(state.Mood).I64(0L).SetGlobal(state.Echo);
        memories.ResetSizes(code);
        images.Select(module, memories, code, state, bookkeeping);
        code.Global(state.Seed).SetGlobal(state.Random);
        if (memories.Count > 0)
        {
            code.Call(SetUpMemory());
        }

        code.Global(state.LogTop).SetGlobal(state.LogMark).End();
        code.I64(0L).SetGlobal(state.Trace).I64(0L).SetGlobal(state.MemoryHash).I32(0).SetGlobal(state.Event).I32(0).SetGlobal(state.Outcome)
            .I32(0).SetGlobal(state.Completed).I64(0L).SetGlobal(state.Pointer).I64(0L).SetGlobal(state.Echo).I64(0L).SetGlobal(state.Dropped)
            .I64(0L).SetGlobal(state.Growths);
        code.Global(state.Record).Access(I32Load, bookkeeping, HarnessState.MoodAt).SetGlobal(state.Mood);
        memories.ResetSizes(code);
        code.Global(state.Record).Access(I32Load, bookkeeping, HarnessState.FuelAt).SetGlobal(state.Fuel)
            .Global(state.LogMark).I32(HarnessState.LogEntries * HarnessState.LogEntryBytes).Op(I32Add).SetGlobal(state.LogLimit);
        code.Get(1).If()
            .Global(state.Fuel).I32(4).Op(I32Mul).I32(1000).Op(I32Add).SetGlobal(state.Fuel)
            .I32(state.Log + 2 * HarnessState.LogEntries * HarnessState.LogEntryBytes).SetGlobal(state.LogLimit).End();
        foreach (var global in globals)
        {
            Argument(code, global.Type.Value, state.GlobalAt(global.Slot));
            code.SetGlobal(global.Index);
        }

        blind?.Draw(code);
        if (profiles)
        {
            code.I32(0).SetGlobal(state.ValueTraceCount).I32(0).SetGlobal(state.ComparisonCount);
            code.Get(0).I32(HarnessState.TraceBytes).Op(I32Mul).I32(state.Traces).Op(I32Add).SetGlobal(state.TraceAt);
            code.Get(0).I32(state.CoveragePerInput).Op(I32Mul).I32(state.Coverage).Op(I32Add).SetGlobal(state.CoverageAt);
        }

        module.Define(reset, code);
    }

    private static void CopyArena(CodeBuilder code, uint target, Action to, uint source, Action from)
    {
        to();
        from();
        code.I32(Arena.Bytes).Add(Instruction.Of(MemoryCopy, target, source));
    }

    private void ArenaAddress(CodeBuilder code)
    {
        code.Global(state.Arena);
        if (!memories.Is64(0))
        {
            code.Op(I32WrapI64);
        }
    }

    // Puts the arena in place, then fills the input's own regions, then writes its single values.
    private uint SetUpMemory()
    {
        var fill = Fill();
        var poke = PokeWidth();
        var function = module.Declare(FunctionType.Of([], []));
        var code = module.Code(function);
        var left = code.Local(ValueType.I32);
        var at = code.Local(ValueType.I32);
        if (arena.Exists)
        {
            CopyArena(code, bookkeeping, () => code.I32(HarnessState.SavedArena), 0, () => ArenaAddress(code));
            CopyArena(code, 0, () => ArenaAddress(code), bookkeeping, () => code.Global(state.Record).Access(I32Load, bookkeeping, HarnessState.ArenaWindowAt));
        }

        Each(HarnessState.FillCountAt, HarnessState.FillsAt, () => code
            .Get(at).Access(I64Load, bookkeeping).Get(at).Access(I32Load, bookkeeping, 8).Get(at).Access(I32Load, bookkeeping, 12).Call(fill));
        Each(HarnessState.PokeCountAt, HarnessState.PokesAt, () => code
            .Get(at).Access(I64Load, bookkeeping).Get(at).Access(I64Load, bookkeeping, 8).Call(poke));
        module.Define(function, code);
        return function;

        void Each(int countAt, int entriesAt, Action entry)
        {
            code.Global(state.Record).Access(I32Load, bookkeeping, entriesAt).Set(at).Global(state.Record).Access(I32Load, bookkeeping, countAt).Set(left)
                .Block().Loop().Get(left).Op(I32Eqz).BranchIf(1);
            entry();
            code.Get(at).I32(16).Op(I32Add).Set(at).Get(left).I32(1).Op(I32Sub).Set(left).Branch(0).End().End();
        }
    }

    // (address with the width in its top byte, value): merges the value into 8 bytes, which at the end of memory start before the address.
    private uint PokeWidth()
    {
        var function = module.Declare(FunctionType.Of([ValueType.I64, ValueType.I64], []));
        var code = module.Code(function);
        var mask = code.Local(ValueType.I64);
        var start = code.Local(ValueType.I64);
        var shift = code.Local(ValueType.I64);
        var end = original.Bytes(0);
        if (end > 0)
        {
            code.I64(-1).I64(64).Get(0).I64(56).Op(I64ShrU).I64(3).Op(I64Shl, I64Sub, I64ShrU).Set(mask);
            code.Get(0).I64(0x00FFFFFF_FFFFFFFF).Op(I64And).Tee(0).I64(end).Op(I64GeU).If().Op(Return).End();
            code.Get(0).I64(end - 8).Get(0).I64(end - 8).Op(I64LtU, Select).Set(start);
            code.Get(0).Get(start).Op(I64Sub).I64(3).Op(I64Shl).Set(shift);
            code.Get(mask).Get(shift).Op(I64Shl).Set(mask).Get(start).Get(start);
            if (!memories.Is64(0))
            {
                code.Op(I32WrapI64);
            }

            code.Access(I64Load, 0).Get(mask).I64(-1).Op(I64Xor, I64And).Get(1).Get(shift).Op(I64Shl).Get(mask).Op(I64And, I64Or).Call(memories.Plant(0));
        }

        module.Define(function, code);
        return function;
    }

    // (address, cells, kind)
    private uint Fill()
    {
        var function = module.Declare(FunctionType.Of([ValueType.I64, ValueType.I32, ValueType.I32], []));
        var code = module.Code(function);
        var bits = code.Local(ValueType.I64);
        code.Block().Loop().Get(1).Op(I32Eqz).BranchIf(1);
        code.Get(2).Op(I32Eqz).If().Call(runtime.Value).Set(bits).Else();
        code.Call(runtime.Next).Set(bits);
        code.Get(2).I32((int)FillKind.Small).Op(I32Eq).If().Get(bits).I64(0x0000001F_0000001F).Op(I64And).Set(bits).End();
        code.Get(2).I32((int)FillKind.Text).Op(I32Eq).If()
            .I64(0L).Get(bits).I64(0x0F0F0F0F_0F0F0F0F).Op(I64And).I64(0x30613061_61306161).Op(I64Add).Get(1).I32(1).Op(I32Eq, Select).Set(bits).End();
        code.Get(2).I32((int)FillKind.Pointers).Op(I32Eq).If();
        runtime.Pointers(code, bits);
        code.Set(bits).End();
        code.Get(2).I32((int)FillKind.Zero).Op(I32Eq).If().I64(0L).Set(bits).End().End();
        code.Get(0).Get(bits).Call(memories.Plant(0));
        code.Get(0).I64(8).Op(I64Add).Set(0).Get(1).I32(1).Op(I32Sub).Set(1).Branch(0).End().End();
        module.Define(function, code);
        return function;
    }

    private void WriteDigest()
    {
        var digest = module.Declare(FunctionType.Of([], [ValueType.I64]));
        var code = module.Code(digest);
        if (profiles)
        {
            var at = code.Local(ValueType.I32);
            code.Global(state.Input).I32(HarnessState.RunRecordBytes).Op(I32Mul).I32(HarnessState.RunRecords).Op(I32Add).Set(at);
            code.Get(at).Global(state.Record).Access(I32Load, bookkeeping, HarnessState.FuelAt).Global(state.Fuel).Op(I32Sub).Access(I32Store, bookkeeping, 0);
            code.Get(at).Global(state.Outcome).Access(I32Store, bookkeeping, 4);
            code.Get(at).Global(state.Completed).Access(I32Store, bookkeeping, 8);
            code.Get(at).Global(state.Event).Access(I32Store, bookkeeping, 12);
            code.Get(at).Global(state.ValueTraceCount).Access(I32Store, bookkeeping, 16);
            code.Get(at).Global(state.ComparisonCount).Access(I32Store, bookkeeping, 20);
        }

        stubs.AbsorbState(code);
        code.Global(state.Dropped).Call(runtime.Absorb).Global(state.Completed).Op(I64ExtendI32U).Call(runtime.Absorb).Global(state.Trace);
        module.Define(digest, code);
        module.Export("digest", digest);
        var outcome = module.Declare(FunctionType.Of([], [ValueType.I32]));
        module.Define(outcome, module.Code(outcome).Global(state.Outcome));
        module.Export("outcome", outcome);
    }

    private byte[] InputRecords(IReadOnlyList<TestInput> inputs)
    {
        var extras = inputs.Count * state.RecordBytes;
        var bytes = new byte[extras + 16 * inputs.Sum(input => input.Fills.Length + input.Pokes.Length + input.Answers.Length)];
        for (var i = 0; i < inputs.Count; i++)
        {
            var input = inputs[i];
            var record = bytes.AsSpan(i * state.RecordBytes, state.RecordBytes);
            BinaryPrimitives.WriteUInt64LittleEndian(record[HarnessState.SeedAt..], input.Seed);
            BinaryPrimitives.WriteUInt64LittleEndian(record[HarnessState.ArenaAt..], input.Arena);
            BinaryPrimitives.WriteInt32LittleEndian(record[HarnessState.ArenaWindowAt..], HarnessState.ArenaPool + Arena.WindowOf(input.Seed));
            BinaryPrimitives.WriteInt32LittleEndian(record[HarnessState.FuelAt..], input.Fuel);
            BinaryPrimitives.WriteInt32LittleEndian(record[HarnessState.ImageAt..], input.Recorded ? 1 : 0);
            BinaryPrimitives.WriteInt32LittleEndian(record[HarnessState.MoodAt..], input.Mood);
            Extra(record, HarnessState.FillCountAt, HarnessState.FillsAt, input.Fills.Length);
            foreach (var fill in input.Fills)
            {
                Pair(fill.Address, (ulong)(uint)fill.Cells | (ulong)fill.Kind << 32);
            }

            Extra(record, HarnessState.PokeCountAt, HarnessState.PokesAt, input.Pokes.Length);
            foreach (var poke in input.Pokes)
            {
                Pair(poke.Address | (ulong)poke.Width << 56, poke.Value);
            }

            Extra(record, HarnessState.AnswerCountAt, HarnessState.AnswersAt, input.Answers.Length);
            foreach (var answer in input.Answers)
            {
                Pair((ulong)answer.Call, answer.Value);
            }

            for (var a = 0; a < input.Arguments.Length; a++)
            {
                WriteBits(record[(HarnessState.ArgumentsAt + a * HarnessState.SlotBytes)..], input.Arguments[a]);
            }

            foreach (var global in globals)
            {
                WriteBits(record[state.GlobalAt(global.Slot)..],
                    input.Globals.FirstOrDefault(bits => bits.Global == global.Global)?.Value ?? original.GlobalValues[(int)global.Global]);
            }
        }

        return bytes;

        void Extra(Span<byte> record, int countAt, int entriesAt, int count)
        {
            BinaryPrimitives.WriteInt32LittleEndian(record[countAt..], count);
            BinaryPrimitives.WriteInt32LittleEndian(record[entriesAt..], state.Inputs + extras);
        }

        void Pair(ulong first, ulong second)
        {
            WriteBits(bytes.AsSpan(extras), new ValueBits(first, second));
            extras += 16;
        }
    }

    private static void WriteBits(Span<byte> at, ValueBits value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(at, value.Low);
        BinaryPrimitives.WriteUInt64LittleEndian(at[8..], value.High);
    }
}
