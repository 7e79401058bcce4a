using System.Collections.Immutable;

namespace Mewe.Grains.Tests.Evaluation;

/// <summary>The paper's two metrics, on traces that can be counted by hand.</summary>
public sealed class TraceDiversityTests
{
    private static ImmutableArray<UInt128> Node(params int[] traces) => [.. traces.Select(trace => (UInt128)trace)];

    [Fact]
    public void Where_no_two_traces_are_the_same_both_metrics_are_exactly_one()
    {
        var diversity = TraceDiversity.Of([.. Enumerable.Range(0, 64).Select(node => Node([.. Enumerable.Range(node * 100, 100)]))]);

        Assert.Equal(new TraceDiversity(1, 1, 1, 6400, 6400), diversity);
    }

    [Fact]
    public void Where_all_traces_are_the_same_there_is_no_entropy() =>
        Assert.Equal(new TraceDiversity(0.25, 0.25, 0, 1, 8), TraceDiversity.Of([Node(5, 5, 5, 5), Node(5, 5, 5, 5)]));

    [Fact]
    public void Nodes_that_differ_from_each_other_but_not_within_give_the_entropy_of_the_nodes()
    {
        var diversity = TraceDiversity.Of([.. Enumerable.Range(0, 64).Select(node => Node([.. Enumerable.Repeat(node, 100)]))]);

        Assert.Equal(0.01, diversity.MedianUniqueRatio);
        Assert.Equal(Math.Log(64) / Math.Log(6400), diversity.Entropy, 12);
    }

    [Fact]
    public void The_ratio_is_the_median_of_the_nodes_and_the_least_of_them()
    {
        var diversity = TraceDiversity.Of([Node(1, 1, 1, 2), Node(3, 4, 5, 6), Node(7, 7, 8, 9), Node(1, 2, 3, 3)]);

        Assert.Equal(0.75, diversity.MedianUniqueRatio);
        Assert.Equal(0.5, diversity.MinimumUniqueRatio);
        Assert.Equal((9, 16), (diversity.Distinct, diversity.Traces));
    }

    [Theory]
    [InlineData(new[] { 1, 1 }, 1.0)]
    [InlineData(new[] { 2 }, 0.0)]
    [InlineData(new[] { 1 }, 0.0)]
    [InlineData(new[] { 2, 2 }, 0.5)] // one bit of two
    [InlineData(new[] { 4, 2, 1, 1 }, 1.75 / 3)] // the textbook's 1.75 bits, of three
    public void Entropy_is_that_of_the_counts_by_the_largest_that_their_sum_allows(int[] counts, double expected) =>
        Assert.Equal(expected, TraceDiversity.NormalizedEntropy(counts), 12);

    [Fact]
    public void Quantiles_lie_between_order_statistics()
    {
        double[] sorted = [1, 2, 4, 8];

        Assert.Equal([1, 1.75, 3, 5, 8], [.. new[] { 0, 0.25, 0.5, 0.75, 1 }.Select(share => Distribution.Quantile(sorted, share))]);
        Assert.Equal(4, Distribution.Median([8, 4, 1]));
    }
}
