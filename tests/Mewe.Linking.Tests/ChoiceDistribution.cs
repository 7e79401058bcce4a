namespace Mewe.Linking.Tests;

/// <summary>Pearson's chi-squared test of counts against the uniform distribution.</summary>
internal static class ChoiceDistribution
{
    /// <summary>
    /// Fails where counts this uneven come up less than once in about 1,000,000 times (z = 4.75). The generators under test start from constants, so a test
    /// that passes once always passes.
    /// </summary>
    public static void AssertUniform(IReadOnlyList<long> counts)
    {
        var expected = counts.Sum() / (double)counts.Count;
        Assert.True(expected >= 20, $"{expected} a bin are too few for the test");
        var statistic = counts.Sum(count => (count - expected) * (count - expected) / expected);

        // Wilson and Hilferty's approximation of the quantile.
        double freedom = counts.Count - 1;
        var limit = freedom * Math.Pow(1 - (2 / (9 * freedom)) + (4.75 * Math.Sqrt(2 / (9 * freedom))), 3);
        Assert.True(statistic <= limit, $"chi-squared {statistic:f1} exceeds {limit:f1} for {counts.Count} bins: {string.Join(' ', counts)}");
    }

    public static long[] Count(IEnumerable<int> values, int bins)
    {
        var counts = new long[bins];
        foreach (var value in values)
        {
            counts[value]++;
        }

        return counts;
    }
}
