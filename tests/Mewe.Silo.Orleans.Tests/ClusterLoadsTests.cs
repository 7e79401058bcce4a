using System.Net;
using Mewe.Silo.Orleans.Placement;
using Orleans.Runtime;

namespace Mewe.Silo.Orleans.Tests;

/// <summary>Where grains are placed.</summary>
public sealed class ClusterLoadsTests
{
    private readonly ClusterLoads loads = new(TimeProvider.System);
    private readonly SiloAddress[] silos = [.. Enumerable.Range(1, 3).Select(port => SiloAddress.New(new IPEndPoint(IPAddress.Loopback, port), 1))];

    private int[] Chosen(int count)
    {
        var chosen = Enumerable.Range(0, count).Select(_ => loads.Choose(silos)).ToList();
        return [.. silos.Select(silo => chosen.Count(other => other.Equals(silo)))];
    }

    [Fact]
    public void GrainsSpreadEvenlyOverSilosOfWhichNothingIsKnown() => Assert.Equal([10, 10, 10], Chosen(30));

    [Fact]
    public void ASiloGetsByItsWorkers()
    {
        for (var i = 0; i < silos.Length; i++)
        {
            loads.Note(new SiloLoad(silos[i].ToParsableString(), 0, Workers: i == 0 ? 4 : 1));
        }

        Assert.Equal([20, 5, 5], Chosen(30));
    }

    [Fact]
    public void ASiloThatHasMuchToDoGetsNothingUntilTheOthersHave()
    {
        loads.Note(new SiloLoad(silos[0].ToParsableString(), 10, 1));
        Assert.Equal([0, 10, 10], Chosen(20));
        Assert.Equal(1, Chosen(3)[0]);
    }

    [Fact]
    public void IdleWorkersOfOthersAreCounted()
    {
        loads.Note(new SiloLoad(silos[0].ToParsableString(), 0, 2));
        loads.Note(new SiloLoad(silos[1].ToParsableString(), 1, 4));
        loads.Note(new SiloLoad(silos[2].ToParsableString(), 9, 4));
        Assert.Equal(5, loads.IdleElsewhere(silos[2]));
        Assert.Equal(3, loads.IdleElsewhere(silos[0]));
    }
}
