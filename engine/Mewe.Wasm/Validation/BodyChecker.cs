using System.Diagnostics.CodeAnalysis;

namespace Mewe.Wasm.Validation;

/// <summary>
/// The validation algorithm of the specification's appendix: one pass over the instructions with a stack of operand types and a stack of open
/// blocks. Instructions with a fixed signature are checked from <see cref="OpcodeTable"/>; the others have a case here. One instance is reused for many
/// bodies, so that nothing is allocated while instructions are checked.
/// </summary>
internal sealed partial class BodyChecker : IInstructionSink
{
    private const Opcode FunctionBlock = (Opcode)ushort.MaxValue;
    private const int RetainedEntries = 1 << 16;

    [ThreadStatic]
    private static BodyChecker? pooled;

    private ModuleContext context = null!;
    private FunctionType type = null!;
    private ValueType[] operands = new ValueType[64];
    private int height;
    private Frame[] frames = new Frame[16];
    private int frameCount;

    // The innermost frame's, kept here because every pop asks for them.
    private int frameHeight;
    private bool unreachable;

    private ValueType[] locals = new ValueType[64];
    private int localCount;
    private bool tracksLocals;
    private bool[] initialized = [];
    private int[] initializations = [];
    private int initializationCount;

    private int position;
    private long offset;
    private CancellationToken cancellation;
    private int constantGlobals = -1;
    private TypingRecorder? recorder;

    private struct Frame
    {
        public Opcode Opener;
        public FunctionType? Function;
        public ValueType Single;
        public bool HasSingle;
        public bool Unreachable;

        /// <summary>Opened where control never comes.</summary>
        public bool Dead;
        public int Height;
        public int InitializationCount;
        public int Start;

        [UnscopedRef]
        public readonly ReadOnlySpan<ValueType> Parameters => Opener == FunctionBlock || Function is null ? default : Function.Parameters.AsSpan();

        [UnscopedRef]
        public readonly ReadOnlySpan<ValueType> Results => Function is not null ? Function.Results.AsSpan() : HasSingle ? new ReadOnlySpan<ValueType>(in Single) : default;

        /// <summary>What a branch to this block takes along.</summary>
        [UnscopedRef]
        public readonly ReadOnlySpan<ValueType> LabelTypes => Opener == Opcode.Loop ? Parameters : Results;
    }

    /// <summary>Takes this thread's instance, or makes one.</summary>
    public static BodyChecker Rent()
    {
        var checker = pooled ?? new BodyChecker();
        pooled = null;
        return checker;
    }

    public void Return()
    {
        context = null!;
        type = null!;
        recorder = null;
        constantGlobals = -1;
        Array.Clear(frames, 0, Math.Min(frames.Length, Math.Max(frameCount, 1)));
        if (operands.Length <= RetainedEntries && frames.Length <= RetainedEntries && locals.Length <= RetainedEntries && Openers.Capacity <= RetainedEntries)
        {
            pooled = this;
        }
    }

    /// <summary>Room for <see cref="ExpressionReader"/> while a body is checked as it is decoded.</summary>
    public Stack<Opcode> Openers { get; } = new();

    /// <summary>Checks the body of a function. Errors carry the index of the instruction.</summary>
    /// <exception cref="WasmException">Invalid, or beyond a limit.</exception>
    public void CheckFunction(ModuleContext module, FunctionType functionType, FunctionCode code, TypingRecorder? typing)
    {
        (context, type, recorder, constantGlobals, cancellation) = (module, functionType, typing, -1, CancellationToken.None);
        Begin();
        DeclareLocals(code.Locals.AsSpan());
        Check(code.Instructions.AsSpan());
    }

    /// <summary>Checks a body while it is decoded, so that nothing is kept of it. Errors carry the offset of the instruction in the module.</summary>
    /// <exception cref="WasmException">Malformed, invalid, or beyond a limit.</exception>
    public void CheckFunction(ModuleContext module, FunctionType functionType, FunctionBody body, CancellationToken token)
    {
        (context, type, recorder, constantGlobals, cancellation) = (module, functionType, null, -1, token);
        Begin();
        offset = body.Offset;
        var decoder = body.Decoder();
        DeclareLocals(body.DecodeLocals(ref decoder).AsSpan());
        FunctionBody.DecodeInstructions(ref decoder, this, Openers);
        Finish();
    }

    /// <summary>Checks a constant expression that gives one value of <paramref name="expected"/> and sees the first <paramref name="globals"/> globals.</summary>
    public void CheckConstant(ModuleContext module, ValueType expected, int globals, ReadOnlySpan<Instruction> code)
    {
        (context, type, recorder, constantGlobals, cancellation) = (module, FunctionType.Of([], [expected]), null, globals, CancellationToken.None);
        Begin();
        Check(code);
    }

    private void Begin()
    {
        height = frameCount = localCount = initializationCount = 0;
        (position, offset) = (-1, 0);
        tracksLocals = false;
        ref var frame = ref frames[frameCount++];
        frame = new Frame { Opener = FunctionBlock, Function = type };
        frameHeight = 0;
        unreachable = false;
    }

    private void DeclareLocals(ReadOnlySpan<LocalGroup> groups)
    {
        foreach (var parameter in type.Parameters)
        {
            DeclareLocals(1, parameter);
        }

        long total = 0;
        foreach (var group in groups)
        {
            total += group.Count;
            if (total > Limits.MaxLocals)
            {
                throw new WasmException(WasmErrorKind.LimitExceeded, offset, $"more than {Limits.MaxLocals} locals");
            }

            if (!context.IsValid(group.Type))
            {
                throw Invalid($"unknown type {group.Type} of a local");
            }

            DeclareLocals((int)group.Count, group.Type);
        }

        tracksLocals = false;
        for (var i = type.Parameters.Length; i < localCount; i++)
        {
            if (!locals[i].IsDefaultable)
            {
                tracksLocals = true;
                break;
            }
        }

        if (tracksLocals)
        {
            if (initialized.Length < localCount)
            {
                initialized = new bool[localCount];
                initializations = new int[localCount];
            }

            for (var i = 0; i < localCount; i++)
            {
                initialized[i] = i < type.Parameters.Length || locals[i].IsDefaultable;
            }
        }
    }

    private void DeclareLocals(int count, ValueType local)
    {
        if (localCount + count > locals.Length)
        {
            Array.Resize(ref locals, Math.Max(localCount + count, locals.Length * 2));
        }

        locals.AsSpan(localCount, count).Fill(local);
        localCount += count;
    }

    private void Check(ReadOnlySpan<Instruction> code)
    {
        for (var i = 0; i < code.Length; i++)
        {
            Add(code[i], i);
        }

        Finish();
    }

    /// <summary>Checks the next instruction.</summary>
    public void Add(in Instruction instruction, long at)
    {
        offset = at;
        if ((++position & 0x3FFF) == 0)
        {
            cancellation.ThrowIfCancellationRequested();
        }

        if (frameCount == 0)
        {
            throw Invalid("instructions behind the end of the expression");
        }

        recorder?.Begin(height, !(unreachable || frames[frameCount - 1].Dead), frameCount - 1);
        if (constantGlobals >= 0)
        {
            CheckConstantInstruction(instruction);
        }

        if (FixedSignature.Of(instruction.Opcode) is { } signature)
        {
            CheckFixed(instruction, signature);
        }
        else
        {
            CheckSpecial(instruction);
        }

        recorder?.Complete();
    }

    private void Finish()
    {
        if (frameCount != 0)
        {
            throw Invalid("an end is missing");
        }
    }

    private void CheckFixed(in Instruction instruction, FixedSignature signature)
    {
        var address = ValueType.I32;
        switch (signature.Immediate)
        {
            case ImmediateKind.Memory or ImmediateKind.MemoryLane:
                address = CheckAccess(instruction, signature);
                break;
            case ImmediateKind.MemoryIndex:
                address = Memory(instruction.Index).Limits.AddressType;
                break;
            case ImmediateKind.Data:
                DataSegment(instruction.Index);
                break;
            case ImmediateKind.Element:
                Elements(instruction.Index);
                break;
            case ImmediateKind.Lane:
                CheckLane(instruction.LaneIndex, signature);
                break;
            case ImmediateKind.Shuffle:
                CheckShuffle((V128Payload)instruction.Payload!);
                break;
        }

        var taken = signature.Operands;
        for (var i = taken.Length - 1; i >= 0; i--)
        {
            Pop(taken[i] == FixedSignature.Address ? address : taken[i]);
        }

        foreach (var result in signature.Results)
        {
            Push(result == FixedSignature.Address ? address : result);
        }
    }

    private ValueType CheckAccess(in Instruction instruction, FixedSignature signature)
    {
        var limits = Memory(instruction.Index).Limits;
        if (signature.ExactAlignment ? instruction.Index2 != signature.AlignmentExponent : instruction.Index2 > signature.AlignmentExponent)
        {
            throw Invalid(signature.ExactAlignment
                ? $"atomic alignment must be natural: 2^{signature.AlignmentExponent}, not 2^{instruction.Index2}"
                : $"alignment must not be larger than natural: 2^{instruction.Index2} for an access of 2^{signature.AlignmentExponent} bytes");
        }

        if (!limits.Is64 && instruction.Bits > uint.MaxValue)
        {
            throw Invalid($"offset out of range: {instruction.Bits} in a memory of 32-bit addresses");
        }

        if (signature.Immediate == ImmediateKind.MemoryLane)
        {
            CheckLane(instruction.LaneIndex, signature);
        }

        return limits.AddressType;
    }

    private void CheckLane(int lane, FixedSignature signature)
    {
        if (lane >= signature.LaneCount)
        {
            throw Invalid($"invalid lane index {lane} of {signature.LaneCount}");
        }
    }

    private void CheckShuffle(V128Payload lanes)
    {
        if (((lanes.Low | lanes.High) & 0xE0E0_E0E0_E0E0_E0E0) != 0)
        {
            throw Invalid("invalid lane index: a shuffle has 32 lanes to choose from");
        }
    }

    private WasmException Invalid(string message) => new(WasmErrorKind.Invalid, offset, message);

    private void Push(ValueType value)
    {
        if (height == operands.Length)
        {
            Array.Resize(ref operands, height * 2);
        }

        operands[height++] = value;
        recorder?.Pushed(value);
    }

    private void Push(ReadOnlySpan<ValueType> values)
    {
        foreach (var value in values)
        {
            Push(value);
        }
    }

    /// <summary>Takes any value; the bottom type where unreachable code has none.</summary>
    private ValueType Pop()
    {
        ValueType value;
        if (height == frameHeight)
        {
            value = unreachable ? ValueType.Bottom : throw Invalid("type mismatch: a value expected, but the stack is empty");
        }
        else
        {
            value = operands[--height];
        }

        recorder?.Popped(value);
        return value;
    }

    private ValueType Pop(ValueType expected)
    {
        // Nearly always exactly what is expected lies on the stack.
        if (height > frameHeight && operands[height - 1] == expected)
        {
            height--;
            recorder?.Popped(expected);
            return expected;
        }

        return PopSubtype(expected);
    }

    private ValueType PopSubtype(ValueType expected)
    {
        if (height == frameHeight && !unreachable)
        {
            throw Invalid($"type mismatch: {expected} expected, but the stack is empty");
        }

        var value = Pop();
        return context.IsSubtype(value, expected) ? value : throw Invalid($"type mismatch: {expected} expected, {value} found");
    }

    private void Pop(ReadOnlySpan<ValueType> expected)
    {
        for (var i = expected.Length - 1; i >= 0; i--)
        {
            Pop(expected[i]);
        }
    }

    private ValueType PopReference()
    {
        var value = Pop();
        return value.IsReference ? value
            : value == ValueType.Bottom ? ValueType.Ref(HeapType.Bottom, nullable: false)
            : throw Invalid($"type mismatch: a reference expected, {value} found");
    }

    /// <summary>Checks that the topmost values would do for a branch, and leaves them.</summary>
    private void Peek(ReadOnlySpan<ValueType> expected)
    {
        for (var i = 1; i <= expected.Length; i++)
        {
            var wanted = expected[^i];
            var at = height - i;
            if (at < frameHeight)
            {
                if (!unreachable)
                {
                    throw Invalid($"type mismatch: {wanted} expected, but the stack is empty");
                }

                return;
            }

            if (!context.IsSubtype(operands[at], wanted))
            {
                throw Invalid($"type mismatch: {wanted} expected, {operands[at]} found");
            }
        }
    }

    private MemoryType Memory(uint memory) => memory < (uint)context.Memories.Length ? context.Memories[(int)memory] : throw Invalid($"unknown memory {memory}");
}
