using System.Collections.Immutable;

namespace Mewe.Execution;

/// <summary>The ratios of two series of times that were taken in pairs: what disturbs both of a pair cancels out, and the median ignores what disturbed one.</summary>
public sealed class PairedRatios
{
    private readonly ImmutableArray<double> sorted;

    /// <summary>Ratios in the order of their rounds; at least one.</summary>
    public PairedRatios(ImmutableArray<double> ratios)
    {
        ArgumentOutOfRangeException.ThrowIfZero(ratios.Length, nameof(ratios));
        Ratios = ratios;
        sorted = ratios.Sort();
    }

    /// <summary>One ratio per round.</summary>
    public ImmutableArray<double> Ratios { get; }

    /// <summary>The middle ratio, or the mean of the two middle ones.</summary>
    public double Median => (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;

    /// <summary>
    /// An interval that holds the median of the distribution with at least this confidence, from order statistics: the number of ratios below the true median is binomial with p = 1/2, whatever
    /// the distribution (Conover, Practical Nonparametric Statistics, 3.2). With too few ratios for the confidence (below 6 for 0.95) it is the whole range.
    /// </summary>
    /// <param name="confidence">Between 0 and 1.</param>
    public (double Low, double High) MedianInterval(double confidence = 0.95)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(confidence);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(confidence, 1);
        var n = sorted.Length;
        var tail = (1 - confidence) / 2;

        // The largest k with P(fewer than k ratios below the median) <= tail; logarithms, for 2^-n is 0 from 1075 ratios on.
        var logTerm = -n * Math.Log(2);
        var below = Math.Exp(logTerm);
        var k = 0;
        while (below <= tail && 2 * (k + 1) <= n)
        {
            k++;
            logTerm += Math.Log(n - k + 1) - Math.Log(k);
            below += Math.Exp(logTerm);
        }

        return k == 0 ? (sorted[0], sorted[^1]) : (sorted[k - 1], sorted[n - k]);
    }
}
