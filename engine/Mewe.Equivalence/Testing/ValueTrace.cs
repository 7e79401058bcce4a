using System.Buffers.Binary;

namespace Mewe.Equivalence.Testing;

/// <summary>A value that came into the function while it ran on an input: from memory, or from a call out. Inputs may be varied where it came from.</summary>
/// <param name="Source">Address in memory 0; for a call out its place among the calls, counted from 1.</param>
/// <param name="Width">Bytes that were loaded; 0 for a call out.</param>
/// <param name="Value">The bits, as the instruction gave them; the low half of a vector.</param>
internal readonly record struct IncomingValue(ulong Source, int Width, bool IsFloat, ulong Value)
{
    public const int Bytes = 16;

    private const ulong FloatBit = 1UL << 63;

    public bool IsLoad => Width > 0;

    public static ulong Tag(int width, bool isFloat) => (ulong)width << 56 | (isFloat ? FloatBit : 0);

    public static IncomingValue Decode(ReadOnlySpan<byte> entry)
    {
        var bits = BinaryPrimitives.ReadUInt64LittleEndian(entry);
        return new(bits & 0x00FFFFFF_FFFFFFFF, (int)(bits >> 56 & 0x1F), (bits & FloatBit) != 0, BinaryPrimitives.ReadUInt64LittleEndian(entry[8..]));
    }
}

/// <summary>Two integers that the function compared. For a br_table the index and the number of labels.</summary>
/// <param name="Outcome">The first outcome of the comparison, see <see cref="BranchSite"/>.</param>
internal readonly record struct Comparison(int Outcome, ulong Left, ulong Right)
{
    public const int Bytes = 24;

    public static Comparison Decode(ReadOnlySpan<byte> entry) => new(
        (int)BinaryPrimitives.ReadUInt64LittleEndian(entry), BinaryPrimitives.ReadUInt64LittleEndian(entry[8..]), BinaryPrimitives.ReadUInt64LittleEndian(entry[16..]));
}

/// <summary>
/// An instruction whose outcomes are counted: a branch, or an integer comparison, whose outcomes are that its operands
/// differ, that they are equal, and where that matters that their signs differ.
/// </summary>
/// <param name="First">The number of its first outcome.</param>
internal readonly record struct BranchSite(int First, int Size, bool IsBranch);
