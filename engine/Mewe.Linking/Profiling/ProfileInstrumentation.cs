using System.Buffers.Binary;
using System.Collections.Immutable;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Linking.Profiling;

/// <summary>A copy of a module that counts its calls in a memory of its own.</summary>
/// <param name="MemoryExport">Under this name the memory is exported; read all <paramref name="MemoryBytes"/> of it after the run.</param>
public sealed record InstrumentedProfile(byte[] Module, string MemoryExport, int MemoryBytes);

/// <summary>
/// Instruments a module to count, for each function, its calls and the instructions that it executes, and for each pair of functions the direct calls from one to the other.
/// </summary>
/// <remarks>
/// The memory is appended behind the module's own (which needs multi-memory of the engine), so no index moves. It holds a u64 per counter: per defined function
/// its calls and its instructions, then per pair its calls. Instructions are counted where a function and where a turn of a loop begins, each time as many as stand there outside of
/// inner loops; what branches leave out is counted as if it ran.
/// </remarks>
public sealed class ProfileInstrumentation
{
    private const int CounterBytes = 8;

    private readonly WasmModule original;
    private readonly uint imported;
    private readonly Dictionary<(uint Caller, uint Callee), int> pairs = [];
    private readonly List<FunctionCode> bodies = [];

    /// <exception cref="WasmException">The module's bytes are wrong.</exception>
    public ProfileInstrumentation(WasmModule original)
    {
        this.original = original;
        imported = (uint)original.ImportedFunctionCount;
        for (var i = 0; i < original.Bodies.Count; i++)
        {
            var code = original.Bodies[i].Decode();
            bodies.Add(code);
            foreach (ref readonly var instruction in code.Instructions.AsSpan())
            {
                if (IsDirectCall(instruction))
                {
                    pairs.TryAdd((imported + (uint)i, instruction.Index), pairs.Count);
                }
            }
        }
    }

    private int FirstPair => 2 * bodies.Count;

    public InstrumentedProfile Instrument()
    {
        var module = original.Clone();
        var bytes = CounterBytes * (FirstPair + pairs.Count);
        var pages = ((ulong)bytes + 0xFFFF) >> 16;
        var memory = (uint)module.AllMemories().Length;
        module.Memories.Add(new MemoryType(new SizeLimits(pages, pages)));
        var export = ExportNames.Unused(module, "mewe_profile");
        module.Exports.Add(new Export(export, ExternKind.Memory, memory));
        for (var i = 0; i < bodies.Count; i++)
        {
            module.Bodies[i] = new FunctionBody(Counting(i, memory));
        }

        module.SetCustom(Custom.BranchHints.SectionName, null);
        return new InstrumentedProfile(ModuleWriter.Write(module), export, (int)(pages << 16));
    }

    /// <summary>Adds up the counters of several runs.</summary>
    /// <param name="requests">By how many requests to divide.</param>
    /// <exception cref="InvalidDataException">It is not such a memory.</exception>
    public ExecutionProfile Decode(IReadOnlyCollection<ReadOnlyMemory<byte>> memories, int requests)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(requests);
        var functions = ImmutableSortedDictionary.CreateBuilder<uint, FunctionFrequency>();
        for (var i = 0; i < bodies.Count; i++)
        {
            var calls = Sum(memories, 2 * i) / requests;
            if (calls > 0)
            {
                functions.Add(imported + (uint)i, new FunctionFrequency(calls, Sum(memories, (2 * i) + 1) / requests));
            }
        }

        var between = ImmutableSortedDictionary.CreateBuilder<(uint, uint), double>();
        foreach (var (pair, number) in pairs)
        {
            var calls = Sum(memories, FirstPair + number) / requests;
            if (calls > 0)
            {
                between.Add(pair, calls);
            }
        }

        return new ExecutionProfile(functions.ToImmutable(), between.ToImmutable());
    }

    private static double Sum(IReadOnlyCollection<ReadOnlyMemory<byte>> memories, int counter)
    {
        double sum = 0;
        foreach (var memory in memories)
        {
            var at = counter * CounterBytes;
            sum += at + CounterBytes <= memory.Length
                ? BinaryPrimitives.ReadUInt64LittleEndian(memory.Span[at..])
                : throw new InvalidDataException($"a profile needs more than {memory.Length} bytes");
        }

        return sum;
    }

    private FunctionCode Counting(int body, uint memory)
    {
        var code = bodies[body];
        var lengths = LoopBodies.Lengths(code.Instructions);
        var counted = ImmutableArray.CreateBuilder<Instruction>(code.Instructions.Length * 2);
        Count(2 * body, 1);
        Count((2 * body) + 1, lengths[^1]);
        for (var i = 0; i < code.Instructions.Length; i++)
        {
            var instruction = code.Instructions[i];
            if (IsDirectCall(instruction))
            {
                Count(FirstPair + pairs[(imported + (uint)body, instruction.Index)], 1);
            }

            counted.Add(instruction);
            if (instruction.Opcode == Opcode.Loop)
            {
                Count((2 * body) + 1, lengths[i]);
            }
        }

        return new FunctionCode(code.Locals, counted.DrainToImmutable());

        void Count(int counter, int by)
        {
            counted.Add(Instruction.I32Const(counter * CounterBytes));
            counted.Add(Instruction.I32Const(counter * CounterBytes));
            counted.Add(Instruction.Memory(Opcode.I64Load, 0, 3, memory));
            counted.Add(Instruction.I64Const(by));
            counted.Add(Instruction.Of(Opcode.I64Add));
            counted.Add(Instruction.Memory(Opcode.I64Store, 0, 3, memory));
        }
    }

    private static bool IsDirectCall(in Instruction instruction) => Dispatch.BoundCalls.IsDirectCall(instruction.Opcode);
}
