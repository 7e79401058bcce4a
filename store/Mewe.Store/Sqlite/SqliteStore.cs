using Microsoft.Data.Sqlite;

namespace Mewe.Store.Sqlite;

/// <summary>
/// The embedded store: one SQLite file for all jobs and processes of a user. Write-ahead logging lets readers go on while somebody writes; writers take the write lock at the start of their
/// transaction (BEGIN IMMEDIATE) and wait for each other up to <see cref="BusySeconds"/>. A batch is one transaction. What goes wrong is an answer, never an exception.
/// </summary>
public sealed class SqliteStore : ILemmaStore, ILearnedRuleStore, IAsyncDisposable
{
    /// <summary>How long one waits for another process's transaction.</summary>
    public const int BusySeconds = 5;

    private readonly SqliteSession session;

    private SqliteStore(SqliteSession session, SqliteStoreOptions options)
    {
        this.session = session;
        Jobs = new SqliteJobStore(session, options);
        Keys = new SqliteApiKeyStore(session);
    }

    /// <summary>The file.</summary>
    public string Path => session.Path;

    /// <summary>The jobs in the file. They end with this store.</summary>
    public IJobStore Jobs { get; }

    /// <summary>The keys in the file.</summary>
    public IApiKeyStore Keys { get; }

    /// <summary>Opens a store file, which is made where there is none, and brings it up to date.</summary>
    public static Task<StoreAnswer<SqliteStore>> OpenAsync(string path, CancellationToken cancellation) => OpenAsync(path, new SqliteStoreOptions(), cancellation);

    /// <summary>Opens a store file, which is made where there is none, and brings it up to date.</summary>
    public static Task<StoreAnswer<SqliteStore>> OpenAsync(string path, SqliteStoreOptions options, CancellationToken cancellation) =>
        Task.Run(() => Open(path, options, BusySeconds), cancellation);

    internal static StoreAnswer<SqliteStore> Open(string path, int busySeconds) => Open(path, new SqliteStoreOptions(), busySeconds);

    private static StoreAnswer<SqliteStore> Open(string path, SqliteStoreOptions options, int busySeconds)
    {
        var session = SqliteSession.Open(path, busySeconds, options.Time);
        return session.TryGet(out var open) ? StoreAnswer<SqliteStore>.Of(new SqliteStore(open, options)) : session.Problem!;
    }

    public ValueTask DisposeAsync() => session.DisposeAsync();

    public Task<StoreAnswer<IReadOnlyDictionary<LemmaKey, Lemma>>> GetLemmasAsync(IReadOnlyCollection<LemmaKey> keys, int checkerVersion, CancellationToken cancellation) =>
        session.RunAsync<IReadOnlyDictionary<LemmaKey, Lemma>>(
            work =>
            {
                var found = new Dictionary<LemmaKey, Lemma>(keys.Count);
                using var get = work.Prepare("lemma-get", "$key", "$version");
                get.Parameters[1].Value = checkerVersion;
                foreach (var key in keys)
                {
                    cancellation.ThrowIfCancellationRequested();
                    if (Read(get, key, checkerVersion) is { } lemma)
                    {
                        found[key] = lemma;
                    }
                }

                return found;
            },
            writes: false,
            cancellation);

    public Task<StoreAnswer<IReadOnlyList<Lemma>>> GetAllLemmasAsync(int checkerVersion, CancellationToken cancellation) => session.RunAsync<IReadOnlyList<Lemma>>(
        work =>
        {
            var found = new List<Lemma>();
            using var get = work.Prepare("lemmas-all", "$version");
            get.Parameters[0].Value = checkerVersion;
            using var rows = get.ExecuteReader();
            while (rows.Read())
            {
                cancellation.ThrowIfCancellationRequested();
                found.Add(new Lemma(new LemmaKey(rows.GetFieldValue<byte[]>(0)), (LemmaVerdict)rows.GetInt32(1), rows.GetString(2), rows.GetInt64(3), checkerVersion));
            }

            return found;
        },
        writes: false,
        cancellation);

    public Task<StoreAnswer<PutCount>> PutLemmasAsync(IReadOnlyCollection<Lemma> lemmas, CancellationToken cancellation) => session.RunAsync(
        work =>
        {
            var count = default(PutCount);
            using var get = work.Prepare("lemma-get", "$key", "$version");
            using var put = work.Prepare("lemma-put", "$key", "$version", "$verdict", "$method", "$spent");
            foreach (var lemma in lemmas)
            {
                cancellation.ThrowIfCancellationRequested();
                get.Parameters[1].Value = lemma.CheckerVersion;
                var known = Read(get, lemma.Key, lemma.CheckerVersion);
                switch (LemmaMerge.Of(known?.Verdict, known?.ResourceSpent ?? 0, lemma))
                {
                    case LemmaMerge.Outcome.Replace:
                        SqliteWork.Execute(put, lemma.Key.ToArray(), lemma.CheckerVersion, (int)lemma.Verdict, lemma.Method, lemma.ResourceSpent);
                        count = count with { Changed = count.Changed + 1 };
                        break;
                    case LemmaMerge.Outcome.Keep:
                        count = count with { Known = count.Known + 1 };
                        break;
                    default:
                        count = count with { Contradicted = count.Contradicted + 1 };
                        break;
                }
            }

            return count;
        },
        writes: true,
        cancellation);

    public Task<StoreAnswer<int>> ForgetOtherVersionsAsync(int checkerVersion, int others, CancellationToken cancellation) => session.RunAsync(
        work =>
        {
            using var forget = work.Prepare("lemmas-forget", "$version", "$others");
            return SqliteWork.Execute(forget, checkerVersion, others);
        },
        writes: true,
        cancellation);

    public Task<StoreAnswer<IReadOnlyList<LearnedRule>>> GetLearnedRulesAsync(int checkerVersion, CancellationToken cancellation) => session.RunAsync<IReadOnlyList<LearnedRule>>(
        work =>
        {
            var found = new List<LearnedRule>();
            using var get = work.Prepare("rules-get", "$version");
            get.Parameters[0].Value = checkerVersion;
            using var rows = get.ExecuteReader();
            while (rows.Read())
            {
                found.Add(new LearnedRule(rows.GetString(0), rows.GetInt32(1), rows.GetString(2), rows.GetString(3), checkerVersion));
            }

            // SQLite orders by UTF-8 bytes, .NET by UTF-16 units; they differ only beyond the characters that rules are made of.
            found.Sort((a, b) => string.CompareOrdinal(a.Text, b.Text));
            return found;
        },
        writes: false,
        cancellation);

    public Task<StoreAnswer<PutCount>> PutLearnedRulesAsync(IReadOnlyCollection<LearnedRule> rules, CancellationToken cancellation) => session.RunAsync(
        work =>
        {
            var changed = 0;
            using var put = work.Prepare("rule-put", "$text", "$version", "$width", "$how", "$origin");
            foreach (var rule in rules)
            {
                cancellation.ThrowIfCancellationRequested();
                changed += SqliteWork.Execute(put, rule.Text, rule.CheckerVersion, rule.Width, rule.HowProved, rule.Origin);
            }

            return new PutCount(changed, rules.Count - changed, 0);
        },
        writes: true,
        cancellation);

    private static Lemma? Read(SqliteCommand get, LemmaKey key, int checkerVersion)
    {
        get.Parameters[0].Value = key.ToArray();
        using var row = get.ExecuteReader();
        return row.Read() ? new Lemma(key, (LemmaVerdict)row.GetInt32(0), row.GetString(1), row.GetInt64(2), checkerVersion) : null;
    }
}

/// <summary>How the embedded store keeps time.</summary>
public sealed record SqliteStoreOptions
{
    /// <summary>How long a silo that does not renew its lease is taken for alive.</summary>
    public TimeSpan Lease { get; init; } = JobLimits.Lease;

    /// <summary>The store's clock. All processes that use a file are on one machine and so have the same.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
