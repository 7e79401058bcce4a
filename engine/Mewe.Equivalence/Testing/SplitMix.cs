namespace Mewe.Equivalence.Testing;

/// <summary>
/// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014): the one source of randomness of the tester, in C# here and with the
/// same constants inside the harness.
/// </summary>
internal struct SplitMix(ulong state)
{
    public const ulong Increment = 0x9E3779B97F4A7C15, First = 0xBF58476D1CE4E5B9, Second = 0x94D049BB133111EB;

    public ulong Next()
    {
        state += Increment;
        var z = state;
        z = (z ^ (z >> 30)) * First;
        z = (z ^ (z >> 27)) * Second;
        return z ^ (z >> 31);
    }

    /// <summary>A number in [0, bound).</summary>
    public int Next(int bound) => (int)((Next() >> 32) * (ulong)bound >> 32);

    /// <summary>True once in <paramref name="times"/>.</summary>
    public bool OneIn(int times) => Next(times) == 0;

    public T Pick<T>(IReadOnlyList<T> from) => from[Next(from.Count)];

    /// <summary>An independent stream for each pair of keys.</summary>
    public static ulong Mix(ulong a, ulong b) => new SplitMix(a * First ^ (b + Increment)).Next();
}
