using Mewe.Grains;
using Mewe.Silo.Orleans.Grains;
using Mewe.Silo.Orleans.Placement;
using Mewe.Store;
using Mewe.Store.Postgres;
using Orleans;
using Orleans.Runtime;

namespace Mewe.Silo.Orleans.Cluster;

/// <summary>
/// What every silo does beside its grains, on signals of the store and every second: wakes the grains of jobs that are not finished (a new job at once, the others now and then, so that a job whose grain died with its
/// silo is driven again within seconds), tells Orleans of members whose lease is gone, and
/// has what waits here go to silos with free workers.
/// </summary>
internal sealed class JobRounds(IJobStore store, PostgresMembers members, IGrainFactory grains, IClusterMembershipService membership, ClusterView cluster,
    SiloHere here, ClusterLoads loads, ILocalSiloDetails details, SchedulerOptions options, TimeProvider time)
{
    /// <summary>Jobs that are driven at a time, in the whole cluster: more wait, by their priority.</summary>
    private const int Most = 512;

    /// <summary>How often each silo wakes the grain of each job.</summary>
    private static readonly TimeSpan Between = TimeSpan.FromSeconds(3);

    /// <summary>Signals that come faster count as one.</summary>
    private static readonly TimeSpan Breath = TimeSpan.FromMilliseconds(25);

    /// <summary>What has waited for so long goes to another silo, where one has a free worker.</summary>
    private static readonly TimeSpan Waited = TimeSpan.FromSeconds(1);

    private Dictionary<string, long> woken = [];
    private long? surveyed;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        for (var seen = store.Signals; ; seen = await store.WaitForSignalAsync(seen, options.Poll, cancellationToken))
        {
            await SurveyAsync(cancellationToken);
            if ((await store.FindOpenJobsAsync(Most, cancellationToken)).TryGet(out var jobs))
            {
                Wake(jobs);
            }

            await Task.Delay(Breath, time, cancellationToken);
        }
    }

    private void Wake(IReadOnlyList<string> jobs)
    {
        var now = new Dictionary<string, long>(jobs.Count);
        foreach (var job in jobs)
        {
            if (woken.TryGetValue(job, out var at) && time.GetElapsedTime(at) < Between)
            {
                now[job] = at;
                continue;
            }

            now[job] = time.GetTimestamp();
            grains.GetGrain<IJobGrain>(job).WakeAsync().Ignore();
        }

        woken = now;
    }

    private async Task ExchangeAsync()
    {
        try
        {
            foreach (var load in await grains.GetGrain<ILoadGrain>(0).ExchangeAsync(here.Load).WaitAsync(Waited))
            {
                loads.Note(load);
            }

            if (loads.IdleElsewhere(details.SiloAddress) is > 0 and var idle)
            {
                here.Scheduler.Return(idle, Waited);
            }
        }
        catch (Exception exception) when (exception is OrleansException or TimeoutException or OperationCanceledException)
        {
            // The silo where they are kept is gone: a second later they are kept elsewhere.
        }
    }

    /// <summary>Once in a while: how large the cluster is, and whether members have died of whom only the store knows.</summary>
    private async Task SurveyAsync(CancellationToken cancellationToken)
    {
        if (surveyed is { } at && time.GetElapsedTime(at) < options.Poll)
        {
            return;
        }

        surveyed = time.GetTimestamp();
        await cluster.CountAsync(store, cancellationToken);
        await ExchangeAsync();
        if ((await members.BuryAsync((int)SiloStatus.Dead, options.Lease, cancellationToken)).TryGet(out var any) && any)
        {
            try
            {
                await membership.Refresh(cancellationToken: cancellationToken);
            }
            catch (OrleansException)
            {
                // The store has just gone away. Orleans reads the table by itself, too.
            }
        }
    }
}
