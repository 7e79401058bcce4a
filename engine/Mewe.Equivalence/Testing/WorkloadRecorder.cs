using System.Buffers.Binary;
using System.Collections.Immutable;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Equivalence;

/// <summary>A module that keeps arguments of its functions in a memory of its own, and what to read back after a run.</summary>
/// <param name="RecordExport">Under this name the memory of records is exported; read all <paramref name="RecordBytes"/> of it.</param>
/// <param name="MemoryExport">Under this name memory 0 is exported; null where the module has none that could be recorded.</param>
public sealed record RecordingModule(byte[] Module, string RecordExport, int RecordBytes, string? MemoryExport);

/// <summary>
/// Instruments a whole module so that a run of the user's workload tells what each function is really called with: argument values at its entry, the mutable
/// globals then, and what memory 0 holds at the end. The tester starts about half of its inputs from there.
/// </summary>
/// <remarks>
/// Everything lives in one memory appended behind the module's own, so no index moves and the module's own memories are as they were. It holds the mutable
/// number globals (8 bytes each), then for each recorded function a u32 number of calls, 4 bytes unused, and <see cref="Samples"/> tuples of 16 bytes per
/// parameter. Which calls are kept is decided by their number alone: the first <see cref="FirstSamples"/>, then those numbered by powers of two, of which the
/// last ones stay: some from the start of the run, some from all over it.
/// </remarks>
public sealed class WorkloadRecorder
{
    /// <summary>Argument tuples kept per function and run.</summary>
    public const int Samples = 16;

    private const int FirstSamples = 8;
    private const int ParameterBytes = 16;
    private const int HeaderBytes = 8;
    private const int MaxRecordBytes = 64 << 20;

    private readonly WasmModule original;
    private readonly ImmutableArray<(uint Index, ValueType Type)> globals;
    private readonly ImmutableArray<Slot> slots;
    private readonly int recordBytes;

    public WorkloadRecorder(WasmModule module)
    {
        original = module;
        globals = [.. module.AllGlobals().Select((type, index) => (Index: (uint)index, type)).Where(g => g.type.Mutable && g.type.Value.IsScalar).Select(g => (g.Index, g.type.Value))];
        var at = globals.Length * 8;
        var chosen = ImmutableArray.CreateBuilder<Slot>();
        for (var i = 0; i < module.FunctionTypes.Count; i++)
        {
            var type = module.FunctionTypeAt(module.FunctionTypes[i]);
            var size = HeaderBytes + (Samples * type.Parameters.Length * ParameterBytes);
            if (type.Parameters.IsEmpty || type.Parameters.Any(parameter => parameter.IsReference) || at + size > MaxRecordBytes)
            {
                continue;
            }

            chosen.Add(new Slot((uint)(module.ImportedFunctionCount + i), type, at));
            at += size;
        }

        slots = chosen.ToImmutable();
        recordBytes = Math.Max(at, 8);
    }

    private sealed record Slot(uint Function, FunctionType Type, int Address);

    /// <summary>The instrumented module; its behaviour is that of the original.</summary>
    /// <exception cref="WasmException">A body is malformed.</exception>
    public RecordingModule Instrument()
    {
        var module = original.Clone();
        var memory = (uint)module.AllMemories().Length;
        var pages = ((ulong)recordBytes + 0xFFFF) >> 16;
        module.Memories.Add(new MemoryType(new SizeLimits(pages, pages)));
        var recordExport = AddExport(module, "mewe_record", memory);
        var isRecordable = memory > 0 && !module.AllMemories()[0].Limits.Is64 && !module.AllMemories()[0].Limits.Shared;
        var memoryExport = isRecordable ? module.Exports.FirstOrDefault(export => export is { Kind: ExternKind.Memory, Index: 0 })?.Name ?? AddExport(module, "mewe_memory", 0) : null;
        foreach (var slot in slots)
        {
            var recorder = module.AddFunction(module.IndexOfType(new FunctionType(slot.Type.Parameters, [])), new FunctionBody(RecorderCode(slot, memory)));
            var place = (int)slot.Function - module.ImportedFunctionCount;
            module.Bodies[place] = WithCall(module.Bodies[place], slot.Type.Parameters.Length, recorder);
        }

        // Their offsets are others now, and nobody runs this module twice.
        module.SetCustom("metadata.code.branch_hint", null);
        return new RecordingModule(ModuleWriter.Write(module), recordExport, recordBytes, memoryExport);
    }

    /// <summary>What the runs of the instrumented module recorded.</summary>
    /// <param name="runs">For each run the memory of records and what was read of memory 0 (empty where nothing was).</param>
    public RecordedInputs Decode(IReadOnlyList<(ReadOnlyMemory<byte> Records, ReadOnlyMemory<byte> Memory)> runs)
    {
        var arguments = ImmutableDictionary.CreateBuilder<uint, ImmutableArray<ImmutableArray<ValueBits>>>();
        foreach (var slot in slots)
        {
            var seen = new HashSet<string>(StringComparer.Ordinal);
            var tuples = ImmutableArray.CreateBuilder<ImmutableArray<ValueBits>>();
            foreach (var (records, _) in runs.Where(run => run.Records.Length >= recordBytes))
            {
                var calls = BinaryPrimitives.ReadUInt32LittleEndian(records.Span[slot.Address..]);
                for (var sample = 0; sample < Samples && IsTaken(sample, calls); sample++)
                {
                    var tuple = Tuple(records.Span, slot, sample);
                    if (seen.Add(string.Join(' ', tuple)))
                    {
                        tuples.Add(tuple);
                    }
                }
            }

            if (tuples.Count > 0)
            {
                arguments.Add(slot.Function, tuples.ToImmutable());
            }
        }

        var last = runs.LastOrDefault(run => run.Records.Length >= recordBytes && arguments.Count > 0);
        var values = last.Records.IsEmpty
            ? ImmutableDictionary<uint, ValueBits>.Empty
            : globals.Select((global, i) => (global.Index, Value: ValueBits.Of(BinaryPrimitives.ReadUInt64LittleEndian(last.Records.Span[(8 * i)..]))))
                .ToImmutableDictionary(pair => pair.Index, pair => pair.Value);
        return new RecordedInputs(arguments.ToImmutable(), last.Memory, values);
    }

    /// <summary>Whether a tuple was written after so many calls; see <see cref="RecorderCode"/>.</summary>
    private static bool IsTaken(int sample, uint calls) => calls > (sample < FirstSamples ? (uint)sample : 1u << sample);

    private static ImmutableArray<ValueBits> Tuple(ReadOnlySpan<byte> records, Slot slot, int sample)
    {
        var tuple = ImmutableArray.CreateBuilder<ValueBits>(slot.Type.Parameters.Length);
        for (var i = 0; i < slot.Type.Parameters.Length; i++)
        {
            var at = records[(slot.Address + HeaderBytes + (((sample * slot.Type.Parameters.Length) + i) * ParameterBytes))..];
            tuple.Add(new ValueBits(BinaryPrimitives.ReadUInt64LittleEndian(at), BinaryPrimitives.ReadUInt64LittleEndian(at[8..])));
        }

        return tuple.MoveToImmutable();
    }

    /// <summary>
    /// (the function's parameters) -> (): with n the number of earlier calls, writes a tuple where n is below <see cref="FirstSamples"/> (to place n) or a power
    /// of two 2^k (to place 8 + k mod 8; 2^8 is the first that goes to a place of its own), then the globals; and counts.
    /// </summary>
    private FunctionCode RecorderCode(Slot slot, uint memory)
    {
        var parameters = (uint)slot.Type.Parameters.Length;
        var (calls, address) = (parameters, parameters + 1);
        var code = ImmutableArray.CreateBuilder<Instruction>();
        code.AddRange(
            Instruction.I32Const(slot.Address), Instruction.Memory(Opcode.I32Load, 0, 2, memory), Instruction.LocalTee(calls),
            Instruction.I32Const(FirstSamples), Instruction.Of(Opcode.I32LtU),
            Instruction.LocalGet(calls), Instruction.I32Const(0xFF), Instruction.Of(Opcode.I32GtU),
            Instruction.LocalGet(calls), Instruction.Of(Opcode.I32Popcnt), Instruction.I32Const(1), Instruction.Of(Opcode.I32Eq), Instruction.Of(Opcode.I32And),
            Instruction.Of(Opcode.I32Or),
            Instruction.Block(Opcode.If, BlockType.Empty),
            Instruction.LocalGet(calls),
            Instruction.LocalGet(calls), Instruction.Of(Opcode.I32Ctz), Instruction.I32Const(FirstSamples - 1), Instruction.Of(Opcode.I32And), Instruction.I32Const(FirstSamples),
            Instruction.Of(Opcode.I32Add),
            Instruction.LocalGet(calls), Instruction.I32Const(FirstSamples), Instruction.Of(Opcode.I32LtU), Instruction.Of(Opcode.Select),
            Instruction.I32Const((int)parameters * ParameterBytes), Instruction.Of(Opcode.I32Mul), Instruction.I32Const(slot.Address + HeaderBytes), Instruction.Of(Opcode.I32Add),
            Instruction.LocalSet(address));
        for (uint i = 0; i < parameters; i++)
        {
            var (store, alignment) = StoreOf(slot.Type.Parameters[(int)i]);
            code.AddRange(Instruction.LocalGet(address), Instruction.LocalGet(i), Instruction.Memory(store, i * ParameterBytes, alignment, memory));
        }

        for (var i = 0; i < globals.Length; i++)
        {
            var (store, alignment) = StoreOf(globals[i].Type);
            code.AddRange(Instruction.I32Const(8 * i), Instruction.Of(Opcode.GlobalGet, globals[i].Index), Instruction.Memory(store, 0, alignment, memory));
        }

        code.AddRange(
            Instruction.Of(Opcode.End),
            Instruction.I32Const(slot.Address), Instruction.LocalGet(calls), Instruction.I32Const(1), Instruction.Of(Opcode.I32Add), Instruction.Memory(Opcode.I32Store, 0, 2, memory),
            Instruction.Of(Opcode.End));
        return new FunctionCode([new LocalGroup(2, ValueType.I32)], code.ToImmutable());
    }

    private static (Opcode Store, uint Alignment) StoreOf(ValueType type) =>
        type == ValueType.I32 ? (Opcode.I32Store, 2u)
        : type == ValueType.I64 ? (Opcode.I64Store, 3u)
        : type == ValueType.F32 ? (Opcode.F32Store, 2u)
        : type == ValueType.F64 ? (Opcode.F64Store, 3u)
        : (Opcode.V128Store, 4u);

    private static FunctionBody WithCall(FunctionBody body, int parameters, uint recorder)
    {
        var code = body.Decode();
        var instructions = ImmutableArray.CreateBuilder<Instruction>(code.Instructions.Length + parameters + 1);
        for (uint i = 0; i < parameters; i++)
        {
            instructions.Add(Instruction.LocalGet(i));
        }

        instructions.Add(Instruction.Call(recorder));
        instructions.AddRange(code.Instructions);
        return new FunctionBody(new FunctionCode(code.Locals, instructions.MoveToImmutable()));
    }

    private static string AddExport(WasmModule module, string wanted, uint memory)
    {
        var name = wanted;
        for (var i = 2; module.Exports.Any(export => export.Name == name); i++)
        {
            name = $"{wanted}_{i}";
        }

        module.Exports.Add(new Export(name, ExternKind.Memory, memory));
        return name;
    }
}
