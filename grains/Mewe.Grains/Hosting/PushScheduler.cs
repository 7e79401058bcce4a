using System.Diagnostics;
using Mewe.Store;

namespace Mewe.Grains;

/// <summary>
/// Works on what somebody else sends to this silo (an actor engine decides where and when): steps wait in a bounded, fair queue for a worker, are then claimed under the silo's lease, and run as under any other
/// scheduler. What the store does not give is not done, so it is harmless to send something twice, or to two silos.
/// </summary>
/// <remarks>
/// As <see cref="SiloScheduler"/> it claims a few brief functions ahead of its workers, and lets guests in beside them: there both are explained.
/// </remarks>
public sealed class PushScheduler(GrainHost host, SchedulerOptions options) : ISiloScheduler
{
    /// <summary>Steps that wait here at most: of one job for each worker, and in all.</summary>
    private const int MostOfAJobPerWorker = 8, Most = 4096;

    private readonly StepQueue queue = new(Math.Max(16, MostOfAJobPerWorker * host.Workers), Most, host.Time);

    public SiloWork Work { get; } = new(host, options);

    public bool IsReady => Work.Lease is not null;

    /// <summary>What the workers of this process can do at a time.</summary>
    public int Workers => host.Workers;

    /// <summary>Steps that wait or are at work.</summary>
    public int Load => queue.Load;

    /// <summary>Sends a step to this silo.</summary>
    /// <returns>False where there is no room, or the silo ends: somebody else is to have it.</returns>
    public bool TrySend(SentStep step) => queue.TryAdd(step);

    /// <summary>Gives back functions that have waited for so long, for other silos that have free workers.</summary>
    public void Return(int count, TimeSpan waited) => queue.Return(count, waited);

    public async Task<SchedulerEnd> RunAsync(CancellationToken stopping)
    {
        try
        {
            return await Work.RunAsync(ServeAsync, stopping);
        }
        finally
        {
            // Here and not where steps are served: a silo that is stopped before it has a lease never serves, and what was sent to it would wait for ever.
            queue.Close();
        }
    }

    private async Task ServeAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var changed = queue.Changed;
            var (free, slot) = Work.Free();
            var (taken, starting) = Take(free);
            if (taken.Count == 0)
            {
                await Task.WhenAny(changed, slot).WaitAsync(cancellationToken);
            }
            else if (!await ClaimAsync(taken, starting, cancellationToken))
            {
                Work.NoteLostAnswer();
                await Task.Delay(options.Poll, host.Time, cancellationToken);
            }
        }
    }

    /// <summary>Whose turn it is, and how many of them start at once; the others are claimed ahead.</summary>
    private (List<SentStep> Taken, int Starting) Take(int free)
    {
        var taken = new List<SentStep>();
        while (taken.Count < Math.Min(free, JobLimits.LargestClaim) && queue.Take(TakenFor.Worker) is { } step)
        {
            taken.Add(step);
        }

        if (taken.Count == 0 && free <= 0 && host.Workers + free > 0 && queue.Take(TakenFor.Guest) is { } guest)
        {
            return ([guest], 1);
        }

        var starting = taken.Count;
        for (var ahead = Work.Reserve(); ahead > 0 && taken.Count < JobLimits.LargestClaim && queue.Take(TakenFor.Reserve) is { } step; ahead--)
        {
            taken.Add(step);
        }

        return (taken, starting);
    }

    /// <summary>Claims what was taken, and starts what the store gives.</summary>
    /// <returns>False where the store fails: all that was taken ends as not claimed, and whoever sent it sends it again.</returns>
    private async Task<bool> ClaimAsync(List<SentStep> taken, int starting, CancellationToken cancellationToken)
    {
        var (started, open) = (Stopwatch.GetTimestamp(), new HashSet<SentStep>(taken));
        try
        {
            if (!await Work.ReleaseUnknownAsync(cancellationToken))
            {
                return false;
            }

            var lease = Work.Lease!;
            foreach (var step in taken.Where(step => step.Function is null))
            {
                if (!(await host.Store.ClaimJobsAsync(lease, 1, step.Job, cancellationToken)).TryGet(out var jobs))
                {
                    return false;
                }

                if (jobs.Count > 0)
                {
                    open.Remove(step);
                    starting--;
                    _ = FinishAsync(step, Work.Start(jobs[0]));
                }
            }

            var wanted = taken.Where(step => step.Function is not null).GroupBy(step => new FunctionKey(step.Job, step.Function!.Value)).ToDictionary(same => same.Key, same => same.First());
            if (!(await host.Store.ClaimTheseAsync(lease, wanted.Keys, cancellationToken)).TryGet(out var functions))
            {
                return false;
            }

            foreach (var function in functions)
            {
                var step = wanted[new FunctionKey(function.Claim.Job, function.Claim.Function)];
                open.Remove(step);
                _ = FinishAsync(step, starting-- > 0 ? Work.Start(function) : Work.Keep(function));
            }

            if (open.Count < taken.Count)
            {
                MeweTelemetry.ClaimLatency.Record(Stopwatch.GetElapsedTime(started).TotalSeconds);
            }

            return true;
        }
        catch (OperationCanceledException)
        {
            Work.NoteLostAnswer();
            throw;
        }
        finally
        {
            foreach (var step in open)
            {
                queue.End(step, cancellationToken.IsCancellationRequested ? StepStatus.Stopped : StepStatus.NotClaimed);
            }
        }
    }

    private async Task FinishAsync(SentStep step, Task<StepStatus> work) => queue.End(step, await work.ConfigureAwait(false));
}
