using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Mewe.Equivalence.Proof;
using Mewe.Equivalence.Proof.Solving;
using Mewe.Store;

namespace Mewe.Grains;

/// <summary>
/// The lemmas of a silo, for all its jobs: what the store knows is read once at the start, what is new is put there when a job is linked. They are answers that the solver would give again, so they change the
/// time and never the result; and who verifies a module asks the solver and never a store.
/// </summary>
public sealed class JobLemmas : ILemmaCache
{
    /// <summary>Versions beside this one whose lemmas a store keeps: two builds may share one.</summary>
    private const int OtherVersions = 2;

    private readonly ConcurrentDictionary<UInt128, bool> lemmas = new();
    private readonly ConcurrentQueue<Lemma> added = new();
    private readonly ILemmaStore? store;
    private readonly int version;
    private JobLemmas(ILemmaStore? store, int version) => (this.store, this.version) = (store, version);

    /// <summary>
    /// The version of lemmas that this build and this solver find: answers of another build or another solver may be other ones, and are not used.
    /// </summary>
    public static int VersionOf(ISolver solver)
    {
        var text = $"{typeof(TranslationValidator).Module.ModuleVersionId:N} {Prover.NameOf(solver)}";
        return BinaryPrimitives.ReadInt32LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text))) & int.MaxValue;
    }

    /// <summary>Reads what a store knows; without a store or a solver there is nothing to read.</summary>
    /// <returns>The lemmas, and what is wrong with the store: then they are fewer.</returns>
    public static async Task<(JobLemmas Lemmas, StoreProblem? Problem)> LoadAsync(ILemmaStore? store, ISolver? solver, CancellationToken cancellationToken)
    {
        if (store is null || solver is null)
        {
            return (new JobLemmas(null, 0), null);
        }

        var version = VersionOf(solver);
        var answer = await store.GetAllLemmasAsync(version, cancellationToken);
        if (!answer.TryGet(out var stored))
        {
            return (new JobLemmas(null, version), answer.Problem);
        }

        var job = new JobLemmas(store, version);
        foreach (var lemma in stored.Where(lemma => lemma.Key.Length == 16))
        {
            job.lemmas[BinaryPrimitives.ReadUInt128BigEndian(lemma.Key.ToArray())] = lemma.Verdict == LemmaVerdict.Proved;
        }

        return (job, null);
    }

    public bool? Find(ReadOnlySpan<byte> key) => lemmas.TryGetValue(BinaryPrimitives.ReadUInt128BigEndian(key), out var holds) ? holds : null;

    public void Add(ReadOnlySpan<byte> key, bool holds)
    {
        if (lemmas.TryAdd(BinaryPrimitives.ReadUInt128BigEndian(key), holds) && store is not null)
        {
            added.Enqueue(new Lemma(new LemmaKey(key[..16]), holds ? LemmaVerdict.Proved : LemmaVerdict.Undecided, "solver", 0, version));
        }
    }

    /// <summary>Puts what is new into the store, which forgets what old builds found; what is wrong with it otherwise. May be called again, for what is new by then.</summary>
    public async Task<StoreProblem?> SaveAsync(CancellationToken cancellationToken)
    {
        var fresh = new List<Lemma>();
        while (added.TryDequeue(out var lemma))
        {
            fresh.Add(lemma);
        }

        return store is null || fresh.Count == 0 ? null
            : (await store.PutLemmasAsync(fresh, cancellationToken)).Problem ?? (await store.ForgetOtherVersionsAsync(version, OtherVersions, cancellationToken)).Problem;
    }
}
