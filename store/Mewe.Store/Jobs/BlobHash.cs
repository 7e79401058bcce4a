using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Mewe.Store;

/// <summary>The SHA-256 of bytes, which is their name in a store. As text: 64 lower-case hexadecimal digits.</summary>
public readonly record struct BlobHash
{
    /// <summary>In bytes.</summary>
    public const int Length = 32;

    private readonly UInt128 first, second;

    /// <param name="hash">32 bytes.</param>
    /// <exception cref="ArgumentException">Any other length.</exception>
    public BlobHash(ReadOnlySpan<byte> hash)
    {
        if (hash.Length != Length)
        {
            throw new ArgumentException($"a SHA-256 has {Length} bytes, not {hash.Length}", nameof(hash));
        }

        (first, second) = (BinaryPrimitives.ReadUInt128BigEndian(hash), BinaryPrimitives.ReadUInt128BigEndian(hash[16..]));
    }

    /// <summary>The hash of these bytes.</summary>
    public static BlobHash Of(ReadOnlySpan<byte> content)
    {
        Span<byte> hash = stackalloc byte[Length];
        SHA256.HashData(content, hash);
        return new BlobHash(hash);
    }

    /// <summary>Reads what <see cref="ToString"/> writes; upper-case digits are read too.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out BlobHash hash)
    {
        hash = default;
        Span<byte> bytes = stackalloc byte[Length];
        if (text?.Length != 2 * Length || Convert.FromHexString(text, bytes, out _, out _) != System.Buffers.OperationStatus.Done)
        {
            return false;
        }

        hash = new BlobHash(bytes);
        return true;
    }

    public byte[] ToArray()
    {
        var bytes = new byte[Length];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, first);
        BinaryPrimitives.WriteUInt128BigEndian(bytes.AsSpan(16), second);
        return bytes;
    }

    /// <summary>64 lower-case hexadecimal digits.</summary>
    public override string ToString() => Convert.ToHexStringLower(ToArray());
}
