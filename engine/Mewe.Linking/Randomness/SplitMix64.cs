namespace Mewe.Linking.Randomness;

/// <summary>
/// The constants of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014): a counter that steps by
/// <see cref="Gamma"/>, and a bijection that makes its values look random.
/// </summary>
/// <remarks>
/// It is fast, uniform over its period of 2^64, and needs one global and no memory. It is <b>not</b> a cryptographic generator: who sees 64 bits of its
/// output knows all that follow. A choice shows few bits of an output, so many choices have to be observed, but the mixing can be inverted.
/// </remarks>
internal static class SplitMix64
{
    public const ulong Gamma = 0x9E37_79B9_7F4A_7C15, First = 0xBF58_476D_1CE4_E5B9, Second = 0x94D0_49BB_1331_11EB;

    public static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * First;
        z = (z ^ (z >> 27)) * Second;
        return z ^ (z >> 31);
    }
}
