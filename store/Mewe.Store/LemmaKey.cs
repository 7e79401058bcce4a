using System.Buffers.Binary;

namespace Mewe.Store;

/// <summary>The canonical hash of a proof obligation: 16 or 32 bytes. What it is a hash of is the checker's business.</summary>
public readonly record struct LemmaKey
{
    private readonly UInt128 first, second;

    /// <param name="bytes">16 or 32.</param>
    /// <exception cref="ArgumentException">Any other length.</exception>
    public LemmaKey(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length is not (16 or 32))
        {
            throw new ArgumentException($"a key has 16 or 32 bytes, not {bytes.Length}", nameof(bytes));
        }

        Length = bytes.Length;
        first = BinaryPrimitives.ReadUInt128BigEndian(bytes);
        second = Length == 32 ? BinaryPrimitives.ReadUInt128BigEndian(bytes[16..]) : 0;
    }

    /// <summary>16 or 32.</summary>
    public int Length { get; }

    public byte[] ToArray()
    {
        var bytes = new byte[Length];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, first);
        if (Length == 32)
        {
            BinaryPrimitives.WriteUInt128BigEndian(bytes.AsSpan(16), second);
        }

        return bytes;
    }

    /// <summary>In hex.</summary>
    public override string ToString() => Convert.ToHexStringLower(ToArray());
}
