using Mewe.Grains;
using Mewe.Silo.Observability;
using Mewe.Store;

namespace Mewe.Silo;

/// <summary>What is done now and then: measure the queue, keep lemmas, and delete what finished long ago, where that was asked for.</summary>
internal sealed class Housekeeping(SiloSettings settings, IJobStore store, QueueDepth queue, TimeProvider time, ILogger<Housekeeping> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(15), BetweenPrunings = TimeSpan.FromHours(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        var pruned = DateTimeOffset.MinValue;
        try
        {
            do
            {
                await queue.MeasureAsync(store, stoppingToken);
                if (settings.Keep is { } keep && time.GetUtcNow() - pruned >= BetweenPrunings)
                {
                    pruned = time.GetUtcNow();
                    var answer = await store.PruneAsync(keep, stoppingToken);
                    if (answer.TryGet(out var count) && count.Jobs > 0)
                    {
                        logger.Pruned(count.Jobs, count.Blobs);
                    }
                }
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // That is how it ends.
        }
    }
}
