using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Numerics;
using Mewe.Linking.Custom;
using Mewe.Linking.Dispatch;
using Mewe.Linking.Randomness;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Linking.Tracing;

/// <summary>A module that keeps a digest of each entry's trace in a memory of its own.</summary>
/// <param name="MemoryExport">Under this name the memory is exported; read <paramref name="MemoryBytes"/> of it after the run.</param>
/// <param name="Capacity">How many entries have room.</param>
public sealed record DigestedModule(byte[] Module, string MemoryExport, long MemoryBytes, uint Capacity);

/// <summary>What is kept of the sequence of functions that one entry from the host executed.</summary>
/// <param name="Hash">128 bits that depend on every function of the sequence and on their order.</param>
/// <param name="Entered">The length of the sequence: how many functions of the original module were entered, whichever of their variants ran.</param>
/// <param name="Choices">How many of them are functions with variants, of which one was chosen.</param>
public readonly record struct TraceSummary(UInt128 Hash, ulong Entered, ulong Choices);

/// <summary>
/// Instruments a module so that the trace of every entry from the host is hashed while it runs: each original, each variant and each function that has no
/// variants adds itself. Unlike <see cref="EntryTrace"/> it keeps no sequence, so that traces of millions of functions cost nanoseconds per function and
/// thirty-two bytes of memory. Only <c>mewe evaluate</c> and tests use it; a module that is handed over has none of it.
/// </summary>
/// <remarks>
/// <para>The exports that count as entries get wrappers. A wrapper opens a record, calls, and closes it. What else the host calls in between (an allocator, say)
/// belongs to no record. Where the call never returns (a trap, or a command that exits) the record stays open, and its numbers are the running ones.</para>
/// <para>Memory: 0 u32 records opened; 4 u32 whether the last is open; 16 the running numbers; from 64 the closed records. Numbers: u64 first and second half
/// of the hash, u64 chosen functions, u64 other functions.</para>
/// <para>The hash is two multiplicative lanes: h' = (rotl(h, r) xor id) * odd, a bijection of h for every id, with ids that are well-mixed 64-bit constants.
/// It is made to tell apart sequences that nobody chose to collide, and is no cryptographic hash.</para>
/// </remarks>
public static class TraceDigest
{
    private const int OpenFlag = 4, Running = 16, RecordStart = 64, RecordBytes = 32, ChosenOffset = 16, OtherOffset = 24;
    private const ulong FirstStart = 0x243F_6A88_85A3_08D3, SecondStart = 0x1319_8A2E_0370_7344; // digits of pi
    private const int FirstRotation = 23, SecondRotation = 41;

    /// <summary>The most entries that a digest has room for.</summary>
    public const uint MaxCapacity = 1 << 20;

    /// <param name="module">A module; it is not changed.</param>
    /// <param name="map">Of a multivariant module; null for any other, all of whose functions then count as functions without variants.</param>
    /// <param name="entries">The exported functions with which an entry begins; names that the module does not export are passed over.</param>
    /// <param name="capacity">How many entries to keep, 1 to <see cref="MaxCapacity"/>.</param>
    /// <exception cref="WasmException">The module's bytes are wrong.</exception>
    public static DigestedModule Instrument(WasmModule module, MultivariantMap? map, IReadOnlyCollection<string> entries, uint capacity)
    {
        ArgumentOutOfRangeException.ThrowIfZero(capacity);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(capacity, MaxCapacity);
        var copy = module.Clone();
        var bytes = RecordStart + ((long)RecordBytes * capacity);
        var (memory, export) = TraceCode.AddMemory(copy, (ulong)(bytes + 0xFFFF) >> 16);
        var add = FunctionType.Of([ValueType.I64], []);
        var chosen = copy.AddFunction(copy.IndexOfType(add), AddBody(memory, ChosenOffset));
        var other = copy.AddFunction(copy.IndexOfType(add), AddBody(memory, OtherOffset));
        if (map is not null)
        {
            TraceCode.CallInlined(copy, map);
        }

        var kinds = Kinds(module, map);
        for (var place = 0; place < module.Bodies.Count; place++)
        {
            if (kinds[place] is { } isChoice)
            {
                var function = (uint)(module.ImportedFunctionCount + place);
                copy.Bodies[place] = TraceCode.WithPrologue(module.Bodies[place], Instruction.I64Const((long)Id(function)), Instruction.Call(isChoice ? chosen : other));
            }
        }

        Wrap(copy, entries, memory, capacity);

        // Their offsets are others now, and nobody needs them here.
        copy.SetCustom(BranchHints.SectionName, null);
        return new DigestedModule(ModuleWriter.Write(copy), export, bytes, capacity);
    }

    /// <summary>Reads the memory of a <see cref="DigestedModule"/>: one summary for each entry, in order.</summary>
    /// <exception cref="InvalidDataException">It is not such a memory, or there were more entries than it has room for.</exception>
    public static ImmutableArray<TraceSummary> Decode(ReadOnlySpan<byte> memory, uint capacity)
    {
        if (memory.Length < RecordStart + ((long)RecordBytes * capacity))
        {
            throw new InvalidDataException($"a digest of {capacity} entries needs more than {memory.Length} bytes");
        }

        var count = BinaryPrimitives.ReadUInt32LittleEndian(memory);
        if (count > capacity)
        {
            throw new InvalidDataException($"there were {count} entries, and the digest has room for {capacity}");
        }

        var isOpen = BinaryPrimitives.ReadUInt32LittleEndian(memory[OpenFlag..]) != 0;
        var summaries = ImmutableArray.CreateBuilder<TraceSummary>((int)count);
        for (var i = 0; i < (int)count; i++)
        {
            summaries.Add(Summary(memory[(isOpen && i == (int)count - 1 ? Running : RecordStart + (RecordBytes * i))..]));
        }

        return summaries.MoveToImmutable();
    }

    /// <summary>The hash of a sequence of functions as the instrumented module computes it.</summary>
    public static UInt128 HashOf(ReadOnlySpan<uint> functions)
    {
        var (first, second) = (FirstStart, SecondStart);
        foreach (var function in functions)
        {
            first = (BitOperations.RotateLeft(first, FirstRotation) ^ Id(function)) * SplitMix64.First;
            second = (BitOperations.RotateLeft(second, SecondRotation) ^ Id(function)) * SplitMix64.Second;
        }

        return new UInt128(second, first);
    }

    private static ulong Id(uint function) => SplitMix64.Mix((function + 1UL) * SplitMix64.Gamma);

    private static TraceSummary Summary(ReadOnlySpan<byte> numbers)
    {
        var chosen = BinaryPrimitives.ReadUInt64LittleEndian(numbers[ChosenOffset..]);
        return new TraceSummary(
            BinaryPrimitives.ReadUInt128LittleEndian(numbers), chosen + BinaryPrimitives.ReadUInt64LittleEndian(numbers[OtherOffset..]), chosen);
    }

    /// <summary>For each defined function: true for what a dispatcher chooses, false for a function without variants, null for what the linker made.</summary>
    private static bool?[] Kinds(WasmModule module, MultivariantMap? map)
    {
        var imported = (uint)module.ImportedFunctionCount;
        var kinds = new bool?[module.Bodies.Count];
        Array.Fill(kinds, false);
        if (map is null)
        {
            return kinds;
        }

        foreach (var function in map.Functions.Where(function => function.Original is not null))
        {
            kinds[function.Index - imported] = null;
            foreach (var outlined in function.Variants.SelectMany(variant => variant.Outlined))
            {
                kinds[outlined - imported] = null;
            }
        }

        foreach (var made in map.Generated.Select(generated => generated.Index).Concat(map.Wrappers.Select(wrapper => wrapper.Index)))
        {
            kinds[made - imported] = null;
        }

        kinds.AsSpan()[^(int)Math.Min(map.EmptyFunctions, (uint)kinds.Length)..].Clear();
        foreach (var choice in map.ChoicesByIndex().Keys)
        {
            kinds[choice - imported] = true;
        }

        return kinds;
    }

    private static void Wrap(WasmModule module, IReadOnlyCollection<string> entries, uint memory, uint capacity)
    {
        var none = module.IndexOfType(FunctionType.Of([], []));
        var close = module.AddFunction(none, CloseBody(memory, capacity));
        var open = module.AddFunction(none, OpenBody(memory, close));
        var types = module.AllFunctionTypes();
        var wrapped = new Dictionary<uint, uint>();
        for (var i = 0; i < module.Exports.Count; i++)
        {
            var export = module.Exports[i];
            if (export.Kind != ExternKind.Function || !entries.Contains(export.Name))
            {
                continue;
            }

            if (!wrapped.TryGetValue(export.Index, out var wrapper))
            {
                var type = types[(int)export.Index];
                var code = new CodeBuilder(module.FunctionTypeAt(type).Parameters.Length);
                wrapper = module.AddFunction(type, code.Call(open).Parameters().Call(export.Index).Call(close).Body());
                wrapped.Add(export.Index, wrapper);
            }

            module.Exports[i] = export with { Index = wrapper };
        }

        if (wrapped.Count > 0)
        {
            // A function that ref.func names may have been declared by its export alone (specification, 3.4.1, C.REFS).
            module.Elements.Add(new ElementSegment(3, SegmentMode.Declarative, 0, null, ValueType.Ref(HeapType.Func, nullable: false), [.. wrapped.Keys.Order()], default));
        }
    }

    /// <summary>(id) -> (): adds a function to the running numbers.</summary>
    private static FunctionBody AddBody(uint memory, int counter)
    {
        var code = new CodeBuilder(1);
        Lane(0, FirstRotation, SplitMix64.First);
        Lane(8, SecondRotation, SplitMix64.Second);
        code.I32(0);
        Load(code, memory, Running + counter).I64(1).Op(Opcode.I64Add);
        Store(code, memory, Running + counter);
        return code.Body();

        void Lane(int offset, int rotation, ulong factor)
        {
            code.I32(0);
            Load(code, memory, Running + offset).I64((ulong)rotation).Op(Opcode.I64Rotl).Get(0).Op(Opcode.I64Xor).I64(factor).Op(Opcode.I64Mul);
            Store(code, memory, Running + offset);
        }
    }

    /// <summary>() -> (): the next record begins; one that is still open, because its entry did not return, ends.</summary>
    private static FunctionBody OpenBody(uint memory, uint close)
    {
        var code = new CodeBuilder(0);
        code.I32(0).Add(Instruction.Memory(Opcode.I32Load, OpenFlag, 2, memory)).Open(Opcode.If).Call(close).End();
        code.I32(0).I32(0).Add(Instruction.Memory(Opcode.I32Load, 0, 2, memory)).I32(1).Op(Opcode.I32Add).Add(Instruction.Memory(Opcode.I32Store, 0, 2, memory));
        code.I32(0).I32(1).Add(Instruction.Memory(Opcode.I32Store, OpenFlag, 2, memory));
        foreach (var (offset, value) in new[] { (0, FirstStart), (8, SecondStart), (ChosenOffset, 0UL), (OtherOffset, 0UL) })
        {
            Store(code.I32(0).I64(value), memory, Running + offset);
        }

        return code.Body();
    }

    /// <summary>() -> (): the running numbers go to the record; beyond the capacity they go nowhere.</summary>
    private static FunctionBody CloseBody(uint memory, uint capacity)
    {
        var code = new CodeBuilder(0);
        var at = code.Local(ValueType.I32);
        code.I32(0).I32(0).Add(Instruction.Memory(Opcode.I32Store, OpenFlag, 2, memory));
        code.I32(0).Add(Instruction.Memory(Opcode.I32Load, 0, 2, memory)).I32(1).Op(Opcode.I32Sub).Tee(at)
            .I32((int)capacity).Op(Opcode.I32GeU).Open(Opcode.If).Op(Opcode.Return).End();
        code.Get(at).I32(RecordBytes).Op(Opcode.I32Mul).Set(at);
        for (var offset = 0; offset < RecordBytes; offset += 8)
        {
            code.Get(at);
            Load(code, memory, Running + offset);
            Store(code, memory, RecordStart + offset);
        }

        return code.Body();
    }

    /// <summary>Pushes what stands at a fixed place.</summary>
    private static CodeBuilder Load(CodeBuilder code, uint memory, int offset) => code.I32(0).Add(Instruction.Memory(Opcode.I64Load, (ulong)offset, 3, memory));

    /// <summary>Takes an address and a value.</summary>
    private static CodeBuilder Store(CodeBuilder code, uint memory, int offset) => code.Add(Instruction.Memory(Opcode.I64Store, (ulong)offset, 3, memory));
}
