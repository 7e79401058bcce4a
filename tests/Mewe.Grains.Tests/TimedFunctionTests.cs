namespace Mewe.Grains.Tests;

/// <summary>Which candidates of a hot function are too slow.</summary>
public sealed class TimedFunctionTests
{
    /// <summary>A function with a tenth of a request; its candidates are from a tenth faster to half as slow again.</summary>
    private static readonly TimedFunction Timed = new(0.1, [-0.01, 0, 0.002, 0.005, 0.02, 0.05], [-0.02, -0.01, -0.01, -0.01, -0.01, 0.04]);

    private static IEnumerable<int> Kept(double bound, int enough) => Enumerable.Range(0, Timed.Added.Length).Where(place => !Timed.IsTooSlow(place, bound, widest: 0.25, enough));

    [Fact]
    public void TheFastestAreKeptWhateverTheBoundAndOthersIfTheyAreWithinIt()
    {
        Assert.Equal([0, 1, 2], Kept(0.03, 2));
        Assert.Equal([0, 1, 2, 3], Kept(0.03, 4));
        Assert.Equal([0, 1, 2, 3, 4], Kept(0.2, 2));
    }

    [Fact]
    public void WhatIsSurelySlowerThanTheWidestBoundIsLeftOutHoweverFewAreLeft() => Assert.Equal([0, 1, 2, 3, 4], Kept(0.03, 99));

    [Fact]
    public void WhatOnlySeemsSlowerThanTheWidestBoundMayBeKept() => Assert.Contains(4, Kept(0.03, 5));
}
