namespace Mewe.Store.Sqlite;

internal sealed partial class SqliteJobStore
{
    public Task<StoreAnswer<SiloRegistration>> RegisterSiloAsync(NewSilo silo, CancellationToken cancellation) => WriteAsync(
        work =>
        {
            var others = work.Query("silo-of-another-scheduler", row => SqliteRows.Silo(row, work.Now), ("$silo", silo.Name), ("$scheduler", silo.Scheduler), ("$now", work.Now));
            if (others.Count > 0)
            {
                return SiloRegistration.RefusedBy(others[0]);
            }

            var lease = new SiloLease(silo.Name, work.Query("epoch-next", row => row.GetInt64(0)).Single());
            work.Execute("silo-register", ("$silo", lease.Silo), ("$epoch", lease.Epoch), ("$workers", silo.Workers), ("$version", silo.Version), ("$scheduler", silo.Scheduler), ("$now", work.Now),
                ("$expires", Expiry(work)));
            Rescue(work);
            return SiloRegistration.Of(lease);
        },
        cancellation);

    public Task<StoreAnswer<LeaseOutcome>> RenewSiloAsync(SiloLease lease, CancellationToken cancellation) => session.RunAsync(
        work => work.Execute("silo-renew", ("$silo", lease.Silo), ("$epoch", lease.Epoch), ("$expires", Expiry(work))) > 0 ? LeaseOutcome.Renewed
            : work.Exists("silo-newer", ("$silo", lease.Silo), ("$epoch", lease.Epoch)) ? LeaseOutcome.Superseded
            : LeaseOutcome.Expired,
        writes: true,
        cancellation);

    public Task<StoreAnswer<int>> RetireSiloAsync(SiloLease lease, CancellationToken cancellation) => WriteAsync(
        work =>
        {
            work.Execute("silo-retire", ("$silo", lease.Silo), ("$epoch", lease.Epoch));
            return ReleaseOthers(work, lease, [], []);
        },
        cancellation);

    public Task<StoreAnswer<int>> ReleaseOthersAsync(SiloLease lease, IReadOnlyCollection<JobClaim> keptJobs, IReadOnlyCollection<FunctionClaim> keptFunctions, CancellationToken cancellation) =>
        WriteAsync(work => ReleaseOthers(work, lease, [.. keptJobs], [.. keptFunctions]), cancellation);

    public Task<StoreAnswer<IReadOnlyList<SiloRecord>>> ListSilosAsync(CancellationToken cancellation) =>
        session.RunAsync<IReadOnlyList<SiloRecord>>(work => work.Query("silos-list", row => SqliteRows.Silo(row, work.Now)), writes: false, cancellation);

    public async Task<StoreAnswer<RescueCount>> RescueAsync(CancellationToken cancellation)
    {
        var answer = await session.RunAsync(Rescue, writes: true, cancellation);
        if (answer.TryGet(out var count) && count.Jobs + count.Functions + count.Exhausted > 0)
        {
            signal.Raise();
        }

        return answer;
    }

    public Task<StoreAnswer<LostClaims>> FindLostAsync(IReadOnlyCollection<JobClaim> jobs, IReadOnlyCollection<FunctionClaim> functions, CancellationToken cancellation) => session.RunAsync(
        work => new LostClaims([.. jobs.Where(claim => Fence(work, claim) is not { Held: true })], [.. functions.Where(claim => Fence(work, claim) is not { Held: true })]),
        writes: false,
        cancellation);

    private long Expiry(SqliteWork work) => work.Now + (long)options.Lease.TotalMilliseconds;

    private static bool IsValid(SqliteWork work, SiloLease lease) => work.Exists("silo-valid", ("$silo", lease.Silo), ("$epoch", lease.Epoch), ("$now", work.Now));

    private static int ReleaseOthers(SqliteWork work, SiloLease lease, HashSet<JobClaim> keptJobs, HashSet<FunctionClaim> keptFunctions)
    {
        var functions = work.Query("functions-of-silo", row => new FunctionClaim(row.GetString(0), row.GetInt32(1), row.GetInt32(2), lease), ("$silo", lease.Silo), ("$epoch", lease.Epoch));
        var jobs = work.Query("jobs-of-silo", row => new JobClaim(row.GetString(0), StepOf((JobState)row.GetInt32(1)), row.GetInt32(2), lease), ("$silo", lease.Silo), ("$epoch", lease.Epoch));
        return functions.Except(keptFunctions).Sum(claim => Release(work, claim)) + jobs.Except(keptJobs).Sum(claim => Release(work, claim));
    }

    private static JobStep StepOf(JobState state) => state == JobState.Planning ? JobStep.Plan : JobStep.Link;

    /// <summary>Deletes leases that ran out, and takes away what is claimed under leases that are not there any more.</summary>
    private static RescueCount Rescue(SqliteWork work)
    {
        var count = new RescueCount(work.Execute("silos-expire", ("$now", work.Now)), 0, 0, 0);
        var died = $"the silos that worked on it died {JobLimits.MaxRescues} times";
        foreach (var (job, function, rescues) in work.Query("functions-orphaned", row => (row.GetString(0), row.GetInt32(1), row.GetInt32(2))))
        {
            var exhausted = rescues + 1 >= JobLimits.MaxRescues;
            work.Execute("function-rescue", ("$job", job), ("$function", function), ("$exhausted", exhausted ? 1 : 0), ("$now", work.Now), ("$kind", WorkError.SiloDied), ("$error", died));
            Count(work, job, available: exhausted ? 0 : 1, running: -1, failed: exhausted ? 1 : 0);
            count = exhausted ? count with { Exhausted = count.Exhausted + 1 } : count with { Functions = count.Functions + 1 };
        }

        foreach (var (job, rescues) in work.Query("jobs-orphaned", row => (row.GetString(0), row.GetInt32(1))))
        {
            var exhausted = rescues + 1 >= JobLimits.MaxRescues;
            work.Execute("job-rescue", ("$job", job), ("$exhausted", exhausted ? 1 : 0), ("$now", work.Now), ("$kind", WorkError.SiloDied), ("$error", died));
            count = exhausted ? count with { Exhausted = count.Exhausted + 1 } : count with { Jobs = count.Jobs + 1 };
        }

        return count;
    }
}
