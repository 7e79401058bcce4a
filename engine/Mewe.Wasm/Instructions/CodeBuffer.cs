using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace Mewe.Wasm;

/// <summary>Room for decoded instructions and their offsets, reused by a thread so that decoding a body allocates no more than it returns.</summary>
internal sealed class CodeBuffer
{
    private const int RetainedInstructions = 1 << 17;

    [ThreadStatic]
    private static CodeBuffer? pooled;

    private readonly List<Instruction> instructions = [];
    private readonly List<long> offsets = [];

    /// <summary>The blocks that are open while an expression is read.</summary>
    public Stack<Opcode> Openers { get; } = new();

    public ReadOnlySpan<Instruction> Instructions => CollectionsMarshal.AsSpan(instructions);

    /// <summary>Offset in the module of each instruction.</summary>
    public ReadOnlySpan<long> Offsets => CollectionsMarshal.AsSpan(offsets);

    /// <summary>Appends what is read to a buffer.</summary>
    public readonly struct Sink(CodeBuffer buffer) : IInstructionSink
    {
        public void Add(in Instruction instruction, long offset)
        {
            buffer.instructions.Add(instruction);
            buffer.offsets.Add(offset);
        }
    }

    /// <summary>This thread's buffer, empty, or a new one where it is in use.</summary>
    public static CodeBuffer Rent()
    {
        var buffer = pooled ?? new CodeBuffer();
        pooled = null;
        return buffer;
    }

    public void Return()
    {
        if (instructions.Capacity <= RetainedInstructions && Openers.Capacity <= RetainedInstructions)
        {
            Clear();
            pooled = this;
        }
    }

    public void Clear()
    {
        instructions.Clear();
        offsets.Clear();
    }

    public ImmutableArray<Instruction> ToInstructions() => ImmutableArray.Create(Instructions);

    public ImmutableArray<long> ToOffsets() => ImmutableArray.Create(Offsets);
}
