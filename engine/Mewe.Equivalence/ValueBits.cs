using System.Text.Json.Serialization;

namespace Mewe.Equivalence;

/// <summary>A value as its bits: i32 and f32 in the low 32, i64 and f64 in <see cref="Low"/>, v128 in both. A reference is null when all bits are zero.</summary>
[method: JsonConstructor]
public readonly record struct ValueBits(ulong Low, ulong High)
{
    public static ValueBits Of(ulong low) => new(low, 0);

    public override string ToString() => High == 0 ? $"0x{Low:x}" : $"0x{High:x16}{Low:x16}";
}
