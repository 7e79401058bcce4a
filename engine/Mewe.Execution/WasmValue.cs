using System.Runtime.InteropServices;

namespace Mewe.Execution;

/// <summary>What a <see cref="WasmValue"/> is. The numbers are part of the worker protocol.</summary>
public enum WasmValueKind : byte
{
    I32 = 0,
    I64 = 1,
    F32 = 2,
    F64 = 3,
    V128 = 4,

    /// <summary>A null reference of any type.</summary>
    NullRef = 5,

    /// <summary>A reference that the host made, known by its number: <c>ref.extern n</c> or <c>ref.host n</c> of the specification's tests.</summary>
    HostRef = 6,

    /// <summary>A non-null function. Results only, as all below.</summary>
    FuncRef = 7,

    /// <summary>A non-null external reference that is no <see cref="HostRef"/>.</summary>
    ExternRef = 8,
    I31Ref = 9,
    StructRef = 10,
    ArrayRef = 11,

    /// <summary>A non-null internal reference that is neither i31, structure nor array.</summary>
    AnyRef = 12,
    ExnRef = 13,
}

/// <summary>
/// A value that goes into or comes out of a module, as raw bits: floats keep their NaN payloads, vectors are 16 bytes in little-endian lane order.
/// </summary>
[StructLayout(LayoutKind.Auto)]
public readonly record struct WasmValue(WasmValueKind Kind, ulong Low, ulong High)
{
    public static WasmValue I32(int value) => new(WasmValueKind.I32, (uint)value, 0);

    public static WasmValue I64(long value) => new(WasmValueKind.I64, (ulong)value, 0);

    public static WasmValue F32(float value) => F32Bits(BitConverter.SingleToUInt32Bits(value));

    public static WasmValue F64(double value) => F64Bits(BitConverter.DoubleToUInt64Bits(value));

    public static WasmValue F32Bits(uint bits) => new(WasmValueKind.F32, bits, 0);

    public static WasmValue F64Bits(ulong bits) => new(WasmValueKind.F64, bits, 0);

    public static WasmValue V128(ulong low, ulong high) => new(WasmValueKind.V128, low, high);

    public static WasmValue Null => new(WasmValueKind.NullRef, 0, 0);

    /// <summary>The host's reference number <paramref name="number"/>: the same number is the same reference throughout a session.</summary>
    public static WasmValue HostRef(uint number) => new(WasmValueKind.HostRef, number, 0);

    public int AsI32 => (int)(uint)Low;

    public long AsI64 => (long)Low;

    public float AsF32 => BitConverter.UInt32BitsToSingle((uint)Low);

    public double AsF64 => BitConverter.UInt64BitsToDouble(Low);

    public override string ToString() => Kind switch
    {
        WasmValueKind.I32 => $"i32:{AsI32}",
        WasmValueKind.I64 => $"i64:{AsI64}",
        WasmValueKind.F32 => $"f32:0x{Low:x8}",
        WasmValueKind.F64 => $"f64:0x{Low:x16}",
        WasmValueKind.V128 => $"v128:0x{High:x16}{Low:x16}",
        WasmValueKind.NullRef => "null",
        WasmValueKind.HostRef => $"host:{Low}",
        _ => Kind.ToString(),
    };
}
