using Mewe.Grains;
using Mewe.Silo.Orleans.Placement;
using Mewe.Store;
using Orleans;
using Orleans.Concurrency;
using Orleans.Runtime;
using Mewe.Silo.Orleans.Cluster;

namespace Mewe.Silo.Orleans.Grains;

/// <summary>
/// Drives a job: has it planned on its own silo, hands its functions to the silos of the cluster, a window at a time, and has it linked. README.md has the protocol. It keeps nothing that the store does not have: what it
/// remembers is what it sent and has not heard of, and forgetting that costs a second.
/// </summary>
/// <remarks>Calls interleave (a call to a silo that just died can take seconds, and nothing else is to wait for it); between two awaits only one runs.</remarks>
[GrainType("job"), ScatteredPlacement, KeepAlive, Reentrant]
internal sealed class JobActivation(SiloHere here, IJobStore store, ClusterView cluster, ClusterLoads loads, TimeProvider time, ILogger<JobActivation> logger) : Grain, IJobGrain, IRemindable
{
    private const string ReminderName = "job";

    /// <summary>How often it looks at the store without being told; and after how long it asks after a step of which it heard nothing.</summary>
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(1), Silence = TimeSpan.FromSeconds(8);

    private readonly FunctionWindow window = new(time);
    private IGrainTimer? rounds;
    private bool looking, again, planning, ended;
    private long? linkingSince;
    private Task? reminding;
    private (int Priority, int Weight) share = (0, 1);

    private string Job => this.GetPrimaryKeyString();

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        rounds = this.RegisterGrainTimer(RoundAsync, new GrainTimerCreationOptions(Round, Round) { Interleave = true, KeepAlive = true });
        return Task.CompletedTask;
    }

    public Task WakeAsync(CancellationToken cancellationToken) => LookAsync();

    public Task ReceiveReminder(string reminderName, TickStatus status) => LookAsync();

    public async Task<JobStatus?> GetAsync(CancellationToken cancellationToken) => Status((await store.GetJobAsync(Job, cancellationToken)).OrThrow());

    public async Task<JobStatus?> CancelAsync(CancellationToken cancellationToken) => Status((await store.CancelAsync(Job, cancellationToken)).OrThrow());

    public Task EndedAsync(StepEnded ended, CancellationToken cancellationToken)
    {
        loads.Note(ended.Load);
        if (ended.Function is not { } function)
        {
            linkingSince = null;
            return LookAsync();
        }

        window.Ended(function, (StepStatus)ended.Outcome, ended.Elapsed);
        return window.Count == 0 ? LookAsync() : FillAsync();
    }

    /// <summary>One look at a time, and another one for who came meanwhile.</summary>
    private async Task LookAsync()
    {
        if (looking || ended)
        {
            again = true;
            return;
        }

        looking = true;
        try
        {
            do
            {
                again = false;
                await LookOnceAsync();
            }
            while (again && !ended);
        }
        finally
        {
            looking = false;
        }
    }

    private async Task LookOnceAsync()
    {
        if (!(await store.GetJobAsync(Job, CancellationToken.None)).TryGet(out var job))
        {
            return; // the next round asks again
        }

        if (job is null || job.State.IsTerminal())
        {
            await EndAsync();
            return;
        }

        reminding ??= RemindAsync();
        share = (job.Submitted.Priority, job.Submitted.Weight);
        switch (job.State)
        {
            case JobState.Queued when !planning:
                Plan(job);
                break;
            case JobState.Running when job.Progress.Remaining == 0:
                await LinkAsync();
                break;
            case JobState.Running when job.Progress.Available > 0 && job.Progress.Remaining > window.Count:
                // What a dead silo had comes back this way, and what waits for its next attempt.
                await window.LoadAsync(store, Job);
                await FillAsync();
                break;
        }
    }

    /// <summary>The second net. Whoever keeps the reminder may have died with its silo, so nobody waits for it.</summary>
    private async Task RemindAsync()
    {
        try
        {
            await this.RegisterOrUpdateReminder(ReminderName, OrleansTiming.Reminder, OrleansTiming.Reminder);
        }
        catch (Exception exception) when (IsOfTheCluster(exception))
        {
            reminding = null; // the next look tries again
        }
    }

    /// <summary>Planned on this silo, which was chosen for it. What follows is another look.</summary>
    private void Plan(JobRecord job)
    {
        var step = new SentStep(Job, null, job.Submitted.Priority, job.Submitted.Weight);
        if (here.Scheduler.TrySend(step))
        {
            planning = true;
            _ = PlannedAsync(step);
        }
    }

    private async Task PlannedAsync(SentStep step)
    {
        var status = await step.Ended;
        planning = false;
        if (status != StepStatus.NotClaimed)
        {
            await LookAsync();
        }
    }

    private async Task LinkAsync()
    {
        if (linkingSince is { } since && time.GetElapsedTime(since) < Silence)
        {
            return;
        }

        linkingSince = time.GetTimestamp();
        try
        {
            var linker = GrainFactory.GetGrain<ILinkerGrain>(Job);
            var answer = await linker.BeginAsync(new StepOrder(share.Priority, share.Weight, 0));
            loads.Note(answer.Load);
            if (answer.Outcome == BeginOutcome.Busy)
            {
                linkingSince = null;
            }
        }
        catch (Exception exception) when (IsOfTheCluster(exception))
        {
            linkingSince = null; // the silo died, or is about to: the next round begins it elsewhere
        }
    }

    /// <summary>Sends functions until the window is full.</summary>
    private async Task FillAsync()
    {
        var sent = new List<Task>();
        while (!ended && window.TryNext(cluster.Workers) is var (function, cost))
        {
            sent.Add(SendAsync(function, cost));
        }

        await Task.WhenAll(sent);
    }

    private async Task SendAsync(int function, long cost)
    {
        try
        {
            var answer = await GrainOf(function).BeginAsync(new StepOrder(share.Priority, share.Weight, cost));
            loads.Note(answer.Load);
            if (answer.Outcome == BeginOutcome.Accepted)
            {
                window.Accepted(function, answer.Load.Silo);
            }
            else
            {
                window.Refused(function);
            }
        }
        catch (Exception exception) when (IsOfTheCluster(exception))
        {
            window.Refused(function);
        }
    }

    private async Task RoundAsync(CancellationToken cancellationToken)
    {
        window.BeginRound(cluster.IsAlive);
        await Task.WhenAll(window.Silent(Silence).Select(AskAsync));
        if (!ended)
        {
            await LookAsync();
        }

        if (!ended)
        {
            await FillAsync();
        }
    }

    private async Task AskAsync(int function)
    {
        try
        {
            if ((StepStatus)await GrainOf(function).StatusAsync() is StepStatus.Working or StepStatus.Waiting)
            {
                window.Heard(function);
                return;
            }

            window.Forget(function);
        }
        catch (Exception exception) when (IsOfTheCluster(exception))
        {
            // Its silo does not answer: once it is known to be dead, the next round forgets it.
        }
    }

    /// <summary>The job is finished, so nobody is needed for it. What it still has somewhere is stopped.</summary>
    private async Task EndAsync()
    {
        ended = true;
        rounds?.Dispose();
        foreach (var function in window.Sent)
        {
            GrainOf(function).StopAsync().Ignore();
        }

        try
        {
            await (reminding ?? Task.CompletedTask);
            if (await this.GetReminder(ReminderName) is { } reminder)
            {
                await this.UnregisterReminder(reminder);
            }
        }
        catch (Exception exception) when (IsOfTheCluster(exception))
        {
            // It comes once more, and finds the job finished.
        }

        DeactivateOnIdle();
    }

    private IFunctionGrain GrainOf(int function) => GrainFactory.GetGrain<IFunctionGrain>(FunctionGrain.KeyOf(Job, function));

    /// <summary>What calls end in when silos come and go. Anything else is a defect, and is logged by Orleans.</summary>
    private bool IsOfTheCluster(Exception exception)
    {
        if (exception is TimeoutException)
        {
            logger.TimedOut(Job);
        }

        return exception is OrleansException or TimeoutException or OperationCanceledException;
    }

    private static JobStatus? Status(JobRecord? job) => job is null ? null : new JobStatus(
        job.State.ToString().ToLowerInvariant(), job.Progress.Total, job.Progress.Done, job.Progress.Failed, job.Error?.Message, job.Output?.Module.ToString());
}
