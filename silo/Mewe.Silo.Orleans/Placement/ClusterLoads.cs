using Orleans.Runtime;

namespace Mewe.Silo.Orleans.Placement;

/// <summary>
/// What this silo knows of how much the silos of the cluster have to do: what they said with their last answer, and what was sent to them since. What was said a while ago counts for nothing: a silo that nobody here
/// has heard of is tried, and says so if it has too much to do.
/// </summary>
internal sealed class ClusterLoads(TimeProvider time)
{
    private static readonly TimeSpan Memory = TimeSpan.FromSeconds(2);

    private readonly Lock gate = new();
    private readonly Dictionary<SiloAddress, (double Load, long At)> loads = [];

    /// <summary>Notes what a silo says.</summary>
    public void Note(SiloLoad said)
    {
        lock (gate)
        {
            loads[SiloAddress.FromParsableString(said.Silo)] = ((double)said.Steps / Math.Max(1, said.Workers), time.GetTimestamp());
        }
    }

    /// <summary>Chooses the silo with the least to do for its workers; at random among equals. One that is chosen has more to do.</summary>
    public SiloAddress Choose(IReadOnlyList<SiloAddress> silos)
    {
        lock (gate)
        {
            foreach (var gone in loads.Keys.Except(silos).ToList())
            {
                loads.Remove(gone);
            }

            var known = silos.Select(silo => (Silo: silo, Load: Known(silo))).ToList();
            var least = known.Min(silo => silo.Load);
            var equals = known.Where(silo => silo.Load <= least).ToList();
            var chosen = equals[Random.Shared.Next(equals.Count)];
            loads[chosen.Silo] = (chosen.Load + 1, time.GetTimestamp());
            return chosen.Silo;
        }
    }

    private double Known(SiloAddress silo) => loads.TryGetValue(silo, out var known) && time.GetElapsedTime(known.At) < Memory ? known.Load : 0;
}
