namespace Mewe.Store.Tests.Jobs;

/// <summary>What README.md says of jobs, as simply as possible: everything in memory, one call at a time. A store has to give the same answers.</summary>
internal sealed class JobModel
{
    public enum Ended
    {
        InForce,
        Written,
        Failed,
        Otherwise,
    }

    public abstract class Work
    {
        public int Attempt, Failures, Rescues;
        public SiloLease? Silo;
        public Ended Ended = Ended.Otherwise;
        public TimeSpan NotBefore;

        public bool Carries(SiloLease silo, int attempt) => Silo == silo && Attempt == attempt;
    }

    public sealed class Function : Work
    {
        public required int Index;
        public required long Cost;
        public FunctionState State = FunctionState.Available;
        public int Variants;
        public string? Content;
    }

    public sealed class Job : Work
    {
        public required string Id;
        public required int Priority, Weight, MaxAttempts;
        public JobState State = JobState.Queued;
        public bool Planned;
        public readonly SortedDictionary<int, Function> Functions = [];

        public int Count(params FunctionState[] states) => Functions.Values.Count(function => states.Contains(function.State));
    }

    public readonly SortedDictionary<string, Job> Jobs = new(StringComparer.Ordinal);
    public readonly SortedDictionary<string, (SiloLease Lease, TimeSpan Expires)> Silos = new(StringComparer.Ordinal);
    public TimeSpan Now;

    public bool Valid(SiloLease silo) => Silos.TryGetValue(silo.Silo, out var row) && row.Lease == silo && row.Expires > Now;

    public void Register(SiloLease lease)
    {
        Silos[lease.Silo] = (lease, Now + JobLimits.Lease);
        Rescue();
    }

    public LeaseOutcome Renew(SiloLease lease)
    {
        if (!Silos.TryGetValue(lease.Silo, out var row) || row.Lease.Epoch < lease.Epoch)
        {
            return LeaseOutcome.Expired;
        }

        if (row.Lease != lease)
        {
            return LeaseOutcome.Superseded;
        }

        Silos[lease.Silo] = (lease, Now + JobLimits.Lease);
        return LeaseOutcome.Renewed;
    }

    public int Retire(SiloLease lease)
    {
        if (Silos.TryGetValue(lease.Silo, out var row) && row.Lease == lease)
        {
            Silos.Remove(lease.Silo);
        }

        return ReleaseOthers(lease, [], []);
    }

    public int ReleaseOthers(SiloLease lease, IReadOnlyCollection<JobClaim> jobs, IReadOnlyCollection<FunctionClaim> functions) =>
        Jobs.Values.Where(job => job.Ended == Ended.InForce && job.Silo == lease).Select(ClaimOf).Except(jobs).ToList().Count(Release)
        + Jobs.Values.SelectMany(job => job.Functions.Values.Where(function => function.Ended == Ended.InForce && function.Silo == lease).Select(function => ClaimOf(job, function)))
            .Except(functions).ToList().Count(Release);

    public RescueCount Rescue()
    {
        var dead = Silos.Where(silo => silo.Value.Expires <= Now).Select(silo => silo.Key).ToList();
        dead.ForEach(silo => Silos.Remove(silo));
        var count = new RescueCount(dead.Count, 0, 0, 0);
        foreach (var job in Jobs.Values)
        {
            foreach (var function in job.Functions.Values.Where(Orphaned))
            {
                function.Ended = Ended.Otherwise;
                function.NotBefore = default;
                var exhausted = ++function.Rescues >= JobLimits.MaxRescues;
                function.State = exhausted ? FunctionState.Failed : FunctionState.Available;
                count = exhausted ? count with { Exhausted = count.Exhausted + 1 } : count with { Functions = count.Functions + 1 };
            }

            if (Orphaned(job))
            {
                job.Ended = Ended.Otherwise;
                job.NotBefore = default;
                var exhausted = ++job.Rescues >= JobLimits.MaxRescues;
                job.State = exhausted ? JobState.Failed : Before(job.State);
                count = exhausted ? count with { Exhausted = count.Exhausted + 1 } : count with { Jobs = count.Jobs + 1 };
            }
        }

        return count;

        bool Orphaned(Work work) => work.Ended == Ended.InForce && !(Silos.TryGetValue(work.Silo!.Silo, out var row) && row.Lease == work.Silo);
    }

    public List<JobClaim> ClaimJobs(SiloLease silo, int count, string? only)
    {
        if (!Valid(silo))
        {
            return [];
        }

        var claimed = Jobs.Values
            .Where(job => job.NotBefore <= Now && (only is null || job.Id == only)
                && (job.State == JobState.Queued || job.State == JobState.Running && job.Count(FunctionState.Available, FunctionState.Running) == 0))
            .OrderByDescending(job => job.Priority).ThenByDescending(job => job.State).ThenBy(job => job.Id, StringComparer.Ordinal).Take(count).ToList();
        foreach (var job in claimed)
        {
            job.State = job.State == JobState.Queued ? JobState.Planning : JobState.Linking;
            (job.Silo, job.Ended, job.Attempt) = (silo, Ended.InForce, job.Attempt + 1);
        }

        return [.. claimed.Select(ClaimOf)];
    }

    public List<FunctionClaim> ClaimFunctions(SiloLease silo, int count, string? only)
    {
        var claimed = new List<FunctionClaim>();
        while (claimed.Count < count && Valid(silo))
        {
            var next = Jobs.Values.Where(job => job.State == JobState.Running && (only is null || job.Id == only))
                .OrderByDescending(job => job.Priority).ThenBy(job => (job.Count(FunctionState.Running) + 1) / (double)job.Weight).ThenBy(job => job.Id, StringComparer.Ordinal)
                .Select(job => (Job: job, Function: job.Functions.Values.Where(function => function.State == FunctionState.Available && function.NotBefore <= Now)
                    .OrderByDescending(function => function.Cost).ThenBy(function => function.Index).FirstOrDefault()))
                .FirstOrDefault(pair => pair.Function is not null);
            if (next.Function is not { } function)
            {
                break;
            }

            (function.State, function.Silo, function.Ended, function.Attempt) = (FunctionState.Running, silo, Ended.InForce, function.Attempt + 1);
            claimed.Add(ClaimOf(next.Job, function));
        }

        return claimed;
    }

    public WriteOutcome Planned(JobClaim claim, IEnumerable<NewFunction> functions)
    {
        var job = Jobs[claim.Job];
        var outcome = Fence(job, claim.Silo, claim.Attempt, Ended.Written);
        if (outcome != WriteOutcome.Written)
        {
            return outcome;
        }

        (job.State, job.Ended, job.Planned, job.Failures, job.Rescues, job.NotBefore) = (JobState.Running, Ended.Written, true, 0, 0, default);
        foreach (var function in functions)
        {
            job.Functions.Add(function.Index, new Function { Index = function.Index, Cost = function.Cost });
        }

        return outcome;
    }

    public WriteOutcome Linked(JobClaim claim)
    {
        var job = Jobs[claim.Job];
        var outcome = Fence(job, claim.Silo, claim.Attempt, Ended.Written);
        if (outcome != WriteOutcome.Written)
        {
            return outcome;
        }

        (job.State, job.Ended) = (JobState.Completed, Ended.Written);
        return outcome;
    }

    public WriteOutcome FailJob(JobClaim claim, bool retry)
    {
        var job = Jobs[claim.Job];
        var outcome = Fence(job, claim.Silo, claim.Attempt, Ended.Failed);
        if (outcome != WriteOutcome.Written)
        {
            return outcome;
        }

        (job.Ended, job.Failures) = (Ended.Failed, job.Failures + 1);
        var final = !retry || job.Failures >= job.MaxAttempts;
        (job.State, job.NotBefore) = final ? (JobState.Failed, default) : (Before(job.State), Now + JobLimits.BackOff(job.Failures));
        return outcome;
    }

    public WriteOutcome Complete(FunctionClaim claim, int variants, string content)
    {
        var function = Jobs[claim.Job].Functions[claim.Function];
        var outcome = Fence(function, claim.Silo, claim.Attempt, Ended.Written);
        if (outcome != WriteOutcome.Written)
        {
            return outcome;
        }

        (function.State, function.Ended, function.Variants, function.Content) = (FunctionState.Done, Ended.Written, variants, content);
        return outcome;
    }

    public WriteOutcome FailFunction(FunctionClaim claim, bool retry)
    {
        var (job, function) = (Jobs[claim.Job], Jobs[claim.Job].Functions[claim.Function]);
        var outcome = Fence(function, claim.Silo, claim.Attempt, Ended.Failed);
        if (outcome != WriteOutcome.Written)
        {
            return outcome;
        }

        (function.Ended, function.Failures) = (Ended.Failed, function.Failures + 1);
        var final = !retry || function.Failures >= job.MaxAttempts;
        (function.State, function.NotBefore) = final ? (FunctionState.Failed, default) : (FunctionState.Available, Now + JobLimits.BackOff(function.Failures));
        return outcome;
    }

    public bool Release(JobClaim claim)
    {
        var job = Jobs[claim.Job];
        if (!Holds(claim))
        {
            return false;
        }

        (job.State, job.Ended) = (Before(job.State), Ended.Otherwise);
        return true;
    }

    public bool Release(FunctionClaim claim)
    {
        var function = Jobs[claim.Job].Functions[claim.Function];
        if (!Holds(claim))
        {
            return false;
        }

        (function.State, function.Ended, function.NotBefore) = (FunctionState.Available, Ended.Otherwise, default);
        return true;
    }

    public bool Holds(JobClaim claim) => Jobs[claim.Job] is { Ended: Ended.InForce } job && job.Carries(claim.Silo, claim.Attempt);

    public bool Holds(FunctionClaim claim) => Jobs[claim.Job].Functions[claim.Function] is { Ended: Ended.InForce } function && function.Carries(claim.Silo, claim.Attempt);

    public void Cancel(string id)
    {
        var job = Jobs[id];
        if (job.State.IsTerminal())
        {
            return;
        }

        (job.State, job.Ended) = (JobState.Cancelled, Over(job));
        foreach (var function in job.Functions.Values.Where(function => !function.State.IsTerminal()))
        {
            (function.State, function.Ended) = (FunctionState.Cancelled, Over(function));
        }

        static Ended Over(Work work) => work.Ended == Ended.InForce ? Ended.Otherwise : work.Ended;
    }

    public void Retry(string id)
    {
        var job = Jobs[id];
        if (job.State is not (JobState.Failed or JobState.Cancelled) && !(job.State == JobState.Completed && job.Count(FunctionState.Failed) > 0))
        {
            return;
        }

        (job.State, job.Failures, job.Rescues, job.NotBefore) = (job.Planned ? JobState.Running : JobState.Queued, 0, 0, default);
        foreach (var function in job.Functions.Values.Where(function => function.State is FunctionState.Failed or FunctionState.Cancelled))
        {
            (function.State, function.Failures, function.Rescues, function.NotBefore) = (FunctionState.Available, 0, 0, default);
        }
    }

    private static WriteOutcome Fence(Work work, SiloLease silo, int attempt, Ended ended) =>
        !work.Carries(silo, attempt) ? WriteOutcome.Lost : work.Ended == Ended.InForce ? WriteOutcome.Written : work.Ended == ended ? WriteOutcome.AlreadyWritten : WriteOutcome.Lost;

    private static JobState Before(JobState state) => state == JobState.Planning ? JobState.Queued : JobState.Running;

    private static JobClaim ClaimOf(Job job) => new(job.Id, job.State == JobState.Planning ? JobStep.Plan : JobStep.Link, job.Attempt, job.Silo!);

    private static FunctionClaim ClaimOf(Job job, Function function) => new(job.Id, function.Index, function.Attempt, function.Silo!);
}
