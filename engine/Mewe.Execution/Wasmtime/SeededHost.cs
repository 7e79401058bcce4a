using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Mewe.Execution.Wasmtime;

/// <summary>Everything random that a host gives a module, as a function of the seed: bit for bit the same as Node/Worker/wasi.js, so that a run shows the same on both engines.</summary>
internal static class SeededHost
{
    /// <summary>SHA-256 of a label, the seed, and numbers of 32 bits.</summary>
    public static void Bytes(string label, ulong seed, ReadOnlySpan<uint> numbers, Span<byte> hash)
    {
        Span<byte> input = stackalloc byte[128];
        var length = Encoding.UTF8.GetBytes(label, input);
        BinaryPrimitives.WriteUInt64LittleEndian(input[length..], seed);
        length += sizeof(ulong);
        foreach (var number in numbers)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(input[length..], number);
            length += sizeof(uint);
        }

        SHA256.HashData(input[..length], hash);
    }

    /// <summary>What an exported <c>mewe_seed</c> is called with: one argument for a fast generator, four for the key of a cipher.</summary>
    public static ulong SeedArgument(ulong seed, int index)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        Bytes(index == 0 ? "mewe_seed" : $"mewe_seed {index}", seed, [], hash);
        return BinaryPrimitives.ReadUInt64LittleEndian(hash);
    }

    /// <summary>The host's choices, sfc32 of PractRand: (count) -> a number below it.</summary>
    public static HostFunction Chooser(ulong seed)
    {
        Span<byte> start = stackalloc byte[SHA256.HashSizeInBytes];
        Bytes("choose", seed, [], start);
        var a = BinaryPrimitives.ReadUInt32LittleEndian(start);
        var b = BinaryPrimitives.ReadUInt32LittleEndian(start[4..]);
        var c = BinaryPrimitives.ReadUInt32LittleEndian(start[8..]);
        var counter = BinaryPrimitives.ReadUInt32LittleEndian(start[12..]);
        return arguments =>
        {
            unchecked
            {
                var sum = a + b + counter++;
                a = b ^ (b >> 9);
                b = c + (c << 3);
                c = ((c << 21) | (c >> 11)) + sum;
                return (uint)Math.Floor(sum / 4294967296.0 * (uint)arguments[0]); // rounded as JavaScript does
            }
        };
    }
}
