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
    private readonly HarnessLibrary library;
    private readonly HarnessModule module;
    private readonly HarnessState state;
    private readonly HarnessLayout layout;
    private readonly HarnessMemories memories;
    private readonly CallStubs stubs;
    private readonly ImmutableArray<HarnessGlobal> globals;
    private readonly BodyInstrumenter instrumenter;
    private readonly MemoryImages images;
    private readonly uint bookkeeping;
    private uint reset;
    private int subjects;

    /// <param name="needs">Of the original and of all candidates that will be added.</param>
    /// <param name="profile">Keep a record of each run: for the original alone, to choose inputs; null for a harness that compares.</param>
    public Harness(OriginalModule original, uint function, SubjectNeeds needs, FunctionSetting setting, HarnessProfile? profile)
    {
        (this.original, images) = (original, setting.Images);
        type = original.TypeOf(function);
        library = original.Library(new LibraryKind(needs.SizesMemory, needs.BlindWord, profile is not null));
        module = library.NewHarness();
        state = library.State;
        memories = library.Memories.In(module);
        bookkeeping = library.Bookkeeping;
        layout = new HarnessLayout(type.Parameters.Length, needs.Globals.Count, profile);
        globals = DeclareGlobals(needs);
        stubs = new CallStubs(module, library, globals, original);
        var segments = ImmutableDictionary.CreateBuilder<uint, (uint, int, int)>();
        foreach (var segment in needs.DataSegments)
        {
            // An active segment is dropped when the instance starts; what is left of it is empty.
            var data = original.Module.Data[(int)segment];
            var bytes = data.Mode == SegmentMode.Passive ? data.Bytes : default;
            segments.Add(segment, (module.AddData(bytes), bytes.Length, segments.Count));
        }

        instrumenter = new BodyInstrumenter(original, module, library, memories, stubs,
            new HarnessIndices(globals.ToImmutableDictionary(global => global.Global), segments.ToImmutable(), library.Blind?.Global));
        module.AddData(bookkeeping, HarnessState.ValueTable, setting.ValueTable);
        module.AddData(bookkeeping, HarnessState.ArenaPool, setting.Arena.Pool);
        module.ExportMemory(MemoryExport, bookkeeping);
        WriteReset();
        WriteDigest();
        WriteRelease();
    }

    public int SubjectCount => subjects;

    /// <summary>What the module imports from.</summary>
    public SweepLibrary Library => library.Module;

    /// <summary>Where traces and coverage start.</summary>
    public int Traces => layout.Traces;

    public int Coverage => layout.Coverage;

    /// <summary>The module. To be asked for once.</summary>
    /// <param name="inputs">It is run on so many at a time at most.</param>
    public byte[] Write(int inputs)
    {
        var pages = layout.Inputs + (long)inputs * (layout.RecordBytes + 16 * InputGenerator.MostExtras) + 0xFFFF >> 16;
        if (pages > HarnessLibrary.Pages || library.Tracer is not null)
        {
            WriteStart((int)pages);
        }

        return module.Write();
    }

    // The library's instance may have served other harnesses: it may have grown, and beyond the log it holds what they left.
    private void WriteStart(int pages)
    {
        var start = module.Declare(FunctionType.Of([], []));
        var code = module.Code(start);
        var missing = code.Local(ValueType.I32);
        code.I32(pages).Add(Instruction.Of(MemorySize, bookkeeping)).Op(I32Sub).Tee(missing).I32(0).Op(I32GtS)
            .If().Get(missing).Add(Instruction.Of(MemoryGrow, bookkeeping)).I32(-1).Op(I32Eq).If().Op(Unreachable).End().End();
        if (library.Tracer is not null)
        {
            code.I32(HarnessLayout.RunRecords).I32(0).I32(layout.Inputs - HarnessLayout.RunRecords).Add(Instruction.Of(MemoryFill, bookkeeping));
        }

        module.Define(start, code);
        module.Start(start);
    }

    /// <summary>What the module's memory must hold when its subjects run on these inputs.</summary>
    public MemoryContent Inputs(IReadOnlyList<TestInput> inputs) => new(MemoryExport, layout.Inputs, InputRecords(inputs));

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
        var code = module.Code(reset);
        code.Get(0).Get(0).I32(layout.RecordBytes).Op(I32Mul).I32(layout.Inputs).Op(I32Add).Call(library.Setup.Prepare).If();
        images.Select(module, memories, code, state, bookkeeping);
        code.Call(library.Setup.SetUp).End();
        code.Get(1).Call(library.Setup.Begin);
        foreach (var global in globals)
        {
            Argument(code, global.Type.Value, layout.GlobalAt(global.Slot));
            code.SetGlobal(global.Index);
        }

        if (library.Tracer is not null)
        {
            code.I32(0).SetGlobal(state.ValueTraceCount).I32(0).SetGlobal(state.ComparisonCount);
            code.Get(0).I32(HarnessState.TraceBytes).Op(I32Mul).I32(layout.Traces).Op(I32Add).SetGlobal(state.TraceAt);
            code.Get(0).I32(layout.CoveragePerInput).Op(I32Mul).I32(layout.Coverage).Op(I32Add).SetGlobal(state.CoverageAt);
        }

        module.Define(reset, code);
    }

    // Leaves the library as it was found.
    private void WriteRelease()
    {
        var release = module.Declare(FunctionType.Of([], []));
        var code = module.Code(release).Call(library.Setup.Undo);
        images.Clear(memories, code, state);
        code.I32(-1).SetGlobal(state.Image);
        module.Define(release, code);
        module.Export("release", release);
    }

    private void WriteDigest()
    {
        var digest = module.Declare(FunctionType.Of([], [ValueType.I64]));
        var code = module.Code(digest);
        if (library.Tracer is not null)
        {
            var at = code.Local(ValueType.I32);
            code.Global(state.Input).I32(HarnessState.RunRecordBytes).Op(I32Mul).I32(HarnessLayout.RunRecords).Op(I32Add).Set(at);
            code.Get(at).Global(state.Record).Access(I32Load, bookkeeping, HarnessState.FuelAt).Global(state.Fuel).Op(I32Sub).Access(I32Store, bookkeeping, 0);
            code.Get(at).Global(state.Outcome).Access(I32Store, bookkeeping, 4);
            code.Get(at).Global(state.Completed).Access(I32Store, bookkeeping, 8);
            code.Get(at).Global(state.Event).Access(I32Store, bookkeeping, 12);
            code.Get(at).Global(state.ValueTraceCount).Access(I32Store, bookkeeping, 16);
            code.Get(at).Global(state.ComparisonCount).Access(I32Store, bookkeeping, 20);
        }

        code.Global(state.MemoryHash).Call(library.Runtime.Absorb);
        stubs.AbsorbGlobals(code);
        module.Define(digest, code.Call(library.Close));
        module.Export("digest", digest);
        var outcome = module.Declare(FunctionType.Of([], [ValueType.I32]));
        module.Define(outcome, module.Code(outcome).Global(state.Outcome));
        module.Export("outcome", outcome);
    }

    private byte[] InputRecords(IReadOnlyList<TestInput> inputs)
    {
        var extras = inputs.Count * layout.RecordBytes;
        var bytes = new byte[extras + 16 * inputs.Sum(input => input.Fills.Length + input.Pokes.Length + input.Answers.Length)];
        for (var i = 0; i < inputs.Count; i++)
        {
            var input = inputs[i];
            var record = bytes.AsSpan(i * layout.RecordBytes, layout.RecordBytes);
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
                WriteBits(record[layout.GlobalAt(global.Slot)..],
                    input.Globals.FirstOrDefault(bits => bits.Global == global.Global)?.Value ?? original.GlobalValues[(int)global.Global]);
            }
        }

        return bytes;

        void Extra(Span<byte> record, int countAt, int entriesAt, int count)
        {
            BinaryPrimitives.WriteInt32LittleEndian(record[countAt..], count);
            BinaryPrimitives.WriteInt32LittleEndian(record[entriesAt..], layout.Inputs + extras);
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
