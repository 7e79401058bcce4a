using System.Buffers.Binary;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;

namespace Mewe.Diversify;

/// <summary>
/// The random stream of one function: xoshiro256** (Blackman and Vigna 2018), seeded by SHA-256 of (seed, module, function, purpose). Streams are
/// independent of each other and of threads, so that a result never depends on who computed what first. Not for secrets.
/// </summary>
public sealed class SeededRandom
{
    private ulong s0, s1, s2, s3;

    /// <summary>A stream from 32 bytes.</summary>
    public SeededRandom(ReadOnlySpan<byte> state)
    {
        s0 = BinaryPrimitives.ReadUInt64LittleEndian(state);
        s1 = BinaryPrimitives.ReadUInt64LittleEndian(state[8..]);
        s2 = BinaryPrimitives.ReadUInt64LittleEndian(state[16..]);
        s3 = BinaryPrimitives.ReadUInt64LittleEndian(state[24..]);
        if ((s0 | s1 | s2 | s3) == 0)
        {
            s0 = 0x9E37_79B9_7F4A_7C15;
        }
    }

    /// <summary>The stream of a function of a module for a purpose ("propose", ...).</summary>
    public static SeededRandom For(ulong seed, ReadOnlySpan<byte> moduleSha256, uint function, string purpose)
    {
        var name = Encoding.UTF8.GetBytes(purpose);
        var material = new byte[8 + moduleSha256.Length + 4 + name.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(material, seed);
        moduleSha256.CopyTo(material.AsSpan(8));
        BinaryPrimitives.WriteUInt32LittleEndian(material.AsSpan(8 + moduleSha256.Length), function);
        name.CopyTo(material.AsSpan(12 + moduleSha256.Length));
        return new SeededRandom(SHA256.HashData(material));
    }

    /// <summary>64 random bits.</summary>
    public ulong NextBits()
    {
        var result = BitOperations.RotateLeft(s1 * 5, 7) * 9;
        var t = s1 << 17;
        s2 ^= s0;
        s3 ^= s1;
        s1 ^= s2;
        s0 ^= s3;
        s2 ^= t;
        s3 = BitOperations.RotateLeft(s3, 45);
        return result;
    }

    /// <summary>A number in [0, bound), by Lemire's multiplication; its bias is below bound / 2^32, which does not matter here.</summary>
    /// <param name="bound">Positive.</param>
    public int Below(int bound) => (int)(((NextBits() >> 32) * (ulong)bound) >> 32);

    /// <summary>A number in [low, high].</summary>
    public int Between(int low, int high) => low + Below(high - low + 1);

    /// <summary>True once in <paramref name="n"/> draws.</summary>
    public bool OneIn(int n) => Below(n) == 0;

    public T Pick<T>(IReadOnlyList<T> items) => items[Below(items.Count)];

    /// <summary>Orders the items at random (Fisher and Yates).</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (var i = items.Length - 1; i > 0; i--)
        {
            var j = Below(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }
}
