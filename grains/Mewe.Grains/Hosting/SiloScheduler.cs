using System.Diagnostics;
using Mewe.Store;

namespace Mewe.Grains;

/// <summary>What a scheduler is to do.</summary>
/// <param name="Silo">The silo's name. A process that registers the same name takes its place.</param>
public sealed record SchedulerOptions(string Silo)
{
    /// <summary>Only this job (a local run); null for all.</summary>
    public string? OnlyJob { get; init; }

    /// <summary>How often the lease is renewed.</summary>
    public TimeSpan Renewal { get; init; } = JobLimits.Renewal;

    /// <summary>How often one looks for dead silos, for lost claims, and for work that nobody signalled.</summary>
    public TimeSpan Poll { get; init; } = JobLimits.Poll;
}

/// <summary>Why a scheduler ended.</summary>
public enum SchedulerEnd
{
    /// <summary>It was asked to: its claims are released.</summary>
    Drained,

    /// <summary>Another process registered the silo's name.</summary>
    Superseded,
}

/// <summary>
/// Activates grains on one silo by leases in the store: registers the silo, renews its lease, rescues what dead silos had, claims steps and functions for free workers, and stops work whose claim is lost.
/// </summary>
/// <remarks>
/// <para>Loops, each of which survives a store that fails for a while: <i>renew</i> (a lease that expired means that all work is somebody else's: it is dropped, and the silo registers again), <i>rescue</i>, <i>lost</i>
/// (also on signals, so that cancelling takes a moment), and <i>claim</i>.</para>
/// <para>Claiming never asks for more than there are free workers: what one silo keeps waiting another could do. Steps of jobs and functions take turns in going first, so that neither a long queue of jobs to plan nor
/// a job with many functions keeps the other from its turn.</para>
/// <para>Where functions are brief (<see cref="Brief"/>) the store's answers would take as long as the work, so a few are claimed ahead, for workers that become free; they amount to a fraction of a second.</para>
/// <para>Functions can take minutes, and nothing interrupts them. So that a job which comes when all workers are taken need not wait for one of them, it is let in as a <i>guest</i>: beside the workers, up to as many
/// again, while it has less than its share. The processors are then shared by the operating system.</para>
/// <para>No local clock decides about leases: a silo that cannot reach the store works on, since whatever it writes in the end is fenced.</para>
/// </remarks>
public sealed partial class SiloScheduler(GrainHost host, SchedulerOptions options)
{
    /// <summary>How long one waits for work that was told to stop.</summary>
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(3);

    /// <summary>Functions that take less, on average, are claimed <see cref="AheadPerWorker"/> at a time for each worker.</summary>
    private static readonly TimeSpan Brief = TimeSpan.FromMilliseconds(40);

    private const int AheadPerWorker = 4;

    private readonly Lock gate = new();
    private readonly Queue<ClaimedFunction> ahead = new();
    private TimeSpan typical = TimeSpan.FromSeconds(1);
    private readonly Dictionary<JobClaim, Active> steps = [];
    private readonly Dictionary<FunctionClaim, Active> functions = [];
    private TaskCompletionSource freed = New();
    private SiloLease? lease;
    private bool stepsFirst = true;
    private bool lostAnswer;

    /// <summary>The incarnation under which it claims; null until it is registered.</summary>
    public SiloLease? Lease => Volatile.Read(ref lease);

    /// <summary>Steps and functions that are worked on.</summary>
    public int ActiveCount
    {
        get
        {
            lock (gate)
            {
                return steps.Count + functions.Count;
            }
        }
    }

    /// <summary>Raised when the silo has a lease for the first time, or again.</summary>
    public event Action<SiloLease>? Registered;

    /// <summary>Raised when a lease was lost and all work was dropped.</summary>
    public event Action<SiloLease>? LeaseLost;

    /// <summary>Works until it is told to stop; then it releases what it has.</summary>
    public async Task<SchedulerEnd> RunAsync(CancellationToken stopping)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        try
        {
            await RegisterAsync(ending.Token);
            List<Task> loops = [RenewAsync(ending.Token), RescueAsync(ending.Token), DropLostAsync(ending.Token), ClaimAsync(ending.Token)];
            var first = await Task.WhenAny(loops);
            await ending.CancelAsync();
            try
            {
                await Task.WhenAll(loops);
            }
            catch (OperationCanceledException)
            {
                // That is how loops end.
            }

            return first is Task<SchedulerEnd> { IsCompletedSuccessfully: true } renewed ? renewed.Result : SchedulerEnd.Drained;
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return SchedulerEnd.Drained;
        }
        finally
        {
            await ending.CancelAsync();
            await RetireAsync();
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task RegisterAsync(CancellationToken cancellationToken)
    {
        var registered = await host.AskAsync(token => host.Store.RegisterSiloAsync(options.Silo, host.Workers, BuildIdentity.Text, token), cancellationToken);
        Volatile.Write(ref lease, registered);
        Registered?.Invoke(registered);
    }

    /// <returns>That another process has the silo's name; otherwise it does not end by itself.</returns>
    private async Task<SchedulerEnd> RenewAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(options.Renewal, host.Time);
        while (await timer.WaitForNextTickAsync(cancellationToken))
        {
            var current = Lease!;
            var answer = await host.Store.RenewSiloAsync(current, cancellationToken);
            if (!answer.TryGet(out var outcome) || outcome == LeaseOutcome.Renewed)
            {
                continue;
            }

            MeweTelemetry.LeaseLosses.Add(1);
            LeaseLost?.Invoke(current);
            StopAll();
            if (outcome == LeaseOutcome.Superseded)
            {
                return SchedulerEnd.Superseded;
            }

            await RegisterAsync(cancellationToken);
        }

        return SchedulerEnd.Drained;
    }

    private async Task RescueAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(options.Poll, host.Time);
        while (await timer.WaitForNextTickAsync(cancellationToken))
        {
            await host.Store.RescueAsync(cancellationToken);
        }
    }

    private async Task DropLostAsync(CancellationToken cancellationToken)
    {
        for (var seen = host.Store.Signals; ; seen = await host.Store.WaitForSignalAsync(seen, options.Poll, cancellationToken))
        {
            List<JobClaim> jobs;
            List<FunctionClaim> claimed;
            lock (gate)
            {
                (jobs, claimed) = Held();
            }

            if (jobs.Count + claimed.Count == 0 || !(await host.Store.FindLostAsync(jobs, claimed, cancellationToken)).TryGet(out var lost))
            {
                continue;
            }

            lock (gate)
            {
                foreach (var claim in lost.Jobs)
                {
                    steps.GetValueOrDefault(claim)?.Stop();
                }

                foreach (var claim in lost.Functions)
                {
                    functions.GetValueOrDefault(claim)?.Stop();
                }

                if (ahead.Count > 0 && lost.Functions.Count > 0)
                {
                    var kept = ahead.Where(function => !lost.Functions.Contains(function.Claim)).ToList();
                    ahead.Clear();
                    kept.ForEach(ahead.Enqueue);
                }
            }
        }
    }

    private async Task ClaimAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var seen = host.Store.Signals;
            var (free, slot) = Free();
            var claimed = 0;
            if (free > 0)
            {
                (claimed, var failed) = await ClaimOnceAsync(free, cancellationToken);
                if (failed)
                {
                    lostAnswer = true;
                    await Task.Delay(options.Poll, host.Time, cancellationToken);
                    continue;
                }
            }
            else if (options.OnlyJob is null && host.Workers + free > 0 && await ClaimGuestAsync(cancellationToken))
            {
                continue;
            }

            if (claimed < free || (free <= 0 && options.OnlyJob is null))
            {
                // There is nothing more to have: until somebody says otherwise, or a step of one's own ends, after which its job may need the next.
                using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                var signal = host.Store.WaitForSignalAsync(seen, options.Poll, waiting.Token);
                await Task.WhenAny(signal, slot);
                await waiting.CancelAsync();
                await signal.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            }
            else if (free <= 0)
            {
                await slot.WaitAsync(cancellationToken);
            }
        }
    }

    private async Task<(int Claimed, bool Failed)> ClaimOnceAsync(int free, CancellationToken cancellationToken)
    {
        var (claimed, current) = (0, Lease!);
        if (lostAnswer && !await ReleaseUnknownAsync(current, cancellationToken))
        {
            return (0, true);
        }

        var started = Stopwatch.GetTimestamp();
        for (var turn = 0; turn < 2 && claimed < free; turn++)
        {
            var count = Math.Min(free - claimed, JobLimits.LargestClaim);
            if (stepsFirst == (turn == 0))
            {
                if (!(await host.Store.ClaimJobsAsync(current, count, options.OnlyJob, cancellationToken)).TryGet(out var jobs))
                {
                    return (claimed, true);
                }

                foreach (var job in jobs)
                {
                    Start(job);
                }

                claimed += jobs.Count;
            }
            else
            {
                count = Math.Min(count + Reserve(), JobLimits.LargestClaim);
                if (!(await host.Store.ClaimFunctionsAsync(current, count, options.OnlyJob, cancellationToken)).TryGet(out var found))
                {
                    return (claimed, true);
                }

                foreach (var function in found.Take(free - claimed))
                {
                    Start(function);
                }

                foreach (var function in found.Skip(free - claimed))
                {
                    Keep(function);
                }

                claimed = Math.Min(free, claimed + found.Count);
            }
        }

        stepsFirst = !stepsFirst;
        if (claimed > 0)
        {
            MeweTelemetry.ClaimLatency.Record(Stopwatch.GetElapsedTime(started).TotalSeconds);
        }

        return (claimed, false);
    }

    /// <summary>All claims that the silo knows of.</summary>
    private (List<JobClaim> Jobs, List<FunctionClaim> Functions) Held() => ([.. steps.Keys], [.. functions.Keys, .. ahead.Select(function => function.Claim)]);

    /// <summary>Claims whose answer did not arrive may have happened. Nobody works on them, so they are given back.</summary>
    /// <returns>Whether the store knows.</returns>
    private async Task<bool> ReleaseUnknownAsync(SiloLease current, CancellationToken cancellationToken)
    {
        List<JobClaim> jobs;
        List<FunctionClaim> claimed;
        lock (gate)
        {
            (jobs, claimed) = Held();
        }

        lostAnswer = !(await host.Store.ReleaseOthersAsync(current, jobs, claimed, cancellationToken)).TryGet(out _);
        return !lostAnswer;
    }

    private void Start(ClaimedJob job)
    {
        StepGrain<ClaimedJob> grain = job.Claim.Step == JobStep.Plan ? new JobGrain(job.Claim.Job, host) : new LinkerGrain(job.Claim.Job, host);
        Start(steps, job.Claim, new Active(grain.Stop), grain, job);
    }

    private void Start(ClaimedFunction function)
    {
        var grain = new FunctionGrain(function.Claim.Job, function.Claim.Function, host);
        Start(functions, function.Claim, new Active(grain.Stop), grain, function);
    }

    private void Start<TKey, TClaim>(Dictionary<TKey, Active> among, TKey key, Active active, StepGrain<TClaim> grain, TClaim claim)
        where TKey : notnull
        where TClaim : class
    {
        lock (gate)
        {
            among.Add(key, active);
        }

        grain.Begin(claim);
        active.Ended = ObserveAsync();

        async Task ObserveAsync()
        {
            var started = Stopwatch.GetTimestamp();
            await grain.Computed.ConfigureAwait(false);
            lock (gate)
            {
                active.Computes = false;
                typical = typeof(TClaim) == typeof(ClaimedFunction) ? (0.8 * typical) + (0.2 * Stopwatch.GetElapsedTime(started)) : typical;
            }

            StartKept();
            SignalFree();
            await grain.Ended.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default).ConfigureAwait(false);
            lock (gate)
            {
                among.Remove(key);
            }

            SignalFree();
        }
    }

    /// <summary>How many functions to claim ahead.</summary>
    private int Reserve()
    {
        lock (gate)
        {
            return typical < Brief ? Math.Max(0, (AheadPerWorker * host.Workers) - ahead.Count) : 0;
        }
    }

    /// <summary>Keeps a function for the next worker that is free, which may be so by now.</summary>
    private void Keep(ClaimedFunction function)
    {
        lock (gate)
        {
            ahead.Enqueue(function);
        }

        StartKept();
    }

    private void StartKept()
    {
        ClaimedFunction? next;
        lock (gate)
        {
            if (FreeCount <= 0 || !ahead.TryDequeue(out next))
            {
                return;
            }
        }

        Start(next);
    }

    private int FreeCount => host.Workers - steps.Values.Concat(functions.Values).Count(active => active.Computes);

    /// <summary>How many workers are free (guests make it negative), and what tells when that may have changed.</summary>
    private (int Free, Task Changed) Free()
    {
        lock (gate)
        {
            return (FreeCount, freed.Task);
        }
    }

    private void SignalFree()
    {
        lock (gate)
        {
            freed.TrySetResult();
            freed = New();
        }
    }

    private void StopAll()
    {
        lock (gate)
        {
            ahead.Clear();
            foreach (var active in steps.Values.Concat(functions.Values))
            {
                active.Stop();
            }
        }
    }

    /// <summary>Stops all work and gives the claims back. What was being written may still be written: the store takes it or not.</summary>
    private async Task RetireAsync()
    {
        StopAll();
        Task[] ending;
        lock (gate)
        {
            ending = [.. steps.Values.Concat(functions.Values).Select(active => active.Ended)];
        }

        // Who ends the process next takes the engines away; steps notice within moments that they are to stop.
        await Task.WhenAny(Task.WhenAll(ending), Task.Delay(StopPatience, host.Time));
        if (Lease is { } current)
        {
            // A store that does not answer now finds out by itself, when the lease runs out.
            await host.Store.RetireSiloAsync(current, CancellationToken.None);
        }
    }

    private sealed class Active(Action stop)
    {
        /// <summary>True while it needs a worker.</summary>
        public bool Computes { get; set; } = true;

        /// <summary>Ends with the work.</summary>
        public Task Ended { get; set; } = Task.CompletedTask;

        public void Stop() => stop();
    }
}
