using System.Buffers.Binary;
using System.Security.Cryptography;
using Mewe.Wasm;

namespace Mewe.Linking.Randomness;

/// <summary>The constants of one multivariant module: a function of the original's bytes and the seed, and of nothing else.</summary>
internal sealed class BuildConstants
{
    private readonly ulong root;

    public BuildConstants(ReadOnlySpan<byte> sourceSha256, ulong seed)
    {
        Span<byte> input = stackalloc byte[SHA256.HashSizeInBytes + 8];
        sourceSha256.CopyTo(input);
        BinaryPrimitives.WriteUInt64LittleEndian(input[SHA256.HashSizeInBytes..], seed);
        root = BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(input));
    }

    /// <summary>The generator's state where nobody seeds it. Not zero: that means "not seeded yet".</summary>
    public ulong State => SplitMix64.Mix(root) | 1;

    /// <summary>What the blind word starts with, and stays at where nobody seeds. Another function of the root than <see cref="State"/>.</summary>
    public ulong BlindWord => SplitMix64.Mix(root ^ 0x6D65_7765_626C_6E64);

    /// <summary>Keeps the choice of a function apart from that of every other function under the same word.</summary>
    /// <param name="function">Its index in the original module.</param>
    public ulong Salt(uint function) => SplitMix64.Mix(root + (SplitMix64.Gamma * (function + 2UL)));

    /// <summary>A word of the cipher's key where nobody gives one. Anybody can compute it from the file.</summary>
    public ulong KeyWord(int word) => SplitMix64.Mix(~root + (SplitMix64.Gamma * ((ulong)word + 1)));

    /// <summary>The odd number by which a word is multiplied for the choice of a function.</summary>
    public ulong Multiplier(uint function) => Salt(function) | 1;

    /// <summary>SHA-256 of the module as it was read; a module that was built is written first.</summary>
    public static byte[] SourceHash(WasmModule original) =>
        SHA256.HashData(original.Source.IsEmpty ? Wasm.Binary.ModuleWriter.Write(original) : original.Source.Span);
}
