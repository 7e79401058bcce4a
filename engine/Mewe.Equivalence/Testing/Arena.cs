using System.Buffers.Binary;

namespace Mewe.Equivalence.Testing;

/// <summary>
/// A region of memory 0 that is full of values and of pointers into itself when a run starts: where pointer arguments mostly point. What an input finds there is a
/// window, chosen by the input's seed, of a pool that all inputs of the function share: copying 512 bytes costs less than making up 64 values, and an input is set up
/// as often as a candidate is run.
/// </summary>
internal sealed class Arena
{
    /// <summary>8-byte cells of the arena.</summary>
    public const int Cells = 64;

    public const int Bytes = Cells * 8;

    /// <summary>Places in the pool where a window may start.</summary>
    private const int Windows = 512;

    public const int PoolBytes = (Windows + Cells) * 8;

    private const int FarthestAway = 4096;

    private const ulong LowestAddress = 16;

    private Arena(ulong address, byte[] pool) => (Address, Pool) = (address, pool);

    /// <summary>In memory 0: beyond what the data segments fill where there is room, so that constants stay as the program expects them.</summary>
    public ulong Address { get; }

    public ReadOnlyMemory<byte> Pool { get; }

    /// <summary>Whether memory 0 has room for it.</summary>
    public static bool ExistsIn(OriginalModule original) => !original.Memories.IsEmpty && original.Bytes(0) >= LowestAddress + Bytes;

    /// <param name="values">Values that are taken often.</param>
    public static Arena Of(OriginalModule original, uint function, ulong seed, ReadOnlySpan<byte> values)
    {
        var random = new SplitMix(SplitMix.Mix(SplitMix.Mix(seed, function), 0xA6E7A));
        var bytes = original.Memories.IsEmpty ? 0 : original.Bytes(0);
        var low = Math.Max(original.DataEnd, original.StackPointer) + 64;
        if (low + 2 * Bytes > bytes)
        {
            low = bytes > 4 * Bytes ? bytes / 2 : LowestAddress;
        }

        var room = bytes > low + Bytes ? Math.Min(bytes - low - Bytes, FarthestAway) : 0;
        var address = (low + (ulong)random.Next((int)room + 1)) & ~15UL;
        var isWide = original.Memories is [{ Limits.Is64: true }, ..];
        var pool = new byte[PoolBytes];
        for (var at = 0; at < PoolBytes; at += 8)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(pool.AsSpan(at), Value(address, isWide, values, ref random));
        }

        return new Arena(address, pool);
    }

    /// <summary>Where in the pool the window of an input with that seed starts, in bytes.</summary>
    public static int WindowOf(ulong seed) => (int)(SplitMix.Mix(seed, 0xA6E7A) % Windows) * 8;

    private static ulong Value(ulong address, bool isWide, ReadOnlySpan<byte> values, ref SplitMix random) => random.Next(8) switch
    {
        0 => 0,
        1 => random.Next() & 0x0000000F_0000000F,
        2 => Pointers(address, isWide, ref random),
        3 => (ulong)-random.Next(8) - 1,
        4 => BinaryPrimitives.ReadUInt64LittleEndian(values[(random.Next(values.Length / 8) * 8)..]),
        5 => random.Next(),
        6 => (random.Next() & 0x0F0F0F0F_0F0F0F0F) + 0x61616161_61616161,
        _ => BitConverter.DoubleToUInt64Bits((random.Next(64) - 32) / 4.0),
    };

    /// <summary>A pointer into the arena, or two of 32 bits.</summary>
    public static ulong Pointers(ulong address, bool isWide, ref SplitMix random)
    {
        var pointer = address + (ulong)random.Next(Cells) * 8;
        return isWide ? pointer : pointer | (address + (ulong)random.Next(Cells) * 8) << 32;
    }
}
