using Mewe.Silo.Orleans.Placement;
using Orleans;

namespace Mewe.Silo.Orleans.Grains;

/// <summary>Keeps what each silo told last, for as long as it is worth something.</summary>
[GrainType("loads"), ScatteredPlacement]
internal sealed class LoadActivation(TimeProvider time) : Grain, ILoadGrain
{
    private readonly Dictionary<string, (SiloLoad Load, long At)> told = [];

    public Task<SiloLoad[]> ExchangeAsync(SiloLoad mine, CancellationToken cancellationToken)
    {
        told[mine.Silo] = (mine, time.GetTimestamp());
        foreach (var old in told.Where(pair => time.GetElapsedTime(pair.Value.At) >= ClusterLoads.Memory).Select(pair => pair.Key).ToList())
        {
            told.Remove(old);
        }

        return Task.FromResult(told.Values.Select(entry => entry.Load).ToArray());
    }
}
