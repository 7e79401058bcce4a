using System.Diagnostics;
using Mewe.Store;

namespace Mewe.Grains;

/// <summary>
/// A silo's lease, and what it works on under it, whoever decides what that is: registers the silo, renews its lease, rescues what dead silos had, stops work whose claim is lost, and gives everything back at the end.
/// </summary>
/// <remarks>
/// <para>Loops, each of which survives a store that fails for a while: <i>renew</i> (a lease that expired means that all work is somebody else's: it is dropped, and the silo registers again), <i>rescue</i>, and <i>lost</i>
/// (also on signals, so that cancelling takes a moment).</para>
/// <para>No local clock decides about leases: a silo that cannot reach the store works on, since whatever it writes in the end is fenced.</para>
/// </remarks>
public sealed class SiloWork(GrainHost host, SchedulerOptions options)
{
    /// <summary>How long one waits for work that was told to stop.</summary>
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(3);

    /// <summary>Functions that take less, on average, are claimed <see cref="AheadPerWorker"/> at a time for each worker.</summary>
    private static readonly TimeSpan Brief = TimeSpan.FromMilliseconds(40);

    private const int AheadPerWorker = 4;

    private readonly Lock gate = new();
    private readonly Queue<Kept> ahead = new();
    private TimeSpan typical = TimeSpan.FromSeconds(1);
    private readonly Dictionary<JobClaim, Active> steps = [];
    private readonly Dictionary<FunctionClaim, Active> functions = [];
    private TaskCompletionSource freed = New();
    private SiloLease? lease;
    private int lostAnswer;

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

    /// <summary>Raised where a living silo of another scheduler is in the way.</summary>
    public event Action<SiloRecord>? Refused;

    /// <summary>Keeps the lease until it is told to stop; then it releases what it has.</summary>
    /// <param name="schedule">Starts work, from when the silo is registered until its token says to end.</param>
    public async Task<SchedulerEnd> RunAsync(Func<CancellationToken, Task> schedule, CancellationToken stopping)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        try
        {
            if (!await RegisterAsync(ending.Token))
            {
                return SchedulerEnd.Refused;
            }

            List<Task> loops = [RenewAsync(ending.Token), RescueAsync(ending.Token), DropLostAsync(ending.Token), schedule(ending.Token)];
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

    /// <summary>Notes that a claim may have happened whose answer did not arrive.</summary>
    public void NoteLostAnswer() => Volatile.Write(ref lostAnswer, 1);

    /// <summary>Claims whose answer did not arrive may have happened. Nobody works on them, so they are given back. To be called with no claim under way.</summary>
    /// <returns>Whether the store knows.</returns>
    public async Task<bool> ReleaseUnknownAsync(CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref lostAnswer) == 0)
        {
            return true;
        }

        var (jobs, claimed) = Held();
        if (!(await host.Store.ReleaseOthersAsync(Lease!, jobs, claimed, cancellationToken)).TryGet(out _))
        {
            return false;
        }

        Volatile.Write(ref lostAnswer, 0);
        return true;
    }

    /// <summary>Has a job planned or linked.</summary>
    /// <returns>How it ended.</returns>
    public Task<StepStatus> Start(ClaimedJob job)
    {
        StepGrain<ClaimedJob> grain = job.Claim.Step == JobStep.Plan ? new JobGrain(job.Claim.Job, host) : new LinkerGrain(job.Claim.Job, host);
        return Start(steps, job.Claim, grain, job);
    }

    /// <summary>Has a function worked on.</summary>
    /// <returns>How it ended.</returns>
    public Task<StepStatus> Start(ClaimedFunction function) => Start(functions, function.Claim, new FunctionGrain(function.Claim.Job, function.Claim.Function, host), function);

    /// <summary>Has a function worked on as soon as a worker is free, which may be so by now.</summary>
    /// <returns>How it ended; stopped, where its claim was lost meanwhile.</returns>
    public Task<StepStatus> Keep(ClaimedFunction function)
    {
        var kept = new Kept(function);
        lock (gate)
        {
            ahead.Enqueue(kept);
        }

        StartKept();
        return kept.Ended.Task;
    }

    /// <summary>How many functions to claim ahead of workers: where functions are brief the store's answers would take as long as the work.</summary>
    public int Reserve()
    {
        lock (gate)
        {
            return typical < Brief ? Math.Max(0, (AheadPerWorker * host.Workers) - ahead.Count) : 0;
        }
    }

    /// <summary>How many workers are free (guests make it negative), and what tells when that may have changed.</summary>
    public (int Free, Task Changed) Free()
    {
        lock (gate)
        {
            return (FreeCount, freed.Task);
        }
    }

    /// <summary>How many functions of each job are worked on.</summary>
    public Dictionary<string, int> Served()
    {
        lock (gate)
        {
            return functions.Keys.CountBy(claim => claim.Job).ToDictionary();
        }
    }

    /// <summary>Tells the work on a step to stop, if there is any.</summary>
    /// <param name="function">Null for planning or linking.</param>
    public void Stop(string job, int? function)
    {
        lock (gate)
        {
            foreach (var active in function is { } index ? functions.Where(pair => pair.Key.Job == job && pair.Key.Function == index).Select(pair => pair.Value) : steps.Where(pair => pair.Key.Job == job).Select(pair => pair.Value))
            {
                active.Stop();
            }
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task<bool> RegisterAsync(CancellationToken cancellationToken)
    {
        var silo = new NewSilo(options.Silo, host.Workers, BuildIdentity.Text, options.Scheduler);
        var registered = await host.AskAsync(token => host.Store.RegisterSiloAsync(silo, token), cancellationToken);
        if (registered.Lease is not { } found)
        {
            Refused?.Invoke(registered.Other!);
            return false;
        }

        Volatile.Write(ref lease, found);
        Registered?.Invoke(found);
        return true;
    }

    /// <returns>Why the silo must end: another process has its name, or its place was taken by silos of another scheduler; otherwise it does not end by itself.</returns>
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

            if (!await RegisterAsync(cancellationToken))
            {
                return SchedulerEnd.Refused;
            }
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
            var (jobs, claimed) = Held();
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
                    var kept = ahead.ToLookup(function => lost.Functions.Contains(function.Claimed.Claim));
                    ahead.Clear();
                    foreach (var function in kept[true])
                    {
                        function.Ended.TrySetResult(StepStatus.Lost);
                    }

                    foreach (var function in kept[false])
                    {
                        ahead.Enqueue(function);
                    }
                }
            }
        }
    }

    /// <summary>All claims that the silo knows of.</summary>
    private (List<JobClaim> Jobs, List<FunctionClaim> Functions) Held()
    {
        lock (gate)
        {
            return ([.. steps.Keys], [.. functions.Keys, .. ahead.Select(function => function.Claimed.Claim)]);
        }
    }

    private Task<StepStatus> Start<TKey, TClaim>(Dictionary<TKey, Active> among, TKey key, StepGrain<TClaim> grain, TClaim claim)
        where TKey : notnull
        where TClaim : class
    {
        var active = new Active(grain.Stop);
        lock (gate)
        {
            among.Add(key, active);
        }

        grain.Begin(claim);
        var ended = ObserveAsync();
        active.Ended = ended;
        return ended;

        async Task<StepStatus> ObserveAsync()
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
            await ((Task)grain.Ended).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            lock (gate)
            {
                among.Remove(key);
            }

            SignalFree();
            return grain.Ended.IsCompletedSuccessfully ? await grain.Ended.ConfigureAwait(false) : StepStatus.Stopped;
        }
    }

    private void StartKept()
    {
        Kept? next;
        lock (gate)
        {
            if (FreeCount <= 0 || !ahead.TryDequeue(out next))
            {
                return;
            }
        }

        _ = ForwardAsync(next, Start(next.Claimed));

        static async Task ForwardAsync(Kept kept, Task<StepStatus> started) => kept.Ended.TrySetResult(await started.ConfigureAwait(false));
    }

    private int FreeCount => host.Workers - steps.Values.Concat(functions.Values).Count(active => active.Computes);

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
            foreach (var kept in ahead)
            {
                kept.Ended.TrySetResult(StepStatus.Stopped);
            }

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

    /// <summary>A function that is claimed for the next worker that is free.</summary>
    private sealed record Kept(ClaimedFunction Claimed)
    {
        public TaskCompletionSource<StepStatus> Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
