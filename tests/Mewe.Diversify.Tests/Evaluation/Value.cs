namespace Mewe.Diversify.Tests.Evaluation;

/// <summary>A value as bits; <see cref="High"/> is for v128 only.</summary>
public readonly record struct Value(ulong Low, ulong High = 0)
{
    public static implicit operator Value(uint bits) => new(bits);

    public static implicit operator Value(ulong bits) => new(bits);

    public static implicit operator Value(bool truth) => new(truth ? 1UL : 0);

    public override string ToString() => High == 0 ? $"{Low:x}" : $"{High:x16}{Low:x16}";

    public uint U32 => (uint)Low;

    public int I32 => (int)Low;

    public ulong U64 => Low;

    public long I64 => (long)Low;

    public float F32 => BitConverter.UInt32BitsToSingle((uint)Low);

    public double F64 => BitConverter.UInt64BitsToDouble(Low);
}

/// <summary>A WebAssembly trap of the reference evaluator.</summary>
public sealed class TrapException(string kind) : Exception(kind);

/// <summary>The evaluator has done as many steps as it was given.</summary>
public sealed class OutOfFuelException : Exception;
