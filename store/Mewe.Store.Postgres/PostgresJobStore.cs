using Npgsql;

namespace Mewe.Store.Postgres;

/// <summary>
/// Jobs in PostgreSQL; README.md beside Mewe.Store has the protocol, Migrations/0002-jobs.sql the order of locks. Blobs are in PostgresJobStore.Blobs.cs, what silos do in PostgresJobStore.Silos.cs (leases,
/// rescue), PostgresJobStore.Steps.cs (planning, linking) and PostgresJobStore.Functions.cs.
/// </summary>
internal sealed partial class PostgresJobStore : IJobStore
{
    private readonly PostgresSession session;
    private readonly PostgresStoreOptions options;
    private readonly TimeProvider time;
    private readonly WorkSignal signal;
    private readonly SignalListener? listener;
    private readonly CompletionQueue completions;

    public PostgresJobStore(PostgresSession session, PostgresStoreOptions options)
    {
        (this.session, this.options, time) = (session, options, options.Time);
        signal = new WorkSignal(time);
        completions = new CompletionQueue(CompleteAsync);
        listener = options.Listen ? new SignalListener(session, signal, time) : null;
    }

    public long Signals => signal.Count;

    public Task<long> WaitForSignalAsync(long seen, TimeSpan atMost, CancellationToken cancellation) => signal.WaitAsync(seen, atMost, cancellation);

    public async ValueTask DisposeAsync()
    {
        if (listener is not null)
        {
            await listener.DisposeAsync();
        }

        await completions.DrainedAsync();
        await session.DisposeAsync();
    }

    public async Task<StoreAnswer<JobRecord?>> SubmitAsync(NewJob job, CancellationToken cancellation)
    {
        try
        {
            return await ChangeAsync(
                async work =>
                {
                    if (await work.ExecuteAsync("job-submit", Parameters.Job("job", job.Id), Parameters.Text("name", job.Name), Parameters.Hash("module", job.Module),
                        Parameters.Text("options", job.Options), Parameters.Hash("workload", job.Workload), Parameters.Hash("link_plan", job.LinkPlan), Parameters.Text("owner", job.Owner),
                        Parameters.Int("priority", job.Priority), Parameters.Time("not_before", job.NotBefore)) > 0)
                    {
                        await work.ExecuteAsync("job-submit-work", Parameters.Job("job", job.Id), Parameters.Int("priority", job.Priority), Parameters.Int("weight", job.Weight),
                            Parameters.Int("max_attempts", job.MaxAttempts), Parameters.Text("trace_parent", job.TraceParent));
                        await ReferAsync(work, job.Id, [job.Module, .. Given(job.Workload), .. Given(job.LinkPlan)]);
                        await NotifyAsync(work);
                    }

                    return await GetAsync(work, job.Id);
                },
                cancellation);
        }
        catch (MissingBlobException)
        {
            return StoreAnswer<JobRecord?>.Of(null);
        }
    }

    public Task<StoreAnswer<JobRecord?>> CancelAsync(string job, CancellationToken cancellation) => ChangeAsync(
        async work =>
        {
            if (await work.ExecuteAsync("job-cancel", Parameters.Job("job", job)) > 0)
            {
                await work.ExecuteLongAsync("functions-cancel", Parameters.Job("job", job));
                await work.ExecuteAsync("work-cancel", Parameters.Job("job", job));
                await NotifyAsync(work);
            }

            return await GetAsync(work, job);
        },
        cancellation);

    public Task<StoreAnswer<JobRecord?>> RetryAsync(string job, CancellationToken cancellation) => ChangeAsync(
        async work =>
        {
            if (await work.ExecuteAsync("job-retry", Parameters.Job("job", job)) > 0)
            {
                await work.ExecuteLongAsync("functions-retry", Parameters.Job("job", job));
                await work.ExecuteLongAsync("variants-unlink", Parameters.Job("job", job));
                await work.ExecuteAsync("work-retry", Parameters.Job("job", job));
                await NotifyAsync(work);
            }

            return await GetAsync(work, job);
        },
        cancellation);

    public async Task<StoreAnswer<JobRecord?>> GetJobAsync(string job, CancellationToken cancellation)
    {
        var answer = await session.QueryAsync("job-get", PostgresRows.Job, cancellation, Parameters.Job("job", job));
        return answer.Select(jobs => jobs.SingleOrDefault());
    }

    public async Task<StoreAnswer<IReadOnlyDictionary<string, (JobState State, JobProgress Progress)>>> GetProgressAsync(IReadOnlyCollection<string> jobs, CancellationToken cancellation)
    {
        var answer = await session.QueryAsync("job-progress", row => (Id: row.Id(0), State: (JobState)row.GetInt16(1), Progress: PostgresRows.Progress(row)), cancellation,
            Parameters.Jobs("jobs", jobs.Distinct().Where(job => JobId.IsOne(job))));
        return answer.Select<IReadOnlyDictionary<string, (JobState State, JobProgress Progress)>>(found => found.ToDictionary(job => job.Id, job => (job.State, job.Progress)));
    }

    public async Task<StoreAnswer<IReadOnlyList<JobRecord>>> ListJobsAsync(JobQuery query, CancellationToken cancellation)
    {
        if (query.After is { } after && !JobId.IsOne(after))
        {
            return StoreAnswer<IReadOnlyList<JobRecord>>.Of([]);
        }

        var answer = await session.QueryAsync("jobs-list", PostgresRows.Job, cancellation, Parameters.Job("after", query.After), Parameters.Small("state", (int?)query.State),
            Parameters.Text("owner", query.Owner), Parameters.Hash("module", query.Module), Parameters.Int("limit", query.Limit));
        return answer.Select<IReadOnlyList<JobRecord>>(jobs => jobs);
    }

    public async Task<StoreAnswer<IReadOnlyList<FunctionRecord>>> ListFunctionsAsync(string job, FunctionQuery query, CancellationToken cancellation)
    {
        var answer = await session.QueryAsync("functions-list", PostgresRows.Function, cancellation, Parameters.Job("job", job), Parameters.Int("after", query.After ?? -1),
            Parameters.Small("state", (int?)query.State), Parameters.Int("limit", query.Limit));
        return answer.Select<IReadOnlyList<FunctionRecord>>(functions => functions);
    }

    public async Task<StoreAnswer<IReadOnlyList<VariantRecord>>> ListVariantsAsync(string job, VariantQuery query, CancellationToken cancellation)
    {
        var answer = await session.QueryAsync("variants-list", PostgresRows.Variant, cancellation, Parameters.Job("job", job), Parameters.Int("function_after", query.After?.Function ?? -1),
            Parameters.Int("ordinal_after", query.After?.Ordinal ?? -1), Parameters.Int("function", query.Function), Parameters.Small("evidence", (int?)query.Evidence),
            Parameters.Bool("linked", query.Linked), Parameters.Int("limit", query.Limit));
        return answer.Select<IReadOnlyList<VariantRecord>>(variants => variants);
    }

    /// <summary>A transaction after which others may find work, or their claims lost. Who listens hears of it from the server; this process need not wait for that.</summary>
    private async Task<StoreAnswer<T>> ChangeAsync<T>(Func<PostgresWork, Task<T>> change, CancellationToken cancellation)
    {
        var answer = await session.RunAsync(change, cancellation);
        signal.Raise();
        return answer;
    }

    /// <summary>Wakes all silos when the transaction commits. Only on what is rare: commits that notify exclude each other.</summary>
    private static Task NotifyAsync(PostgresWork work) => work.ExecuteAsync("notify", Parameters.Text("payload", ""));

    private static async Task<JobRecord?> GetAsync(PostgresWork work, string job) => (await work.QueryAsync("job-get", PostgresRows.Job, Parameters.Job("job", job))).SingleOrDefault();

    private static IEnumerable<BlobHash> Given(BlobHash? hash) => hash is { } given ? [given] : [];

    /// <summary>Notes that a job has blobs, so that retention keeps them.</summary>
    /// <exception cref="MissingBlobException">One is not there.</exception>
    private static async Task ReferAsync(PostgresWork work, string job, params BlobHash[] blobs)
    {
        try
        {
            await work.ExecuteAsync("job-blobs-add", Parameters.Job("job", job), Parameters.BytesOf("hashes", blobs.Distinct().Select(blob => blob.ToArray())));
        }
        catch (PostgresException error) when (error.SqlState == PostgresErrorCodes.ForeignKeyViolation)
        {
            throw new MissingBlobException(error);
        }
    }

    private sealed class MissingBlobException(Exception inner) : ArgumentException("there is no such blob; put it first", inner);
}
