using Npgsql;
using NpgsqlTypes;

namespace Mewe.Store.Postgres;

internal sealed partial class PostgresJobStore
{
    /// <summary>How the last claim of a row ended; the numbers stand in the database.</summary>
    private enum Ended
    {
        Written = 1,
        Failed = 2,
    }

    /// <summary>What stands between a claim and a write; the row is locked.</summary>
    /// <param name="Mine">The row carries this claim, in force or as its last.</param>
    private readonly record struct FenceRow(int State, bool Mine, int? EndedAs, int Failures, int MaxAttempts)
    {
        /// <summary>The claim is in force.</summary>
        public bool Held => Mine && EndedAs is null;

        /// <summary>What a write that ends the claim in a way comes to, when it is not in force.</summary>
        public WriteOutcome Otherwise(Ended ended) => Mine && EndedAs == (int)ended ? WriteOutcome.AlreadyWritten : WriteOutcome.Lost;
    }

    public async Task<StoreAnswer<IReadOnlyList<ClaimedJob>>> ClaimJobsAsync(SiloLease lease, int count, string? onlyJob, CancellationToken cancellation)
    {
        JobLimits.CheckClaim(count);
        if (onlyJob is not null && !JobId.IsOne(onlyJob))
        {
            return StoreAnswer<IReadOnlyList<ClaimedJob>>.Of([]);
        }

        return await session.RunAsync<IReadOnlyList<ClaimedJob>>(
            async work =>
            {
                var claims = await work.QueryAsync("jobs-claim", row => new JobClaim(row.Id(0), StepOf((JobState)row.GetInt16(1)), row.GetInt32(2), lease),
                    Parameters.Text("silo", lease.Silo), Parameters.Long("epoch", lease.Epoch), Parameters.Int("count", count), Parameters.Job("only", onlyJob));
                var claimed = new List<ClaimedJob>(claims.Count);
                foreach (var claim in claims)
                {
                    claimed.Add(new ClaimedJob(claim, (await GetAsync(work, claim.Job))!));
                }

                claimed.Sort((a, b) => (-a.Job.Submitted.Priority, a.Claim.Step == JobStep.Link ? 0 : 1).CompareTo((-b.Job.Submitted.Priority, b.Claim.Step == JobStep.Link ? 0 : 1)) is var order and not 0
                    ? order : string.CompareOrdinal(a.Job.Id, b.Job.Id));
                return claimed;
            },
            cancellation);
    }

    public async Task<StoreAnswer<IReadOnlyList<string>>> FindOpenJobsAsync(int count, CancellationToken cancellation)
    {
        var answer = await session.QueryAsync("jobs-open", row => row.Id(0), cancellation, Parameters.Int("count", count));
        return answer.Select<IReadOnlyList<string>>(jobs => jobs);
    }

    public Task<StoreAnswer<WriteOutcome>> PlannedAsync(JobClaim claim, BlobHash plan, IReadOnlyList<NewFunction> functions, CancellationToken cancellation) => EndStepAsync(
        claim,
        Ended.Written,
        async (work, fence) =>
        {
            Require(claim, JobStep.Plan, fence);
            await work.ExecuteAsync("job-planned", Parameters.Job("job", claim.Job), Parameters.Hash("plan", plan));
            await ReferAsync(work, claim.Job, plan);
            var job = Parameters.Uuid(claim.Job)!.Value;
            await using (var copy = await work.CopyAsync("functions-copy"))
            {
                foreach (var function in functions)
                {
                    await copy.StartRowAsync(work.Cancellation);
                    await copy.WriteAsync(job, NpgsqlDbType.Uuid, work.Cancellation);
                    await copy.WriteAsync(function.Index, NpgsqlDbType.Integer, work.Cancellation);
                    await copy.WriteAsync(function.Name, NpgsqlDbType.Text, work.Cancellation);
                    await copy.WriteAsync(function.Cost, NpgsqlDbType.Bigint, work.Cancellation);
                }

                await copy.CompleteAsync(work.Cancellation);
            }

            await work.ExecuteAsync("work-open", Parameters.Job("job", claim.Job), Parameters.Int("total", functions.Count));
        },
        cancellation);

    public Task<StoreAnswer<WriteOutcome>> LinkedAsync(JobClaim claim, JobOutput output, IReadOnlyList<LinkedVariant> linked, CancellationToken cancellation) => EndStepAsync(
        claim,
        Ended.Written,
        async (work, fence) =>
        {
            Require(claim, JobStep.Link, fence);
            await work.ExecuteAsync("job-linked", Parameters.Job("job", claim.Job), Parameters.Hash("module", output.Module), Parameters.Hash("report", output.Report), Parameters.Hash("link_plan", output.LinkPlan));
            await ReferAsync(work, claim.Job, output.Module, output.Report, output.LinkPlan);
            var marked = await work.ExecuteLongAsync("variants-linked", Parameters.Job("job", claim.Job), Parameters.Ints("functions", linked.Select(variant => variant.Function)),
                Parameters.Ints("ordinals", linked.Select(variant => variant.Ordinal)), Parameters.Smalls("evidences", linked.Select(variant => (int)variant.Evidence)),
                Parameters.Texts("reasons", linked.Select(variant => variant.Reason)));
            if (marked != linked.Count)
            {
                throw new ArgumentException($"of {linked.Count} linked variants the job has {marked}", nameof(linked));
            }

            await work.ExecuteAsync("work-close", Parameters.Job("job", claim.Job));
        },
        cancellation);

    public Task<StoreAnswer<WriteOutcome>> FailJobAsync(JobClaim claim, WorkError error, bool retry, CancellationToken cancellation) => EndStepAsync(
        claim,
        Ended.Failed,
        async (work, fence) =>
        {
            var final = !retry || fence.Failures + 1 >= fence.MaxAttempts;
            await work.ExecuteAsync("job-fail", Parameters.Job("job", claim.Job), Parameters.Bool("final", final), Parameters.Span("back_off", JobLimits.BackOff(fence.Failures + 1)),
                Parameters.Text("kind", error.Kind), Parameters.Text("error", error.Message));
            if (final)
            {
                await work.ExecuteAsync("work-close", Parameters.Job("job", claim.Job));
            }
        },
        cancellation);

    public async Task<StoreAnswer<int>> ReleaseJobsAsync(IReadOnlyCollection<JobClaim> claims, CancellationToken cancellation)
    {
        if (claims.Count == 0)
        {
            return StoreAnswer<int>.Of(0);
        }

        return await ChangeAsync(
            async work =>
            {
                var released = await work.ExecuteAsync("jobs-release", Claims(claims));
                await NotifyAsync(work);
                return released;
            },
            cancellation);
    }

    private Task<StoreAnswer<WriteOutcome>> EndStepAsync(JobClaim claim, Ended ended, Func<PostgresWork, FenceRow, Task> end, CancellationToken cancellation) => ChangeAsync(
        async work =>
        {
            if (await FenceAsync(work, claim) is not { } fence)
            {
                return WriteOutcome.Lost;
            }

            if (!fence.Held)
            {
                return fence.Otherwise(ended);
            }

            await end(work, fence);
            await NotifyAsync(work);
            return WriteOutcome.Written;
        },
        cancellation);

    private static async Task<FenceRow?> FenceAsync(PostgresWork work, JobClaim claim) =>
        (await work.QueryAsync("job-fence", Fence, Parameters.Job("job", claim.Job), Parameters.Int("attempt", claim.Attempt), Parameters.Text("silo", claim.Silo.Silo), Parameters.Long("epoch", claim.Silo.Epoch)))
            .Select(row => (FenceRow?)row).SingleOrDefault();

    private static FenceRow Fence(NpgsqlDataReader row) => new(row.GetInt16(0), row.GetBoolean(1), row.IsDBNull(2) ? null : row.GetInt16(2), row.GetInt32(3), row.GetInt32(4));

    private static NpgsqlParameter[] Claims(IReadOnlyCollection<JobClaim> claims) =>
    [
        Parameters.Jobs("jobs", claims.Select(claim => claim.Job)), Parameters.Ints("attempts", claims.Select(claim => claim.Attempt)),
        Parameters.Texts("silos", claims.Select(claim => claim.Silo.Silo)), Parameters.Longs("epochs", claims.Select(claim => claim.Silo.Epoch)),
    ];

    private static void Require(JobClaim claim, JobStep step, FenceRow fence)
    {
        if (claim.Step != step || StepOf((JobState)fence.State) != step)
        {
            throw new ArgumentException($"the claim is to {claim.Step}, not to {step}", nameof(claim));
        }
    }
}
