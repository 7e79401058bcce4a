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

    private static readonly string LemmaGet = SqlText.Read("queries/lemma-get"), LemmasAll = SqlText.Read("queries/lemmas-all"), LemmaPut = SqlText.Read("queries/lemma-put"),
        LemmasForget = SqlText.Read("queries/lemmas-forget"),
        RulesGet = SqlText.Read("queries/rules-get"), RulePut = SqlText.Read("queries/rule-put");

    private readonly SemaphoreSlim gate = new(1);
    private readonly SqliteConnection connection;
    private bool closed;

    static SqliteStore() => SQLitePCL.Batteries_V2.Init();

    private SqliteStore(string path, SqliteConnection connection) => (Path, this.connection) = (path, connection);

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Opens a store file, which is made where there is none, and brings it up to date.</summary>
    public static Task<StoreAnswer<SqliteStore>> OpenAsync(string path, CancellationToken cancellation) =>
        Task.Run(() => Open(path, BusySeconds), cancellation);

    internal static StoreAnswer<SqliteStore> Open(string path, int busySeconds)
    {
        SqliteConnection? connection = null;
        try
        {
            if (System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path)) is { } folder)
            {
                Directory.CreateDirectory(folder);
            }

            connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false, DefaultTimeout = busySeconds }.ToString());
            connection.Open();
            using (var settings = connection.CreateCommand())
            {
                settings.CommandText = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;";
                settings.ExecuteNonQuery();
            }

            if (Migration.Apply(connection, path) is { } problem)
            {
                connection.Dispose();
                return problem;
            }

            return StoreAnswer<SqliteStore>.Of(new SqliteStore(path, connection));
        }
        catch (Exception error) when (Problem(error, path) is { } problem)
        {
            connection?.Dispose();
            return problem;
        }
    }

    public Task<StoreAnswer<IReadOnlyDictionary<LemmaKey, Lemma>>> GetLemmasAsync(IReadOnlyCollection<LemmaKey> keys, int checkerVersion, CancellationToken cancellation) =>
        RunAsync<IReadOnlyDictionary<LemmaKey, Lemma>>(
            transaction =>
            {
                var found = new Dictionary<LemmaKey, Lemma>(keys.Count);
                using var get = Command(transaction, LemmaGet, "$key", "$version");
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

    public Task<StoreAnswer<IReadOnlyList<Lemma>>> GetAllLemmasAsync(int checkerVersion, CancellationToken cancellation) => RunAsync<IReadOnlyList<Lemma>>(
        transaction =>
        {
            var found = new List<Lemma>();
            using var get = Command(transaction, LemmasAll, "$version");
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

    public Task<StoreAnswer<PutCount>> PutLemmasAsync(IReadOnlyCollection<Lemma> lemmas, CancellationToken cancellation) => RunAsync(
        transaction =>
        {
            var count = default(PutCount);
            using var get = Command(transaction, LemmaGet, "$key", "$version");
            using var put = Command(transaction, LemmaPut, "$key", "$version", "$verdict", "$method", "$spent");
            foreach (var lemma in lemmas)
            {
                cancellation.ThrowIfCancellationRequested();
                get.Parameters[1].Value = lemma.CheckerVersion;
                var known = Read(get, lemma.Key, lemma.CheckerVersion);
                switch (LemmaMerge.Of(known?.Verdict, known?.ResourceSpent ?? 0, lemma))
                {
                    case LemmaMerge.Outcome.Replace:
                        Execute(put, lemma.Key.ToArray(), lemma.CheckerVersion, (int)lemma.Verdict, lemma.Method, lemma.ResourceSpent);
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

    public Task<StoreAnswer<int>> ForgetOtherVersionsAsync(int checkerVersion, int others, CancellationToken cancellation) => RunAsync(
        transaction =>
        {
            using var forget = Command(transaction, LemmasForget, "$version", "$others");
            return Execute(forget, checkerVersion, others);
        },
        writes: true,
        cancellation);

    public Task<StoreAnswer<IReadOnlyList<LearnedRule>>> GetLearnedRulesAsync(int checkerVersion, CancellationToken cancellation) => RunAsync<IReadOnlyList<LearnedRule>>(
        transaction =>
        {
            var found = new List<LearnedRule>();
            using var get = Command(transaction, RulesGet, "$version");
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

    public Task<StoreAnswer<PutCount>> PutLearnedRulesAsync(IReadOnlyCollection<LearnedRule> rules, CancellationToken cancellation) => RunAsync(
        transaction =>
        {
            var changed = 0;
            using var put = Command(transaction, RulePut, "$text", "$version", "$width", "$how", "$origin");
            foreach (var rule in rules)
            {
                cancellation.ThrowIfCancellationRequested();
                changed += Execute(put, rule.Text, rule.CheckerVersion, rule.Width, rule.HowProved, rule.Origin);
            }

            return new PutCount(changed, rules.Count - changed, 0);
        },
        writes: true,
        cancellation);

    public async ValueTask DisposeAsync()
    {
        await gate.WaitAsync();
        try
        {
            closed = true;
            await connection.DisposeAsync();
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>
    /// Runs work in a transaction, away from the caller's thread (SQLite has no asynchronous interface). A connection serves one at a time.
    /// </summary>
    /// <param name="writes">False for a transaction that need not wait for writers.</param>
    private async Task<StoreAnswer<T>> RunAsync<T>(Func<SqliteTransaction, T> work, bool writes, CancellationToken cancellation)
    {
        await gate.WaitAsync(cancellation);
        try
        {
            if (closed)
            {
                return new StoreProblem(StoreProblemKind.Closed, $"the store {Path} was closed");
            }

            return await Task.Run(
                () =>
                {
                    using var transaction = connection.BeginTransaction(deferred: !writes);
                    var result = work(transaction);
                    transaction.Commit();
                    return StoreAnswer<T>.Of(result);
                },
                cancellation);
        }
        catch (Exception error) when (Problem(error, Path) is { } problem)
        {
            return problem;
        }
        finally
        {
            gate.Release();
        }
    }

    private SqliteCommand Command(SqliteTransaction transaction, string sql, params ReadOnlySpan<string> parameters)
    {
        var command = connection.CreateCommand();
        (command.CommandText, command.Transaction) = (sql, transaction);
        foreach (var name in parameters)
        {
            var parameter = command.CreateParameter();
            parameter.ParameterName = name;
            command.Parameters.Add(parameter);
        }

        return command;
    }

    private static Lemma? Read(SqliteCommand get, LemmaKey key, int checkerVersion)
    {
        get.Parameters[0].Value = key.ToArray();
        using var row = get.ExecuteReader();
        return row.Read() ? new Lemma(key, (LemmaVerdict)row.GetInt32(0), row.GetString(1), row.GetInt64(2), checkerVersion) : null;
    }

    private static int Execute(SqliteCommand command, params ReadOnlySpan<object> values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            command.Parameters[i].Value = values[i];
        }

        return command.ExecuteNonQuery();
    }

    /// <summary>What an exception of SQLite or of the file system means for the user; null for one that is a bug.</summary>
    internal static StoreProblem? Problem(Exception error, string path) => error switch
    {
        // Result codes: https://www.sqlite.org/rescode.html
        SqliteException { SqliteErrorCode: 11 } => new(StoreProblemKind.Corrupt, $"the store {path} is damaged; delete it, and the next job starts a new one"),
        SqliteException { SqliteErrorCode: 26 } => new(StoreProblemKind.NotAStore, $"{path} is not a store (no SQLite database); choose another file, or delete it"),
        SqliteException { SqliteErrorCode: 5 or 6 } => new(StoreProblemKind.Locked, $"the store {path} is locked by another process for more than {BusySeconds} seconds"),
        SqliteException { SqliteErrorCode: 8 } => new(StoreProblemKind.ReadOnly, $"the store {path} cannot be written"),
        SqliteException sqlite => new(StoreProblemKind.Unavailable, $"the store {path} cannot be used: {sqlite.Message}"),
        UnauthorizedAccessException => new(StoreProblemKind.ReadOnly, $"the folder of the store {path} cannot be written"),
        IOException io => new(StoreProblemKind.Unavailable, $"the store {path} cannot be used: {io.Message}"),
        _ => null,
    };
}
