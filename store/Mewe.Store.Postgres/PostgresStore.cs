namespace Mewe.Store.Postgres;

/// <summary>How the cluster's store keeps time.</summary>
public sealed record PostgresStoreOptions
{
    /// <summary>How long a silo that does not renew its lease is taken for alive, by the server's clock.</summary>
    public TimeSpan Lease { get; init; } = JobLimits.Lease;

    /// <summary>Listen for signals; false where it is known that a pooler stands in between. When in doubt the store finds out by itself, and polling finds all work.</summary>
    public bool Listen { get; init; } = true;

    /// <summary>
    /// How often a claim looks first for functions whose pause after a failure is over; one that finds less than it could take looks in any case. So one that may be tried again takes part in the order of
    /// claims this much later, at most, and is never left when there is nothing else.
    /// </summary>
    public TimeSpan DueInterval { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>What waiting for a signal is timed by. Leases are timed by the server.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}

/// <summary>
/// The cluster's store: one PostgreSQL database for all silos. README.md beside Mewe.Store has the protocol. Safe for any number of threads, processes and machines, and behind a connection pooler in
/// transaction mode. What goes wrong is an answer, never an exception.
/// </summary>
public sealed class PostgresStore : ILemmaStore, ILearnedRuleStore, IAsyncDisposable
{
    private readonly PostgresSession session;
    private readonly PostgresLemmas lemmas;
    private readonly PostgresJobStore jobs;

    private PostgresStore(PostgresSession session, PostgresStoreOptions options)
    {
        this.session = session;
        lemmas = new PostgresLemmas(session);
        jobs = new PostgresJobStore(session, options);
        Keys = new PostgresApiKeyStore(session);
        Members = new PostgresMembers(session);
        Reminders = new PostgresReminders(session);
    }

    /// <summary>The jobs in the database. They end with this store.</summary>
    public IJobStore Jobs => jobs;

    /// <summary>The keys in the database.</summary>
    public IApiKeyStore Keys { get; }

    /// <summary>The members of an actor engine's cluster, where silos run on one.</summary>
    public PostgresMembers Members { get; }

    /// <summary>The reminders of an actor engine, where silos run on one.</summary>
    public PostgresReminders Reminders { get; }

    /// <summary>Opens a database and brings it up to date; any number of processes may do so at once.</summary>
    /// <param name="connectionString">As Npgsql takes it ("Host=...;Database=...;Username=..."). It is never part of a message.</param>
    public static Task<StoreAnswer<PostgresStore>> OpenAsync(string connectionString, CancellationToken cancellation) => OpenAsync(connectionString, new PostgresStoreOptions(), cancellation);

    /// <summary>Opens a database and brings it up to date; any number of processes may do so at once.</summary>
    /// <param name="connectionString">As Npgsql takes it ("Host=...;Database=...;Username=..."). It is never part of a message.</param>
    public static async Task<StoreAnswer<PostgresStore>> OpenAsync(string connectionString, PostgresStoreOptions options, CancellationToken cancellation)
    {
        var answer = PostgresSession.Of(connectionString);
        if (!answer.TryGet(out var session))
        {
            return answer.Problem!;
        }

        try
        {
            if (await PostgresMigration.ApplyAsync(session, cancellation) is { } problem)
            {
                await session.DisposeAsync();
                return problem;
            }
        }
        catch
        {
            await session.DisposeAsync();
            throw;
        }

        return StoreAnswer<PostgresStore>.Of(new PostgresStore(session, options));
    }

    public Task<StoreAnswer<IReadOnlyDictionary<LemmaKey, Lemma>>> GetLemmasAsync(IReadOnlyCollection<LemmaKey> keys, int checkerVersion, CancellationToken cancellation) =>
        lemmas.GetAsync(keys, checkerVersion, cancellation);

    public Task<StoreAnswer<IReadOnlyList<Lemma>>> GetAllLemmasAsync(int checkerVersion, CancellationToken cancellation) => lemmas.GetAllAsync(checkerVersion, cancellation);

    public Task<StoreAnswer<PutCount>> PutLemmasAsync(IReadOnlyCollection<Lemma> lemmas, CancellationToken cancellation) => this.lemmas.PutAsync(lemmas, cancellation);

    public Task<StoreAnswer<int>> ForgetOtherVersionsAsync(int checkerVersion, int others, CancellationToken cancellation) => lemmas.ForgetAsync(checkerVersion, others, cancellation);

    public Task<StoreAnswer<IReadOnlyList<LearnedRule>>> GetLearnedRulesAsync(int checkerVersion, CancellationToken cancellation) => lemmas.GetRulesAsync(checkerVersion, cancellation);

    public Task<StoreAnswer<PutCount>> PutLearnedRulesAsync(IReadOnlyCollection<LearnedRule> rules, CancellationToken cancellation) => lemmas.PutRulesAsync(rules, cancellation);

    public async ValueTask DisposeAsync()
    {
        await jobs.DisposeAsync();
        await session.DisposeAsync();
    }
}
