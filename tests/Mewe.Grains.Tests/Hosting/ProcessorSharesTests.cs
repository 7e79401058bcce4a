namespace Mewe.Grains.Tests.Hosting;

public sealed class ProcessorSharesTests
{
    [Fact]
    public void StepsThatRunAtTheSameTimeShareEquallyAndNothingIsLost()
    {
        var used = TimeSpan.Zero;
        var shares = new ProcessorShares(() => used);
        var first = shares.Begin();
        used = TimeSpan.FromSeconds(4);
        var second = shares.Begin();
        used = TimeSpan.FromSeconds(10);
        first.Dispose();
        used = TimeSpan.FromSeconds(11);

        Assert.Equal(TimeSpan.FromSeconds(7), first.SoFar());
        Assert.Equal(TimeSpan.FromSeconds(4), second.SoFar());
        second.Dispose();
        used = TimeSpan.FromSeconds(13);
        Assert.Equal(TimeSpan.FromSeconds(4), second.Time);

        // What is used between steps is the next one's.
        using var third = shares.Begin();
        used = TimeSpan.FromSeconds(14);
        Assert.Equal(TimeSpan.FromSeconds(3), third.SoFar());
    }
}
