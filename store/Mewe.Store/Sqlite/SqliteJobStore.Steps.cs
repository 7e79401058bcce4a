namespace Mewe.Store.Sqlite;

internal sealed partial class SqliteJobStore
{
    /// <summary>How the last claim of a row ended; the numbers stand in the file.</summary>
    private enum Ended
    {
        Written = 1,
        Failed = 2,
    }

    /// <summary>What stands between a claim and a write.</summary>
    /// <param name="Mine">The row carries this claim, in force or as its last.</param>
    private readonly record struct FenceRow(int State, bool Mine, int? EndedAs, int Failures, int MaxAttempts)
    {
        /// <summary>The claim is in force.</summary>
        public bool Held => Mine && EndedAs is null;

        /// <summary>What a write that ends the claim in a way comes to, when it is not in force.</summary>
        public WriteOutcome Otherwise(Ended ended) => Mine && EndedAs == (int)ended ? WriteOutcome.AlreadyWritten : WriteOutcome.Lost;
    }

    public Task<StoreAnswer<IReadOnlyList<ClaimedJob>>> ClaimJobsAsync(SiloLease lease, int count, string? onlyJob, CancellationToken cancellation)
    {
        JobLimits.CheckClaim(count);
        return session.RunAsync<IReadOnlyList<ClaimedJob>>(
            work =>
            {
                if (!IsValid(work, lease))
                {
                    return [];
                }

                var claimed = new List<ClaimedJob>();
                foreach (var (job, state) in work.Query("jobs-claimable", row => (row.GetString(0), (JobState)row.GetInt32(1)), ("$now", work.Now), ("$only", onlyJob), ("$limit", count)))
                {
                    work.Execute("job-claim", ("$job", job), ("$silo", lease.Silo), ("$epoch", lease.Epoch), ("$now", work.Now));
                    var record = Get(work, job)!;
                    claimed.Add(new ClaimedJob(new JobClaim(job, state == JobState.Queued ? JobStep.Plan : JobStep.Link, record.Attempt, lease), record));
                }

                return claimed;
            },
            writes: true,
            cancellation);
    }

    public Task<StoreAnswer<IReadOnlyList<string>>> FindOpenJobsAsync(int count, CancellationToken cancellation) => session.RunAsync<IReadOnlyList<string>>(
        work => work.Query("jobs-unfinished", row => row.GetString(0), ("$now", work.Now), ("$limit", count)), writes: false, cancellation);

    public Task<StoreAnswer<WriteOutcome>> PlannedAsync(JobClaim claim, BlobHash plan, IReadOnlyList<NewFunction> functions, CancellationToken cancellation) => WriteAsync(
        work =>
        {
            if (Fence(work, claim) is not { Held: true } fence)
            {
                return Fence(work, claim)?.Otherwise(Ended.Written) ?? WriteOutcome.Lost;
            }

            Require(claim, JobStep.Plan, fence);
            work.Execute("job-planned", ("$job", claim.Job), ("$plan", plan.ToArray()), ("$total", functions.Count));
            Refer(work, claim.Job, plan);
            using var add = work.Prepare("function-add", "$job", "$function", "$name", "$cost");
            foreach (var function in functions)
            {
                SqliteWork.Execute(add, claim.Job, function.Index, function.Name, function.Cost);
            }

            return WriteOutcome.Written;
        },
        cancellation);

    public Task<StoreAnswer<WriteOutcome>> LinkedAsync(JobClaim claim, JobOutput output, IReadOnlyList<LinkedVariant> linked, CancellationToken cancellation) => WriteAsync(
        work =>
        {
            if (Fence(work, claim) is not { Held: true } fence)
            {
                return Fence(work, claim)?.Otherwise(Ended.Written) ?? WriteOutcome.Lost;
            }

            Require(claim, JobStep.Link, fence);
            work.Execute("job-linked", ("$job", claim.Job), ("$now", work.Now), ("$module", output.Module.ToArray()), ("$report", output.Report.ToArray()), ("$link_plan", output.LinkPlan.ToArray()));
            Refer(work, claim.Job, output.Module, output.Report, output.LinkPlan);
            using var put = work.Prepare("variant-linked", "$job", "$function", "$ordinal", "$evidence", "$reason");
            foreach (var variant in linked)
            {
                if (SqliteWork.Execute(put, claim.Job, variant.Function, variant.Ordinal, (int)variant.Evidence, variant.Reason) == 0)
                {
                    throw new ArgumentException($"function {variant.Function} has no variant {variant.Ordinal}", nameof(linked));
                }
            }

            return WriteOutcome.Written;
        },
        cancellation);

    public Task<StoreAnswer<WriteOutcome>> FailJobAsync(JobClaim claim, WorkError error, bool retry, CancellationToken cancellation) => WriteAsync(
        work =>
        {
            if (Fence(work, claim) is not { Held: true } fence)
            {
                return Fence(work, claim)?.Otherwise(Ended.Failed) ?? WriteOutcome.Lost;
            }

            var final = !retry || fence.Failures + 1 >= fence.MaxAttempts;
            work.Execute("job-fail", ("$job", claim.Job), ("$final", final ? 1 : 0), ("$now", work.Now), ("$retry_at", final ? null : RetryAt(work, fence)), ("$kind", error.Kind), ("$error", error.Message));
            return WriteOutcome.Written;
        },
        cancellation);

    public Task<StoreAnswer<int>> ReleaseJobsAsync(IReadOnlyCollection<JobClaim> claims, CancellationToken cancellation) => WriteAsync(work => claims.Sum(claim => Release(work, claim)), cancellation);

    private static int Release(SqliteWork work, JobClaim claim) =>
        work.Execute("job-release", ("$job", claim.Job), ("$silo", claim.Silo.Silo), ("$epoch", claim.Silo.Epoch), ("$attempt", claim.Attempt));

    private static long RetryAt(SqliteWork work, FenceRow fence) => work.Now + (long)JobLimits.BackOff(fence.Failures + 1).TotalMilliseconds;

    private static FenceRow? Fence(SqliteWork work, JobClaim claim) => Fence(work, "job-fence", claim.Silo, claim.Attempt, ("$job", claim.Job));

    private static FenceRow? Fence(SqliteWork work, string statement, SiloLease silo, int attempt, params ReadOnlySpan<(string, object?)> key)
    {
        var rows = work.Query(statement,
            row => new FenceRow(row.GetInt32(0), !row.IsDBNull(1) && row.GetBoolean(1), row.IsDBNull(2) ? null : row.GetInt32(2), row.GetInt32(3), row.GetInt32(4)),
            [.. key, ("$silo", silo.Silo), ("$epoch", silo.Epoch), ("$attempt", attempt)]);
        return rows.Count == 0 ? null : rows[0];
    }

    private static void Require(JobClaim claim, JobStep step, FenceRow fence)
    {
        if (claim.Step != step || StepOf((JobState)fence.State) != step)
        {
            throw new ArgumentException($"the claim is to {claim.Step}, not to {step}", nameof(claim));
        }
    }
}
