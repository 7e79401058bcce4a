namespace Mewe.Store;

/// <summary>What is known of an obligation. The numbers stand in store files.</summary>
public enum LemmaVerdict
{
    Proved = 1,
    Refuted = 2,
    /// <summary>Not decided with the resources spent; worth another try with more.</summary>
    Undecided = 3,
}

/// <summary>An obligation that a checker decided, or gave up on.</summary>
/// <param name="Method">How, in the checker's words ("z3", "normal form", ...).</param>
/// <param name="ResourceSpent">In the checker's unit (Z3's rlimit); not negative.</param>
/// <param name="CheckerVersion">The version that says so. Another version neither sees nor overwrites it.</param>
public sealed record Lemma(LemmaKey Key, LemmaVerdict Verdict, string Method, long ResourceSpent, int CheckerVersion)
{
    public long ResourceSpent { get; } = ResourceSpent >= 0 ? ResourceSpent : throw new ArgumentOutOfRangeException(nameof(ResourceSpent), ResourceSpent, "negative");
}

/// <summary>What came of a put.</summary>
/// <param name="Changed">Entries that are new, or decided now.</param>
/// <param name="Known">Entries that said nothing new.</param>
/// <param name="Contradicted">
/// Entries that were decided the other way: the earlier verdict stays, and somebody should look, since one of the two is wrong.
/// </param>
public readonly record struct PutCount(int Changed, int Known, int Contradicted);

/// <summary>
/// Remembers what proofs found, so that nobody proves it again: a cache shared by all functions, jobs and processes of a machine. Losing it loses only speed.
/// Safe for any number of threads and processes.
/// </summary>
public interface ILemmaStore
{
    /// <summary>What is known of keys; those of which nothing is known are not in the answer.</summary>
    Task<StoreAnswer<IReadOnlyDictionary<LemmaKey, Lemma>>> GetLemmasAsync(IReadOnlyCollection<LemmaKey> keys, int checkerVersion, CancellationToken cancellation);

    /// <summary>All that a checker's version knows, in no particular order.</summary>
    Task<StoreAnswer<IReadOnlyList<Lemma>>> GetAllLemmasAsync(int checkerVersion, CancellationToken cancellation);

    /// <summary>
    /// Remembers lemmas, all or none of them. Putting the same again changes nothing. A decision replaces <see cref="LemmaVerdict.Undecided"/>, and an undecided one a cheaper
    /// undecided one; a decision is never replaced.
    /// </summary>
    Task<StoreAnswer<PutCount>> PutLemmasAsync(IReadOnlyCollection<Lemma> lemmas, CancellationToken cancellation);

    /// <summary>
    /// Forgets the lemmas of all but some versions: the one named, and of the others the ones that know most, up to <paramref name="others"/>. Builds come and go, and what an old one found nobody
    /// asks for again. Learned rules stay: they are few and dear.
    /// </summary>
    /// <param name="others">How many versions beside this one may stay; somebody may use two builds in turn.</param>
    /// <returns>How many lemmas were forgotten.</returns>
    Task<StoreAnswer<int>> ForgetOtherVersionsAsync(int checkerVersion, int others, CancellationToken cancellation);
}

/// <summary>What a lemma does to what was known; the one place that says so.</summary>
public static class LemmaMerge
{
    public enum Outcome
    {
        Replace,
        Keep,
        Contradiction,
    }

    public static Outcome Of(LemmaVerdict? known, long knownSpent, Lemma lemma) => (known, lemma.Verdict) switch
    {
        (null, _) => Outcome.Replace,
        (LemmaVerdict.Undecided, LemmaVerdict.Undecided) => lemma.ResourceSpent > knownSpent ? Outcome.Replace : Outcome.Keep,
        (LemmaVerdict.Undecided, _) => Outcome.Replace,
        (_, LemmaVerdict.Undecided) => Outcome.Keep,
        var (earlier, now) => earlier == now ? Outcome.Keep : Outcome.Contradiction,
    };
}
