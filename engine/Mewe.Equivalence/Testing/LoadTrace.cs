namespace Mewe.Equivalence.Testing;

/// <summary>A load that the original did on an input: where inputs may be varied so that it matters.</summary>
internal readonly record struct LoadTrace(ulong Address, int Width, bool IsFloat)
{
    private const ulong FloatBit = 1UL << 63;

    public static ulong Tag(int width, bool isFloat) => (ulong)width << 56 | (isFloat ? FloatBit : 0);

    public static LoadTrace Decode(ulong bits) => new(bits & 0x00FFFFFF_FFFFFFFF, (int)(bits >> 56 & 0x1F), (bits & FloatBit) != 0);
}
