using System.Runtime.InteropServices;

namespace Mewe.Execution.Wasmtime.Native;

/// <summary><c>wasm_byte_vec_t</c>: bytes of the library; freed with <see cref="Api.DeleteBytes"/>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ByteVector
{
    public nuint Size;
    public byte* Data;

    public readonly ReadOnlySpan<byte> Span => new(Data, checked((int)Size));
}

/// <summary><c>wasm_valtype_vec_t</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PointerVector
{
    public nuint Size;
    public nint Data;
}

/// <summary><c>wasmtime_func_t</c>, and with other meanings of the second word <c>wasmtime_instance_t</c>: it belongs to a store and owns nothing.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct StoreItem
{
    public ulong Store;
    public nuint Item;
}

/// <summary>What an <see cref="Extern"/> is.</summary>
internal enum ExternTag : byte
{
    Function = 0,
    Global = 1,
    Table = 2,
    Memory = 3,
    SharedMemory = 4,
    Tag = 5,
}

/// <summary>
/// <c>wasmtime_extern_t</c>: something that can be exported. The address of <see cref="First"/> is that of the <c>wasmtime_func_t</c>, <c>wasmtime_memory_t</c> and so on. Only a
/// shared memory owns something, and is freed with <see cref="Api.DeleteExtern"/>.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Extern
{
    public ExternTag Kind;
    public ulong First;
    public ulong Second;
    public ulong Third;
}

/// <summary>What a <see cref="Value"/> is.</summary>
internal enum ValueTag : byte
{
    I32 = 0,
    I64 = 1,
    F32 = 2,
    F64 = 3,
    V128 = 4,
    FuncRef = 5,
    ExternRef = 6,
    AnyRef = 7,
    ExnRef = 8,
}

/// <summary>
/// <c>wasmtime_val_t</c>, 32 bytes. Numbers stand in <see cref="Low"/> (and <see cref="High"/>), little-endian; a reference is null when <see cref="Low"/> is 0. References other than functions
/// own a root and are freed with <see cref="Api.Unroot"/>.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Value
{
    public ValueTag Kind;
    public ulong Low;
    public ulong High;
    public nint Root;
}

/// <summary><c>wasmtime_val_raw_t</c>: a value whose type both sides know.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RawValue
{
    public ulong Low;
    public ulong High;
}

/// <summary><c>wasmtime_trap_code_t</c>, as far as a core module can cause them.</summary>
internal enum TrapCode : byte
{
    StackOverflow = 0,
    MemoryOutOfBounds = 1,
    HeapMisaligned = 2,
    TableOutOfBounds = 3,
    IndirectCallToNull = 4,
    BadSignature = 5,
    IntegerOverflow = 6,
    IntegerDivisionByZero = 7,
    BadConversionToInteger = 8,
    Unreachable = 9,
    Interrupt = 10,
    OutOfFuel = 11,
    AtomicWaitNonSharedMemory = 12,
    NullReference = 13,
    ArrayOutOfBounds = 14,
    AllocationTooLarge = 15,
    CastFailure = 16,
}
