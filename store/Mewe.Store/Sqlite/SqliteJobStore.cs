namespace Mewe.Store.Sqlite;

/// <summary>
/// Jobs in a store file; README.md has the protocol. Writers exclude each other (BEGIN IMMEDIATE), so that what a transaction read stays true until it commits. Blobs are in SqliteJobStore.Blobs.cs, what
/// silos do in SqliteJobStore.Silos.cs (leases, rescue), SqliteJobStore.Steps.cs (planning, linking) and SqliteJobStore.Functions.cs.
/// </summary>
internal sealed partial class SqliteJobStore(SqliteSession session, SqliteStoreOptions options) : IJobStore
{
    private readonly WorkSignal signal = new(options.Time);

    public long Signals => signal.Count;

    public Task<long> WaitForSignalAsync(long seen, TimeSpan atMost, CancellationToken cancellation) => signal.WaitAsync(seen, atMost, cancellation);

    public ValueTask DisposeAsync() => session.DisposeAsync();

    public Task<StoreAnswer<JobRecord?>> SubmitAsync(NewJob job, CancellationToken cancellation) => WriteAsync(
        work =>
        {
            if (Get(work, job.Id) is { } known)
            {
                return known;
            }

            BlobHash[] blobs = [job.Module, .. Given(job.Workload), .. Given(job.LinkPlan)];
            if (blobs.Any(blob => !work.Exists("blob-find", ("$hash", blob.ToArray()))))
            {
                return null;
            }

            work.Execute("job-submit", ("$job", job.Id), ("$name", job.Name), ("$module", job.Module.ToArray()), ("$options", job.Options), ("$workload", job.Workload?.ToArray()),
                ("$link_plan", job.LinkPlan?.ToArray()), ("$owner", job.Owner), ("$priority", job.Priority), ("$weight", job.Weight), ("$not_before", job.NotBefore?.ToUnixTimeMilliseconds()),
                ("$max_attempts", job.MaxAttempts), ("$trace_parent", job.TraceParent), ("$now", work.Now));
            Refer(work, job.Id, blobs);
            return Get(work, job.Id);
        },
        cancellation);

    public Task<StoreAnswer<JobRecord?>> CancelAsync(string job, CancellationToken cancellation) => WriteAsync(
        work =>
        {
            if (work.Execute("job-cancel", ("$job", job), ("$now", work.Now)) > 0)
            {
                work.Execute("functions-cancel", ("$job", job), ("$now", work.Now));
            }

            return Get(work, job);
        },
        cancellation);

    public Task<StoreAnswer<JobRecord?>> RetryAsync(string job, CancellationToken cancellation) => WriteAsync(
        work =>
        {
            if (work.Execute("job-retry", ("$job", job)) > 0)
            {
                work.Execute("functions-retry", ("$job", job));
                work.Execute("variants-unlink", ("$job", job));
            }

            return Get(work, job);
        },
        cancellation);

    public Task<StoreAnswer<JobRecord?>> GetJobAsync(string job, CancellationToken cancellation) => session.RunAsync(work => Get(work, job), writes: false, cancellation);

    public Task<StoreAnswer<IReadOnlyDictionary<string, (JobState State, JobProgress Progress)>>> GetProgressAsync(IReadOnlyCollection<string> jobs, CancellationToken cancellation) =>
        session.RunAsync<IReadOnlyDictionary<string, (JobState, JobProgress)>>(
            work => jobs.Distinct().SelectMany(job => work.Query("job-progress", row => (Id: job, State: (JobState)row.GetInt32(1), Progress: SqliteRows.Progress(row)), ("$job", job)))
                .ToDictionary(found => found.Id, found => (found.State, found.Progress)),
            writes: false,
            cancellation);

    public Task<StoreAnswer<IReadOnlyList<JobRecord>>> ListJobsAsync(JobQuery query, CancellationToken cancellation) => session.RunAsync<IReadOnlyList<JobRecord>>(
        work => work.Query("jobs-list", SqliteRows.Job, ("$after", query.After), ("$state", (int?)query.State), ("$owner", query.Owner), ("$module", query.Module?.ToArray()), ("$limit", query.Limit)),
        writes: false,
        cancellation);

    public Task<StoreAnswer<IReadOnlyList<FunctionRecord>>> ListFunctionsAsync(string job, FunctionQuery query, CancellationToken cancellation) => session.RunAsync<IReadOnlyList<FunctionRecord>>(
        work => work.Query("functions-list", SqliteRows.Function, ("$job", job), ("$after", query.After ?? -1), ("$state", (int?)query.State), ("$limit", query.Limit)),
        writes: false,
        cancellation);

    public Task<StoreAnswer<IReadOnlyList<VariantRecord>>> ListVariantsAsync(string job, VariantQuery query, CancellationToken cancellation) => session.RunAsync<IReadOnlyList<VariantRecord>>(
        work => work.Query("variants-list", SqliteRows.Variant, ("$job", job), ("$function_after", query.After?.Function ?? -1), ("$ordinal_after", query.After?.Ordinal ?? -1),
            ("$function", query.Function), ("$evidence", (int?)query.Evidence), ("$linked", query.Linked is { } linked ? linked ? 1 : 0 : null), ("$limit", query.Limit)),
        writes: false,
        cancellation);

    /// <summary>A transaction after which others may find work, or their claims lost.</summary>
    private async Task<StoreAnswer<T>> WriteAsync<T>(Func<SqliteWork, T> change, CancellationToken cancellation)
    {
        var answer = await session.RunAsync(change, writes: true, cancellation);
        signal.Raise();
        return answer;
    }

    private static JobRecord? Get(SqliteWork work, string job) => work.Query("job-get", SqliteRows.Job, ("$job", job)).SingleOrDefault();

    private static IEnumerable<BlobHash> Given(BlobHash? hash) => hash is { } given ? [given] : [];

    /// <summary>Notes that a job has blobs, so that retention keeps them.</summary>
    /// <exception cref="ArgumentException">One is not there.</exception>
    private static void Refer(SqliteWork work, string job, params ReadOnlySpan<BlobHash> blobs)
    {
        foreach (var blob in blobs)
        {
            if (work.Execute("job-blob-add", ("$job", job), ("$hash", blob.ToArray())) == 0)
            {
                throw new ArgumentException($"there is no blob {blob}; put it first", nameof(blobs));
            }
        }
    }
}
