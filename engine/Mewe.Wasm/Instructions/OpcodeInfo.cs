using System.Globalization;

namespace Mewe.Wasm;

/// <summary>What follows an opcode in the binary format, in this order. See <see cref="Instruction"/> for where each part is kept.</summary>
public enum ImmediateKind : byte
{
    None,
    BlockType,
    Label,
    LabelTable,
    Local,
    Global,
    Function,
    Table,
    Type,
    /// <summary>Type index, then table index.</summary>
    TypeTable,
    Tag,
    SelectTypes,
    /// <summary>memarg: alignment exponent (bit 6: a memory index follows), offset.</summary>
    Memory,
    MemoryLane,
    MemoryIndex,
    /// <summary>Data segment, then memory.</summary>
    DataMemory,
    /// <summary>Destination memory, then source memory.</summary>
    MemoryMemory,
    Data,
    Element,
    /// <summary>Element segment, then table.</summary>
    ElementTable,
    /// <summary>Destination table, then source table.</summary>
    TableTable,
    I32,
    I64,
    F32,
    F64,
    V128,
    Shuffle,
    Lane,
    HeapType,
    BranchOnCast,
    TryTable,
    TypeField,
    TypeCount,
    TypeData,
    TypeElement,
    /// <summary>Destination type, then source type.</summary>
    TypeType,
    ZeroByte,
}

/// <summary>What evaluating an instruction can do beyond taking operands and giving results. Nothing set means pure, total and deterministic.</summary>
[Flags]
public enum Effects
{
    None = 0,
    /// <summary>May trap on some operands.</summary>
    Traps = 1 << 0,
    ReadsLocal = 1 << 1,
    WritesLocal = 1 << 2,
    ReadsGlobal = 1 << 3,
    WritesGlobal = 1 << 4,
    ReadsMemory = 1 << 5,
    WritesMemory = 1 << 6,
    ReadsTable = 1 << 7,
    WritesTable = 1 << 8,
    /// <summary>Reads whether a data or element segment has been dropped.</summary>
    ReadsSegment = 1 << 9,
    WritesSegment = 1 << 10,
    ReadsHeap = 1 << 11,
    WritesHeap = 1 << 12,
    /// <summary>Makes a new object whose identity can be observed.</summary>
    Allocates = 1 << 13,
    /// <summary>Synchronises with other threads: never moved, duplicated or dropped.</summary>
    Atomic = 1 << 14,
    /// <summary>Runs other code: may do anything.</summary>
    Calls = 1 << 15,
    /// <summary>Structured control, branches and exceptions.</summary>
    Control = 1 << 16,
    /// <summary>The bits of a NaN result are not determined: opaque to the rewriter, and never folded.</summary>
    FloatArithmetic = 1 << 17,
    /// <summary>The result is chosen by the engine (relaxed SIMD): never duplicated.</summary>
    NonDeterministic = 1 << 18,
}

/// <summary>The proposal that brought a feature of a module; the base is WebAssembly 1.0.</summary>
public enum Feature : byte
{
    Mvp,
    MutableGlobals,
    SignExtension,
    SaturatingFloatToInt,
    MultiValue,
    ReferenceTypes,
    BulkMemory,
    Simd,
    RelaxedSimd,
    TailCall,
    ExtendedConst,
    Threads,
    MultiMemory,
    Memory64,
    Exceptions,
    LegacyExceptions,
    FunctionReferences,
    Gc,
}

/// <summary>One row of <see cref="OpcodeTable"/>.</summary>
/// <param name="Signature">Operands and results as letters, or "*"; see <see cref="OpcodeTable"/>.</param>
public sealed record OpcodeInfo(Opcode Opcode, string Name, ImmediateKind Immediate, string Signature, Effects Effects, Feature Feature)
{
    /// <summary>True where the signature is given by the table alone (up to the address type of a memory).</summary>
    public bool HasFixedSignature { get; } = Signature != "*";

    /// <summary>The operand letters, leftmost pushed first; empty where the signature is "*".</summary>
    public string Operands { get; } = Signature == "*" ? "" : Signature[..Signature.IndexOf(':')];

    /// <summary>The result letters; empty where the signature is "*".</summary>
    public string Results { get; } = Signature == "*" ? "" : Signature[(Signature.IndexOf(':') + 1)..];

    /// <summary>Bytes that the instruction accesses in memory, which is its natural alignment; zero where it has no memarg.</summary>
    public int AccessBytes { get; } = Immediate is ImmediateKind.Memory or ImmediateKind.MemoryLane ? AccessBytesOf(Name) : 0;

    /// <summary>How many lanes a lane immediate can name; zero where there is none.</summary>
    public int LaneCount { get; } = Immediate switch
    {
        ImmediateKind.Lane => int.Parse(Name.AsSpan(Name.IndexOf('x') + 1, Name.IndexOf('.') - Name.IndexOf('x') - 1), CultureInfo.InvariantCulture),
        ImmediateKind.MemoryLane => 16 / AccessBytesOf(Name),
        ImmediateKind.Shuffle => 32,
        _ => 0,
    };

    // The name says it: i64.load16_s, i32.atomic.rmw8.add_u, v128.load32x2_u, memory.atomic.wait64; without a number the value type's size.
    private static int AccessBytesOf(string name)
    {
        var dot = name.IndexOf('.');
        var digit = name.AsSpan(dot).IndexOfAnyInRange('0', '9');
        if (digit >= 0)
        {
            var number = name.AsSpan(dot + digit);
            var bits = Leading(number, out var length);
            return number.Length > length && number[length] == 'x' ? bits * Leading(number[(length + 1)..], out _) / 8 : bits / 8;
        }

        return name[..dot] switch { "i32" or "f32" or "memory" => 4, "i64" or "f64" => 8, "v128" => 16, _ => throw new InvalidOperationException(name) };
    }

    private static int Leading(ReadOnlySpan<char> text, out int length)
    {
        length = text.IndexOfAnyExceptInRange('0', '9');
        length = length < 0 ? text.Length : length;
        return int.Parse(text[..length], CultureInfo.InvariantCulture);
    }
}
