using System.Collections.Concurrent;

namespace Mewe.Equivalence.Proof;

/// <summary>
/// Remembers answers of the solver by the question. An answer is a function of the question and of the checker's version alone, so remembering changes the time only.
/// </summary>
public interface ILemmaCache
{
    /// <summary>True where the question was found to have no counterexample, false where it was not, null where it was never asked.</summary>
    /// <param name="key">SHA-256 of the question.</param>
    bool? Find(ReadOnlySpan<byte> key);

    void Add(ReadOnlySpan<byte> key, bool holds);
}

/// <summary>Lemmas of this process; for many threads.</summary>
public sealed class MemoryLemmaCache : ILemmaCache
{
    private readonly ConcurrentDictionary<UInt128, bool> lemmas = new();

    public int Count => lemmas.Count;

    /// <summary>All lemmas that were added, by the first 16 bytes of their key.</summary>
    public IReadOnlyDictionary<UInt128, bool> Lemmas => lemmas;

    public bool? Find(ReadOnlySpan<byte> key) => lemmas.TryGetValue(Short(key), out var holds) ? holds : null;

    public void Add(ReadOnlySpan<byte> key, bool holds) => lemmas[Short(key)] = holds;

    private static UInt128 Short(ReadOnlySpan<byte> key) => System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(key);
}
