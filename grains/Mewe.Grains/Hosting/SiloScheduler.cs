using System.Diagnostics;
using Mewe.Store;

namespace Mewe.Grains;

/// <summary>Activates grains on one silo by leases in the store: claims steps and functions for free workers (<see cref="SiloWork"/> does the rest).</summary>
/// <remarks>
/// <para>Claiming never asks for more than there are free workers: what one silo keeps waiting another could do. Steps of jobs and functions take turns in going first, so that neither a long queue of jobs to plan nor
/// a job with many functions keeps the other from its turn.</para>
/// <para>Where functions are brief the store's answers would take as long as the work, so a few are claimed ahead, for workers that become free; they amount to a fraction of a second.</para>
/// <para>Functions can take minutes, and nothing interrupts them. So that a job which comes when all workers are taken need not wait for one of them, it is let in as a <i>guest</i>: beside the workers, up to as many
/// again, while it has less than its share. The processors are then shared by the operating system.</para>
/// </remarks>
public sealed partial class SiloScheduler(GrainHost host, SchedulerOptions options) : ISiloScheduler
{
    private bool stepsFirst = true;

    /// <summary>The lease, and what is worked on under it.</summary>
    public SiloWork Work { get; } = new(host, options);

    public bool IsReady => Work.Lease is not null;

    /// <summary>Works until it is told to stop; then it releases what it has.</summary>
    public Task<SchedulerEnd> RunAsync(CancellationToken stopping) => Work.RunAsync(ClaimAsync, stopping);

    private async Task ClaimAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var seen = host.Store.Signals;
            var (free, slot) = Work.Free();
            var claimed = 0;
            if (free > 0)
            {
                (claimed, var failed) = await ClaimOnceAsync(free, cancellationToken);
                if (failed)
                {
                    Work.NoteLostAnswer();
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
        var (claimed, current) = (0, Work.Lease!);
        if (!await Work.ReleaseUnknownAsync(cancellationToken))
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
                    _ = Work.Start(job);
                }

                claimed += jobs.Count;
            }
            else
            {
                count = Math.Min(count + Work.Reserve(), JobLimits.LargestClaim);
                if (!(await host.Store.ClaimFunctionsAsync(current, count, options.OnlyJob, cancellationToken)).TryGet(out var found))
                {
                    return (claimed, true);
                }

                foreach (var function in found.Take(free - claimed))
                {
                    _ = Work.Start(function);
                }

                foreach (var function in found.Skip(free - claimed))
                {
                    _ = Work.Keep(function);
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
}
