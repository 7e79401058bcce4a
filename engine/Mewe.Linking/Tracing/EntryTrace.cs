using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Numerics;
using Mewe.Linking.Custom;
using Mewe.Linking.Dispatch;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Linking.Tracing;

/// <summary>A multivariant module that records its choices in a memory of its own.</summary>
/// <param name="MemoryExport">Under this name the memory is exported; read all <paramref name="MemoryBytes"/> of it after the run.</param>
/// <param name="Capacity">How many of the last choices are kept.</param>
public sealed record TracedModule(byte[] Module, string MemoryExport, long MemoryBytes, uint Capacity);

/// <summary>A choice that a dispatcher made.</summary>
/// <param name="Function">The dispatcher's index.</param>
/// <param name="Choice">0 for the original, n for variant n.</param>
public readonly record struct TracedChoice(uint Function, int Choice);

/// <summary>The choices of a run, in the order in which the chosen functions were entered.</summary>
/// <param name="Total">How many there were.</param>
/// <param name="Choices">The last of them, as many as the trace's capacity kept.</param>
public sealed record EntryTraceResult(ulong Total, ImmutableArray<TracedChoice> Choices);

/// <summary>
/// Instruments a multivariant module so that each choice can be read after a run: every original and variant records its function index when it is entered.
/// Only <c>mewe run --trace</c> and tests use this; a module that is handed over has none of it.
/// </summary>
/// <remarks>
/// The memory is appended behind the module's own (which needs multi-memory of the engine), and the recording function behind its functions, so no index
/// moves. Layout of the memory: u64 number of records so far, 8 bytes unused, then a ring of u32 function indices.
/// </remarks>
public static class EntryTrace
{
    private const int RingStart = 16;

    /// <param name="multivariant">A multivariant module; it is not changed.</param>
    /// <param name="capacity">How many choices to keep at least; rounded up to a power of two, at most 2^26.</param>
    /// <exception cref="WasmException">The module's bytes are wrong.</exception>
    public static TracedModule Instrument(WasmModule multivariant, MultivariantMap map, uint capacity)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(capacity, 1u << 26);
        capacity = Math.Max(16, BitOperations.RoundUpToPowerOf2(capacity));
        var module = multivariant.Clone();
        var pages = (RingStart + (4UL * capacity) + 0xFFFF) >> 16;
        var (memory, export) = TraceCode.AddMemory(module, pages);
        var record = module.AddFunction(module.IndexOfType(FunctionType.Of([ValueType.I32], [])), RecordBody(memory, capacity));
        TraceCode.CallInlined(module, map);
        var imported = (uint)module.ImportedFunctionCount;
        foreach (var function in map.ChoicesByIndex().Keys)
        {
            var place = (int)(function - imported);
            module.Bodies[place] = TraceCode.WithPrologue(module.Bodies[place], Instruction.I32Const((int)function), Instruction.Call(record));
        }

        // Their offsets are others now, and in a trace nobody needs them.
        module.SetCustom(BranchHints.SectionName, null);
        return new TracedModule(ModuleWriter.Write(module), export, (long)pages << 16, capacity);
    }

    /// <summary>Reads the memory of a <see cref="TracedModule"/>.</summary>
    /// <exception cref="InvalidDataException">It is not such a memory.</exception>
    public static EntryTraceResult Decode(ReadOnlySpan<byte> memory, uint capacity, MultivariantMap map)
    {
        if (memory.Length < RingStart + (4L * capacity))
        {
            throw new InvalidDataException($"a trace of {capacity} choices needs more than {memory.Length} bytes");
        }

        var total = BinaryPrimitives.ReadUInt64LittleEndian(memory);
        var kept = (int)Math.Min(total, capacity);
        var functions = map.ChoicesByIndex();
        var choices = ImmutableArray.CreateBuilder<TracedChoice>(kept);
        for (var i = total - (ulong)kept; i < total; i++)
        {
            var index = BinaryPrimitives.ReadUInt32LittleEndian(memory[(RingStart + (4 * (int)(i & (capacity - 1))))..]);
            choices.Add(functions.TryGetValue(index, out var found)
                ? new TracedChoice(found.Function.Index, found.Choice)
                : throw new InvalidDataException($"the trace names function {index}, which is neither original nor variant"));
        }

        return new EntryTraceResult(total, choices.MoveToImmutable());
    }

    /// <summary>(function index) -> (): writes it to the ring.</summary>
    private static FunctionBody RecordBody(uint memory, uint capacity)
    {
        var code = new CodeBuilder(1);
        var total = code.Local(ValueType.I64);
        code.I32(0).Add(Instruction.Memory(Opcode.I64Load, 0, 3, memory)).Tee(total)
            .Op(Opcode.I32WrapI64).I32((int)(capacity - 1)).Op(Opcode.I32And).I32(2).Op(Opcode.I32Shl)
            .Get(0).Add(Instruction.Memory(Opcode.I32Store, RingStart, 2, memory));
        code.I32(0).Get(total).I64(1).Op(Opcode.I64Add).Add(Instruction.Memory(Opcode.I64Store, 0, 3, memory));
        return code.Body();
    }
}
