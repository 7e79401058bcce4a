using System.Buffers.Binary;

namespace Mewe.Equivalence.Testing;

/// <summary>The values at which integer and float code tends to change its mind.</summary>
internal static class Boundaries
{
    public static readonly ulong[] Values =
    [
        0, 1, ulong.MaxValue, 2, 3, 4, 5, 7, 8, 9, 10, 15, 16, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256, 511, 1023, 1024, 4096, 32767, 32768, 65535, 65536,
        0x7FFFFFFE, 0x7FFFFFFF, 0x80000000, 0x80000001, 0xFFFFFFFE, 0xFFFFFFFF, 0x1_00000000, 0x7FFFFFFF_FFFFFFFE, 0x7FFFFFFF_FFFFFFFF, 0x80000000_00000000,
        0x80000000_00000001, 0xFFFFFFFF_FFFFFFFE, 0xFFFFFFFF_80000000, 0xFFFFFFFF_00000000, 0x55555555_55555555, 0xAAAAAAAA_AAAAAAAA, 0x00FF00FF_00FF00FF,
        0x3FF00000_00000000, 0xBFF00000_00000000, 0x7FF00000_00000000, 0xFFF00000_00000000, 0x7FF80000_00000000, 0x41DFFFFF_FFC00000, 0x41E00000_00000000,
        0x43E00000_00000000, 0x3F800000, 0xBF800000, 0x7F800000, 0xFF800000, 0x7FC00000, 0x4F000000, 0x00000001_00000001, 0x00000000_00800000,
    ];

    /// <summary><see cref="Values"/> as the harness carries them: exactly <see cref="HarnessState.BoundaryCount"/>.</summary>
    public static readonly ReadOnlyMemory<byte> Table = Encode();

    private static byte[] Encode()
    {
        var bytes = new byte[HarnessState.BoundaryCount * 8];
        for (var i = 0; i < HarnessState.BoundaryCount; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(i * 8), Values[i % Values.Length]);
        }

        return bytes;
    }
}
