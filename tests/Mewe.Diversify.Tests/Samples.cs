using Mewe.Diversify.Tests.Evaluation;
using Mewe.Wasm;

namespace Mewe.Diversify.Tests;

/// <summary>Values to test with: the boundaries, then random ones of all magnitudes.</summary>
internal static class Samples
{
    private static readonly ulong[] Boundaries =
    [
        0, 1, 2, 3, 7, 8, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0x8000_0001, 0xFFFF_FFFE, 0xFFFF_FFFF,
        0x1_0000_0000, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, 0x8000_0000_0000_0001, 0xFFFF_FFFF_FFFF_FFFE, 0xFFFF_FFFF_FFFF_FFFF,
        0x7F80_0000, 0x7F80_0001, 0x7FC0_0000, 0xFFC1_2345, 0x7FF0_0000_0000_0000, 0x7FF0_0000_0000_0001, 0x7FF8_0000_0000_0000, 0x3F80_0000, 0x3FF0_0000_0000_0000,
    ];

    public static Value Draw(ValueType type, SeededRandom random)
    {
        var bits = random.Below(3) switch
        {
            0 => Boundaries[random.Below(Boundaries.Length)],
            1 => random.NextBits() >> random.Below(64),
            _ => random.NextBits(),
        };
        return type == ValueType.V128 ? new Value(bits, random.NextBits())
            : type == ValueType.I32 || type == ValueType.F32 ? new Value((uint)bits) : new Value(bits);
    }

    public static Value[] Draw(IReadOnlyList<ValueType> types, SeededRandom random) => [.. types.Select(type => Draw(type, random))];

    public static SeededRandom Random(string name) => SeededRandom.For(1, [], 0, name);
}
