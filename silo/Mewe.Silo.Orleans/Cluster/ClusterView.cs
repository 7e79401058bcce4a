using Mewe.Grains;
using Mewe.Store;
using Orleans.Runtime;

namespace Mewe.Silo.Orleans.Cluster;

/// <summary>The cluster as this silo sees it: who is alive, by Orleans, and how many workers there are, by the leases.</summary>
internal sealed class ClusterView(IClusterMembershipService membership, PushScheduler here)
{
    private volatile int workers = here.Workers;

    /// <summary>All workers of the cluster, as of the last round.</summary>
    public int Workers => workers;

    public bool IsAlive(string silo) => membership.CurrentSnapshot.GetSiloStatus(SiloAddress.FromParsableString(silo)) is not (SiloStatus.Dead or SiloStatus.None);

    /// <summary>Counts the workers.</summary>
    public async Task CountAsync(IJobStore store, CancellationToken cancellationToken)
    {
        if ((await store.ListSilosAsync(cancellationToken)).TryGet(out var silos))
        {
            workers = Math.Max(here.Workers, silos.Where(silo => silo.Alive).Sum(silo => silo.Workers));
        }
    }
}
