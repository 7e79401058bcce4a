using System.Collections.Immutable;

namespace Mewe.Grains;

/// <summary>
/// How different executions are, by the two metrics of "Multi-Variant Execution at the Edge" (MTD 2022), from the hashes of traces.
/// </summary>
/// <param name="MedianUniqueRatio">R(n, e), distinct traces of endpoint e on node n by traces there: the median over the nodes.</param>
/// <param name="MinimumUniqueRatio">R(n, e) on the node where it is least.</param>
/// <param name="Entropy">
/// E(e): the Shannon entropy of the traces of all nodes together, divided by the logarithm of their number. 1 where no two traces are the same, 0 where all are.
/// </param>
/// <param name="Distinct">Different traces on all nodes together.</param>
/// <param name="Traces">Traces on all nodes together.</param>
public sealed record TraceDiversity(double MedianUniqueRatio, double MinimumUniqueRatio, double Entropy, int Distinct, int Traces)
{
    /// <param name="nodes">For each node the hashes of its traces; at least one node, and at least one trace on each.</param>
    public static TraceDiversity Of(IReadOnlyList<ImmutableArray<UInt128>> nodes)
    {
        var ratios = nodes.Select(node => (double)node.Distinct().Count() / node.Length).ToList();
        var counts = nodes.SelectMany(node => node).CountBy(hash => hash).Select(pair => pair.Value).ToList();
        return new TraceDiversity(Distribution.Median(ratios), ratios.Min(), NormalizedEntropy(counts), counts.Count, counts.Sum());
    }

    /// <summary>The Shannon entropy of a distribution that is given as counts, divided by its largest value, the logarithm of their sum. Of a single observation it is 0.</summary>
    public static double NormalizedEntropy(IReadOnlyCollection<int> counts)
    {
        double total = counts.Sum();
        if (total <= 1)
        {
            return 0;
        }

        // log(N) - sum(c log c) / N, in which nothing is rounded where all counts are 1.
        return Math.Max(0, 1 - (counts.Where(count => count > 1).Sum(count => count * Math.Log(count)) / (total * Math.Log(total))));
    }
}

/// <summary>Quantiles of samples.</summary>
public static class Distribution
{
    public static double Median(IReadOnlyCollection<double> samples) => Quantile([.. samples.Order()], 0.5);

    /// <summary>The quantile by linear interpolation between order statistics (definition 7 of Hyndman and Fan, Sample quantiles in statistical packages, 1996).</summary>
    /// <param name="sorted">At least one, in ascending order.</param>
    /// <param name="share">0 for the least, 1 for the greatest.</param>
    public static double Quantile(IReadOnlyList<double> sorted, double share)
    {
        var at = share * (sorted.Count - 1);
        var below = (int)Math.Floor(at);
        var above = Math.Min(below + 1, sorted.Count - 1);
        return sorted[below] + ((at - below) * (sorted[above] - sorted[below]));
    }
}
