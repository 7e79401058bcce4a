using Npgsql;
using NpgsqlTypes;

namespace Mewe.Store.Postgres;

internal sealed partial class PostgresJobStore
{
    /// <summary>Of a page of results: the count, and bytes after which it ends.</summary>
    private const int ResultRows = 64, ResultBytes = 8 << 20;

    /// <summary>Variants that go to the server with their functions, in one statement.</summary>
    private const int LargestStatement = 2_000;

    private long lookedForDue;

    public async Task<StoreAnswer<IReadOnlyList<ClaimedFunction>>> ClaimFunctionsAsync(SiloLease lease, int count, string? onlyJob, CancellationToken cancellation)
    {
        JobLimits.CheckClaim(count);
        if (onlyJob is not null && !JobId.IsOne(onlyJob))
        {
            return StoreAnswer<IReadOnlyList<ClaimedFunction>>.Of([]);
        }

        // Once more when a claim comes short: others were claiming the same, or what is missing waits for its pause to end. So nobody waits for the next poll with work at hand.
        var claimed = new List<ClaimedFunction>(count);
        for (var again = 0; again < 2 && claimed.Count < count; again++)
        {
            if ((again > 0 || time.GetElapsedTime(Volatile.Read(ref lookedForDue)) >= options.DueInterval) && await DueAsync(cancellation) is { } problem)
            {
                return problem;
            }

            var answer = await session.QueryAsync("functions-claim", row => Claimed(row, lease), cancellation, Parameters.Text("silo", lease.Silo), Parameters.Long("epoch", lease.Epoch), Parameters.Int("count", count - claimed.Count), Parameters.Job("only", onlyJob));
            if (!answer.TryGet(out var more))
            {
                return answer.Problem!; // and who asked gives back what may have been claimed
            }

            claimed.AddRange(more);
        }

        return StoreAnswer<IReadOnlyList<ClaimedFunction>>.Of(claimed);
    }

    public async Task<StoreAnswer<IReadOnlyList<ClaimedFunction>>> ClaimTheseAsync(SiloLease lease, IReadOnlyCollection<FunctionKey> functions, CancellationToken cancellation)
    {
        if (functions.Count == 0)
        {
            return StoreAnswer<IReadOnlyList<ClaimedFunction>>.Of([]);
        }

        JobLimits.CheckClaim(functions.Count);
        var answer = await session.QueryAsync("functions-claim-these", row => Claimed(row, lease), cancellation, Parameters.Text("silo", lease.Silo), Parameters.Long("epoch", lease.Epoch),
            Parameters.Jobs("jobs", functions.Select(function => function.Job)), Parameters.Ints("functions", functions.Select(function => function.Function)));
        return answer.Select<IReadOnlyList<ClaimedFunction>>(claimed => claimed);
    }

    private static ClaimedFunction Claimed(NpgsqlDataReader row, SiloLease lease) =>
        new(new FunctionClaim(row.Id(0), row.GetInt32(1), row.GetInt32(2), lease), row.GetString(3), row.GetInt64(4), row.GetInt32(5), row.IsDBNull(6) ? null : row.GetString(6));

    /// <summary>Lets functions be claimed whose pause is over.</summary>
    private async Task<StoreProblem?> DueAsync(CancellationToken cancellation)
    {
        Volatile.Write(ref lookedForDue, time.GetTimestamp());
        return (await session.ExecuteAsync("functions-due", cancellation)).Problem;
    }

    public Task<StoreAnswer<WriteOutcome>> CompleteFunctionAsync(FunctionClaim claim, FunctionResult result, CancellationToken cancellation) => completions.AddAsync(claim, result, cancellation);

    public Task<StoreAnswer<WriteOutcome>> FailFunctionAsync(FunctionClaim claim, WorkError error, bool retry, CancellationToken cancellation) => session.RunAsync(
        async work =>
        {
            if (await FenceAsync(work, claim) is not { } fence)
            {
                return WriteOutcome.Lost;
            }

            if (!fence.Held)
            {
                return fence.Otherwise(Ended.Failed);
            }

            var final = !retry || fence.Failures + 1 >= fence.MaxAttempts;
            await work.ExecuteAsync("function-fail", Parameters.Job("job", claim.Job), Parameters.Int("function", claim.Function), Parameters.Bool("final", final),
                Parameters.Span("back_off", JobLimits.BackOff(fence.Failures + 1)), Parameters.Text("kind", error.Kind), Parameters.Text("error", error.Message));
            if ((await work.QueryAsync("work-failed", row => row.GetBoolean(0), Parameters.Job("job", claim.Job), Parameters.Bool("final", final))).Contains(true))
            {
                await NotifyAsync(work);
                signal.Raise();
            }

            return WriteOutcome.Written;
        },
        cancellation);

    public async Task<StoreAnswer<int>> ReleaseFunctionsAsync(IReadOnlyCollection<FunctionClaim> claims, CancellationToken cancellation)
    {
        if (claims.Count == 0)
        {
            return StoreAnswer<int>.Of(0);
        }

        return await ChangeAsync(
            async work =>
            {
                var released = await work.QueryAsync("functions-release", row => row.GetInt32(0), Claims(claims));
                await NotifyAsync(work);
                return released[0];
            },
            cancellation);
    }

    public async Task<StoreAnswer<IReadOnlyList<FinishedFunction>>> ReadResultsAsync(string job, int? after, CancellationToken cancellation)
    {
        var bytes = 0L;
        var answer = await session.QueryAsync("results-read",
            row =>
            {
                // What is over the page's bytes is not read, and comes with the next page.
                var finished = bytes < ResultBytes ? PostgresRows.Finished(row) : null;
                bytes += finished?.Content.Length ?? 0;
                return finished;
            },
            cancellation, Parameters.Job("job", job), Parameters.Int("after", after ?? -1), Parameters.Int("limit", ResultRows));
        return answer.Select<IReadOnlyList<FinishedFunction>>(page => [.. page.OfType<FinishedFunction>()]);
    }

    /// <summary>Many completions in one transaction: one lock on the counters of a job, one commit. Up to <see cref="LargestStatement"/> variants it is one statement, beyond a COPY.</summary>
    private async Task<StoreAnswer<WriteOutcome[]>> CompleteAsync(IReadOnlyList<Completion> batch)
    {
        NpgsqlParameter[] parameters =
        [
            .. Claims([.. batch.Select(completion => completion.Claim)]), Parameters.Ints("variants", batch.Select(completion => completion.Result.Variants.Count)),
            Parameters.Longs("proposed", batch.Select(completion => completion.Result.Candidates.Proposed)), Parameters.Longs("tested", batch.Select(completion => completion.Result.Candidates.Tested)),
            Parameters.Longs("refuted", batch.Select(completion => completion.Result.Candidates.Refuted)), Parameters.BytesOf("contents", batch.Select(completion => completion.Result.Content)),
        ];
        var answer = batch.Sum(completion => (long)completion.Result.Variants.Count) <= LargestStatement
            ? await session.QueryAsync("functions-done-at-once", row => (Job: row.Id(0), Function: row.GetInt32(1), Finished: row.GetBoolean(2)), CancellationToken.None, [.. parameters, .. Variants(batch)])
            : await session.RunAsync(work => CopyAsync(work, batch, parameters), CancellationToken.None);
        if (!answer.TryGet(out var rows))
        {
            return answer.Problem!;
        }

        if (rows.Any(row => row.Finished))
        {
            signal.Raise();
        }

        var done = rows.Select(row => (row.Job, row.Function)).ToHashSet();
        var outcomes = new WriteOutcome[batch.Count];
        for (var i = 0; i < batch.Count; i++)
        {
            var claim = batch[i].Claim;
            if (done.Contains((claim.Job, claim.Function)))
            {
                outcomes[i] = WriteOutcome.Written;
                continue;
            }

            var what = await session.QueryAsync("function-outcome", Fence, CancellationToken.None, Key(claim));
            if (!what.TryGet(out var fences))
            {
                return what.Problem!;
            }

            outcomes[i] = fences.Count == 0 ? WriteOutcome.Lost : fences[0].Otherwise(Ended.Written);
        }

        return StoreAnswer<WriteOutcome[]>.Of(outcomes);
    }

    /// <summary>Counters last: they are what others wait for.</summary>
    private static async Task<List<(string Job, int Function, bool Finished)>> CopyAsync(PostgresWork work, IReadOnlyList<Completion> batch, NpgsqlParameter[] parameters)
    {
        var done = (await work.QueryAsync("functions-done", row => (Job: row.Id(0), Function: row.GetInt32(1)), [.. parameters.Select(parameter => parameter.Clone())])).ToHashSet();
        var written = batch.Where(completion => done.Contains((completion.Claim.Job, completion.Claim.Function))).ToList();
        if (written.Count == 0)
        {
            return [];
        }

        await CopyVariantsAsync(work, written);
        var jobs = written.GroupBy(completion => completion.Claim.Job).ToList();
        var tallies = jobs.Select(job => job.Aggregate(default(CandidateTally), (sum, completion) => sum + completion.Result.Candidates)).ToList();
        var finished = (await work.QueryAsync("work-done", row => row.GetBoolean(0), Parameters.Jobs("jobs", jobs.Select(job => job.Key)), Parameters.Ints("done", jobs.Select(job => job.Count())),
            Parameters.Longs("variants", jobs.Select(job => job.Sum(completion => (long)completion.Result.Variants.Count))), Parameters.Longs("proposed", tallies.Select(tally => tally.Proposed)),
            Parameters.Longs("tested", tallies.Select(tally => tally.Tested)), Parameters.Longs("refuted", tallies.Select(tally => tally.Refuted)))).Contains(true);
        if (finished)
        {
            await NotifyAsync(work);
        }

        return [.. done.Select(function => (function.Job, function.Function, finished))];
    }

    private static NpgsqlParameter[] Variants(IReadOnlyList<Completion> batch)
    {
        var rows = batch.SelectMany(completion => completion.Result.Variants.Select(variant => (completion.Claim, Variant: variant))).ToList();
        return
        [
            Parameters.Jobs("variant_jobs", rows.Select(row => row.Claim.Job)), Parameters.Ints("variant_functions", rows.Select(row => row.Claim.Function)),
            Parameters.Ints("ordinals", rows.Select(row => row.Variant.Ordinal)), Parameters.BytesOf("codes", rows.Select(row => row.Variant.Code.ToArray())),
            Parameters.Ints("code_bytes", rows.Select(row => row.Variant.CodeBytes)), Parameters.Texts("transforms", rows.Select(row => row.Variant.Transforms)),
            Parameters.Smalls("evidences", rows.Select(row => (int)row.Variant.Evidence)), Parameters.Texts("reasons", rows.Select(row => row.Variant.Reason)),
            Parameters.Longs("tests_passed", rows.Select(row => row.Variant.TestsPassed)),
        ];
    }

    private static async Task CopyVariantsAsync(PostgresWork work, List<Completion> written)
    {
        await using var copy = await work.CopyAsync("variants-copy");
        foreach (var (claim, result) in written)
        {
            foreach (var variant in result.Variants)
            {
                await copy.StartRowAsync(work.Cancellation);
                await copy.WriteAsync(Parameters.Uuid(claim.Job)!.Value, NpgsqlDbType.Uuid, work.Cancellation);
                await copy.WriteAsync(claim.Function, NpgsqlDbType.Integer, work.Cancellation);
                await copy.WriteAsync(variant.Ordinal, NpgsqlDbType.Integer, work.Cancellation);
                await copy.WriteAsync(variant.Code.ToArray(), NpgsqlDbType.Bytea, work.Cancellation);
                await copy.WriteAsync(variant.CodeBytes, NpgsqlDbType.Integer, work.Cancellation);
                await copy.WriteAsync(variant.Transforms, NpgsqlDbType.Text, work.Cancellation);
                await copy.WriteAsync((short)variant.Evidence, NpgsqlDbType.Smallint, work.Cancellation);
                if (variant.Reason is { } reason)
                {
                    await copy.WriteAsync(reason, NpgsqlDbType.Text, work.Cancellation);
                }
                else
                {
                    await copy.WriteNullAsync(work.Cancellation);
                }

                await copy.WriteAsync(variant.TestsPassed, NpgsqlDbType.Bigint, work.Cancellation);
            }
        }

        await copy.CompleteAsync(work.Cancellation);
    }

    private static async Task<FenceRow?> FenceAsync(PostgresWork work, FunctionClaim claim) => (await work.QueryAsync("function-fence", Fence, Key(claim))).Select(row => (FenceRow?)row).SingleOrDefault();

    private static NpgsqlParameter[] Key(FunctionClaim claim) =>
    [
        Parameters.Job("job", claim.Job), Parameters.Int("function", claim.Function), Parameters.Int("attempt", claim.Attempt), Parameters.Text("silo", claim.Silo.Silo),
        Parameters.Long("epoch", claim.Silo.Epoch),
    ];

    private static NpgsqlParameter[] Claims(IReadOnlyCollection<FunctionClaim> claims) =>
    [
        Parameters.Jobs("jobs", claims.Select(claim => claim.Job)), Parameters.Ints("functions", claims.Select(claim => claim.Function)), Parameters.Ints("attempts", claims.Select(claim => claim.Attempt)),
        Parameters.Texts("silos", claims.Select(claim => claim.Silo.Silo)), Parameters.Longs("epochs", claims.Select(claim => claim.Silo.Epoch)),
    ];
}
