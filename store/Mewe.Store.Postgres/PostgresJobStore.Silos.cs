namespace Mewe.Store.Postgres;

internal sealed partial class PostgresJobStore
{
    public async Task<StoreAnswer<SiloRegistration>> RegisterSiloAsync(NewSilo silo, CancellationToken cancellation)
    {
        var answer = await session.RunAsync(
            async work =>
            {
                await work.ExecuteAsync("register-lock", Parameters.Long("key", PostgresMigration.RegisterLock));
                var others = await work.QueryAsync("silo-of-another-scheduler", PostgresRows.Silo, Parameters.Text("silo", silo.Name), Parameters.Text("scheduler", silo.Scheduler));
                return others.Count > 0 ? SiloRegistration.RefusedBy(others[0]) : SiloRegistration.Of(new SiloLease(silo.Name, (await work.QueryAsync("silo-register", row => row.GetInt64(0),
                    Parameters.Text("silo", silo.Name), Parameters.Int("workers", silo.Workers), Parameters.Text("version", silo.Version), Parameters.Text("scheduler", silo.Scheduler),
                    Parameters.Span("lease", options.Lease)))[0]));
            },
            cancellation);
        if (answer.TryGet(out var registration) && registration.Lease is not null)
        {
            // Takes over from an earlier incarnation at once; if this fails, or another silo is just doing it, the next rescue finds the same.
            await RescueAsync(cancellation);
        }

        return answer;
    }

    public async Task<StoreAnswer<LeaseOutcome>> RenewSiloAsync(SiloLease lease, CancellationToken cancellation)
    {
        var answer = await session.QueryAsync("silo-renew", row => (LeaseOutcome)row.GetInt32(0), cancellation, Parameters.Text("silo", lease.Silo), Parameters.Long("epoch", lease.Epoch),
            Parameters.Span("lease", options.Lease));
        return answer.Select(outcomes => outcomes[0]);
    }

    public async Task<StoreAnswer<int>> RetireSiloAsync(SiloLease lease, CancellationToken cancellation)
    {
        // First the lease, so that nothing is claimed under it any more.
        var answer = await session.ExecuteAsync("silo-retire", cancellation, Parameters.Text("silo", lease.Silo), Parameters.Long("epoch", lease.Epoch));
        return answer.Problem is { } problem ? problem : await ReleaseOthersAsync(lease, [], [], cancellation);
    }

    public async Task<StoreAnswer<int>> ReleaseOthersAsync(SiloLease lease, IReadOnlyCollection<JobClaim> keptJobs, IReadOnlyCollection<FunctionClaim> keptFunctions, CancellationToken cancellation)
    {
        var findJobs = await session.QueryAsync("jobs-of-silo", row => new JobClaim(row.Id(0), StepOf((JobState)row.GetInt16(1)), row.GetInt32(2), lease), cancellation,
            Parameters.Text("silo", lease.Silo), Parameters.Long("epoch", lease.Epoch));
        var findFunctions = await session.QueryAsync("functions-of-silo", row => new FunctionClaim(row.Id(0), row.GetInt32(1), row.GetInt32(2), lease), cancellation,
            Parameters.Text("silo", lease.Silo), Parameters.Long("epoch", lease.Epoch));
        if (!findJobs.TryGet(out var jobs) || !findFunctions.TryGet(out var functions))
        {
            return (findJobs.Problem ?? findFunctions.Problem)!;
        }

        var releaseJobs = await ReleaseJobsAsync([.. jobs.Except(keptJobs)], cancellation);
        var releaseFunctions = await ReleaseFunctionsAsync([.. functions.Except(keptFunctions)], cancellation);
        return releaseJobs.Problem is { } problem ? problem : releaseFunctions.Select(count => releaseJobs.TryGet(out var steps) ? count + steps : count);
    }

    public async Task<StoreAnswer<IReadOnlyList<SiloRecord>>> ListSilosAsync(CancellationToken cancellation)
    {
        var answer = await session.QueryAsync("silos-list", PostgresRows.Silo, cancellation);
        return answer.Select<IReadOnlyList<SiloRecord>>(silos => silos);
    }

    /// <summary>Two transactions, because of the order of locks: functions and their counters, then jobs.</summary>
    public async Task<StoreAnswer<RescueCount>> RescueAsync(CancellationToken cancellation)
    {
        var functions = await session.RunAsync(
            async work =>
            {
                if (!await LockAsync(work))
                {
                    return default(RescueCount?);
                }

                var silos = await work.ExecuteAsync("silos-expire");
                return await RescueAsync(work, "functions-orphaned", "functions-rescue", (again, exhausted) => new RescueCount(silos, 0, again, exhausted));
            },
            cancellation);
        if (!functions.TryGet(out var rescued) || rescued is null)
        {
            return functions.Select(_ => default(RescueCount));
        }

        var jobs = await session.RunAsync(
            async work => await LockAsync(work)
                ? await RescueAsync(work, "jobs-orphaned", "jobs-rescue", (again, exhausted) => rescued.Value with { Jobs = again, Exhausted = rescued.Value.Exhausted + exhausted })
                : rescued.Value,
            cancellation);
        return jobs;
    }

    public async Task<StoreAnswer<LostClaims>> FindLostAsync(IReadOnlyCollection<JobClaim> jobs, IReadOnlyCollection<FunctionClaim> functions, CancellationToken cancellation)
    {
        var (jobList, functionList) = (jobs.ToList(), functions.ToList());
        var lostJobs = StoreAnswer<List<int>>.Of([]);
        var lostFunctions = StoreAnswer<List<int>>.Of([]);
        if (jobList.Count > 0)
        {
            lostJobs = await session.QueryAsync("jobs-lost", row => (int)row.GetInt64(0) - 1, cancellation, Claims(jobList));
        }

        if (functionList.Count > 0)
        {
            lostFunctions = await session.QueryAsync("functions-lost", row => (int)row.GetInt64(0) - 1, cancellation, Claims(functionList));
        }

        return lostJobs.TryGet(out var steps) && lostFunctions.TryGet(out var work)
            ? StoreAnswer<LostClaims>.Of(new LostClaims([.. steps.Select(index => jobList[index])], [.. work.Select(index => functionList[index])]))
            : (lostJobs.Problem ?? lostFunctions.Problem)!;
    }

    private static async Task<bool> LockAsync(PostgresWork work) => (await work.QueryAsync("rescue-lock", row => row.GetBoolean(0), Parameters.Long("key", PostgresMigration.RescueLock)))[0];

    private async Task<RescueCount> RescueAsync(PostgresWork work, string lookup, string statement, Func<int, int, RescueCount> count)
    {
        var orphans = await work.QueryAsync(lookup, row => (Job: row.Id(0), Function: row.GetInt32(1)));
        if (orphans.Count == 0)
        {
            return count(0, 0);
        }

        var (again, exhausted) = (await work.QueryAsync(statement, row => (row.GetInt32(0), row.GetInt32(1)), Parameters.Jobs("jobs", orphans.Select(orphan => orphan.Job)),
            Parameters.Ints("functions", orphans.Select(orphan => orphan.Function)), Parameters.Int("most", JobLimits.MaxRescues), Parameters.Text("kind", WorkError.SiloDied),
            Parameters.Text("error", $"the silos that worked on it died {JobLimits.MaxRescues} times")))[0];
        if (again + exhausted > 0)
        {
            await NotifyAsync(work);
            signal.Raise();
        }

        return count(again, exhausted);
    }

    private static JobStep StepOf(JobState state) => state == JobState.Planning ? JobStep.Plan : JobStep.Link;
}
