using Orleans.Runtime;

namespace Mewe.Silo.Orleans.Placement;

/// <summary>
/// What this silo knows of how much the silos of the cluster have to do: what they said last, with an answer or to all once a second (<see cref="ILoadGrain"/>), and what was sent to them since. What was said a while ago
/// counts for nothing: a silo that nobody here has heard of is tried, and says so if it has too much to do.
/// </summary>
internal sealed class ClusterLoads(TimeProvider time)
{
    /// <summary>How long it counts what a silo said.</summary>
    public static readonly TimeSpan Memory = TimeSpan.FromSeconds(4);

    private readonly Lock gate = new();
    private readonly Dictionary<SiloAddress, (double Load, int Workers, long At)> loads = [];

    /// <summary>Notes what a silo says.</summary>
    public void Note(SiloLoad said)
    {
        lock (gate)
        {
            loads[SiloAddress.FromParsableString(said.Silo)] = ((double)said.Steps / Math.Max(1, said.Workers), Math.Max(1, said.Workers), time.GetTimestamp());
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

            var candidates = silos.Select(silo => (Silo: silo, Load: Known(silo))).ToList();
            var least = candidates.Min(silo => silo.Load);
            var equals = candidates.Where(silo => silo.Load <= least).ToList();
            var chosen = equals[Random.Shared.Next(equals.Count)];
            var workers = loads.TryGetValue(chosen.Silo, out var known) ? known.Workers : 1;
            loads[chosen.Silo] = (chosen.Load + (1.0 / workers), workers, time.GetTimestamp());
            return chosen.Silo;
        }
    }

    /// <summary>Workers of other silos that have nothing to do, as far as is known.</summary>
    public int IdleElsewhere(SiloAddress here)
    {
        lock (gate)
        {
            return loads.Where(pair => !pair.Key.Equals(here) && time.GetElapsedTime(pair.Value.At) < Memory).Sum(pair => Math.Max(0, (int)Math.Round(pair.Value.Workers * (1 - pair.Value.Load))));
        }
    }

    private double Known(SiloAddress silo) => loads.TryGetValue(silo, out var known) && time.GetElapsedTime(known.At) < Memory ? known.Load : 0;
}
