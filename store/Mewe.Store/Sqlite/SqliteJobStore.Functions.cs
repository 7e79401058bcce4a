namespace Mewe.Store.Sqlite;

internal sealed partial class SqliteJobStore
{
    /// <summary>Of a page of results: the count, and bytes after which it ends.</summary>
    private const int ResultRows = 64, ResultBytes = 8 << 20;

    public Task<StoreAnswer<IReadOnlyList<ClaimedFunction>>> ClaimFunctionsAsync(SiloLease lease, int count, string? onlyJob, CancellationToken cancellation)
    {
        JobLimits.CheckClaim(count);
        return session.RunAsync<IReadOnlyList<ClaimedFunction>>(work => IsValid(work, lease) ? Claim(work, lease, count, onlyJob) : [], writes: true, cancellation);
    }

    public Task<StoreAnswer<IReadOnlyList<ClaimedFunction>>> ClaimTheseAsync(SiloLease lease, IReadOnlyCollection<FunctionKey> functions, CancellationToken cancellation)
    {
        if (functions.Count > 0)
        {
            JobLimits.CheckClaim(functions.Count);
        }

        return session.RunAsync<IReadOnlyList<ClaimedFunction>>(work => IsValid(work, lease) ? [.. functions.SelectMany(function => Claim(work, lease, function))] : [], writes: true, cancellation);
    }

    private static IEnumerable<ClaimedFunction> Claim(SqliteWork work, SiloLease lease, FunctionKey key)
    {
        foreach (var (name, cost, failures, attempt, trace) in work.Query("function-ready",
            row => (row.GetString(1), row.GetInt64(2), row.GetInt32(3), row.GetInt32(4), row.IsDBNull(5) ? null : row.GetString(5)), ("$job", key.Job), ("$function", key.Function), ("$now", work.Now)))
        {
            Claim(work, lease, key.Job, key.Function);
            yield return new ClaimedFunction(new FunctionClaim(key.Job, key.Function, attempt + 1, lease), name, cost, failures, trace);
        }
    }

    private static void Claim(SqliteWork work, SiloLease lease, string job, int function)
    {
        work.Execute("function-claim", ("$job", job), ("$function", function), ("$silo", lease.Silo), ("$epoch", lease.Epoch), ("$now", work.Now));
        Count(work, job, available: -1, running: 1);
    }

    /// <summary>One slot after the other goes to the job whose share is the smallest by then.</summary>
    private static List<ClaimedFunction> Claim(SqliteWork work, SiloLease lease, int count, string? onlyJob)
    {
        var claimed = new List<ClaimedFunction>();
        var jobs = work.Query("jobs-open", row => new OpenJob(row.GetString(0), row.GetInt32(1), row.GetInt32(2), row.IsDBNull(4) ? null : row.GetString(4)) { Running = row.GetInt32(3) }, ("$only", onlyJob));
        while (claimed.Count < count && jobs.Count > 0)
        {
            var job = jobs.MinBy(job => job.Order)!;
            job.Ready ??= new Queue<(int, string, long, int, int)>(work.Query("functions-ready",
                row => (row.GetInt32(0), row.GetString(1), row.GetInt64(2), row.GetInt32(3), row.GetInt32(4)), ("$job", job.Id), ("$now", work.Now), ("$limit", count)));
            if (!job.Ready.TryDequeue(out var function))
            {
                jobs.Remove(job);
                continue;
            }

            Claim(work, lease, job.Id, function.Function);
            job.Running++;
            claimed.Add(new ClaimedFunction(new FunctionClaim(job.Id, function.Function, function.Attempt + 1, lease), function.Name, function.Cost, function.Failures, job.TraceParent));
        }

        return claimed;
    }

    public Task<StoreAnswer<WriteOutcome>> CompleteFunctionAsync(FunctionClaim claim, FunctionResult result, CancellationToken cancellation) => EndAsync(
        claim,
        work =>
        {
            if (Fence(work, claim) is not { Held: true })
            {
                return Fence(work, claim)?.Otherwise(Ended.Written) ?? WriteOutcome.Lost;
            }

            var (proposed, tested, refuted) = result.Candidates;
            work.Execute("function-done", ("$job", claim.Job), ("$function", claim.Function), ("$now", work.Now), ("$variants", result.Variants.Count), ("$proposed", proposed), ("$tested", tested),
                ("$refuted", refuted));
            work.Execute("result-put", ("$job", claim.Job), ("$function", claim.Function), ("$content", result.Content.ToArray()));
            using var put = work.Prepare("variant-put", "$job", "$function", "$ordinal", "$code", "$code_bytes", "$transforms", "$evidence", "$reason", "$tests_passed");
            foreach (var variant in result.Variants)
            {
                SqliteWork.Execute(put, claim.Job, claim.Function, variant.Ordinal, variant.Code.ToArray(), variant.CodeBytes, variant.Transforms, (int)variant.Evidence, variant.Reason, variant.TestsPassed);
            }

            Count(work, claim.Job, running: -1, done: 1, variants: result.Variants.Count, candidates: result.Candidates);
            return WriteOutcome.Written;
        },
        cancellation);

    public Task<StoreAnswer<WriteOutcome>> FailFunctionAsync(FunctionClaim claim, WorkError error, bool retry, CancellationToken cancellation) => EndAsync(
        claim,
        work =>
        {
            if (Fence(work, claim) is not { Held: true } fence)
            {
                return Fence(work, claim)?.Otherwise(Ended.Failed) ?? WriteOutcome.Lost;
            }

            var final = !retry || fence.Failures + 1 >= fence.MaxAttempts;
            work.Execute("function-fail", ("$job", claim.Job), ("$function", claim.Function), ("$final", final ? 1 : 0), ("$now", work.Now), ("$retry_at", final ? null : RetryAt(work, fence)),
                ("$kind", error.Kind), ("$error", error.Message));
            Count(work, claim.Job, available: final ? 0 : 1, running: -1, failed: final ? 1 : 0);
            return WriteOutcome.Written;
        },
        cancellation);

    public Task<StoreAnswer<int>> ReleaseFunctionsAsync(IReadOnlyCollection<FunctionClaim> claims, CancellationToken cancellation) =>
        WriteAsync(work => claims.Sum(claim => Release(work, claim)), cancellation);

    public Task<StoreAnswer<IReadOnlyList<FinishedFunction>>> ReadResultsAsync(string job, int? after, CancellationToken cancellation) => session.RunAsync<IReadOnlyList<FinishedFunction>>(
        work =>
        {
            using var read = work.Prepare("results-read", "$job", "$after", "$limit");
            (read.Parameters[0].Value, read.Parameters[1].Value, read.Parameters[2].Value) = (job, after ?? -1, ResultRows);
            using var rows = read.ExecuteReader();
            var (page, bytes) = (new List<FinishedFunction>(), 0L);
            while (bytes < ResultBytes && rows.Read())
            {
                page.Add(SqliteRows.Finished(rows));
                bytes += page[^1].Content.Length;
            }

            return page;
        },
        writes: false,
        cancellation);

    /// <summary>A write that ends the work on a function: a signal when it was the last one, and the job can be linked.</summary>
    private async Task<StoreAnswer<WriteOutcome>> EndAsync(FunctionClaim claim, Func<SqliteWork, WriteOutcome> end, CancellationToken cancellation)
    {
        var answer = await session.RunAsync(
            work => (Outcome: end(work), Last: work.Query("job-progress", SqliteRows.Progress, ("$job", claim.Job)).Any(progress => progress.Remaining == 0)),
            writes: true,
            cancellation);
        if (!answer.TryGet(out var ended))
        {
            return answer.Problem!;
        }

        if (ended.Last)
        {
            signal.Raise();
        }

        return StoreAnswer<WriteOutcome>.Of(ended.Outcome);
    }

    private static int Release(SqliteWork work, FunctionClaim claim)
    {
        var released = work.Execute("function-release", ("$job", claim.Job), ("$function", claim.Function), ("$silo", claim.Silo.Silo), ("$epoch", claim.Silo.Epoch), ("$attempt", claim.Attempt));
        Count(work, claim.Job, available: released, running: -released);
        return released;
    }

    private static FenceRow? Fence(SqliteWork work, FunctionClaim claim) => Fence(work, "function-fence", claim.Silo, claim.Attempt, ("$job", claim.Job), ("$function", claim.Function));

    private static void Count(SqliteWork work, string job, int available = 0, int running = 0, int done = 0, int failed = 0, long variants = 0, CandidateTally candidates = default) => work.Execute("job-count",
        ("$job", job), ("$available", available), ("$running", running), ("$done", done), ("$failed", failed), ("$variants", variants), ("$proposed", candidates.Proposed), ("$tested", candidates.Tested),
        ("$refuted", candidates.Refuted));

    /// <summary>A job with functions that wait.</summary>
    private sealed record OpenJob(string Id, int Priority, int Weight, string? TraceParent)
    {
        public int Running { get; set; }

        /// <summary>Its functions that can be claimed now, in their order; null until somebody asks.</summary>
        public Queue<(int Function, string Name, long Cost, int Failures, int Attempt)>? Ready { get; set; }

        /// <summary>The smallest comes first: priority, then what the job would have with one more.</summary>
        public (int, double, string) Order => (-Priority, (Running + 1) / (double)Weight, Id);
    }
}
