namespace Mewe.Grains;

/// <summary>
/// The two-sided rank-sum test: are values of one sample as likely above as below those of the other? (H. Mann, D. Whitney, On a test of whether one of two random variables is
/// stochastically larger than the other, 1947.)
/// </summary>
/// <param name="U">How many pairs (one value of each sample) have the greater value in the first sample; equal ones count half.</param>
/// <param name="PValue">The probability of a U at least as far from its mean if both samples came from one distribution.</param>
/// <param name="Superiority">U by the number of pairs: how probable it is that a value of the first sample is above one of the second.</param>
public readonly record struct MannWhitney(double U, double PValue, double Superiority)
{
    /// <summary>Up to this product of the sizes the distribution is counted out where no values are equal; above, or with equal values, it is approximated.</summary>
    private const int MaxExactPairs = 400;

    /// <param name="first">At least one value; none is NaN.</param>
    /// <param name="second">As the first.</param>
    public static MannWhitney Test(IReadOnlyList<double> first, IReadOnlyList<double> second)
    {
        ArgumentOutOfRangeException.ThrowIfZero(first.Count);
        ArgumentOutOfRangeException.ThrowIfZero(second.Count);
        var (rankSum, tieSum) = Ranks(first, second);
        double pairs = (double)first.Count * second.Count;
        var u = rankSum - (first.Count * (first.Count + 1.0) / 2);
        var p = tieSum == 0 && pairs <= MaxExactPairs ? Exact(first.Count, second.Count, u) : Approximate(first.Count, second.Count, u, tieSum);
        return new MannWhitney(u, p, u / pairs);
    }

    /// <summary>The sum of the first sample's ranks, where equal values share the mean of their ranks, and the sum of t^3 - t over groups of t equal values.</summary>
    private static (double RankSum, double TieSum) Ranks(IReadOnlyList<double> first, IReadOnlyList<double> second)
    {
        var all = first.Select(value => (Value: value, IsFirst: true)).Concat(second.Select(value => (Value: value, IsFirst: false))).OrderBy(pair => pair.Value).ToList();
        double rankSum = 0, tieSum = 0;
        for (var start = 0; start < all.Count;)
        {
            var end = start + 1;
            while (end < all.Count && all[end].Value == all[start].Value)
            {
                end++;
            }

            double ties = end - start;
            rankSum += (start + end + 1) / 2.0 * all.GetRange(start, end - start).Count(pair => pair.IsFirst);
            tieSum += (ties * ties * ties) - ties;
            start = end;
        }

        return (rankSum, tieSum);
    }

    /// <summary>Counts for each U how many of the orders of both samples give it, by the recurrence of Mann and Whitney: the greatest value is of the one or of the other.</summary>
    private static double Exact(int first, int second, double u)
    {
        var ways = new double[second + 1][];
        for (var n = 0; n <= second; n++)
        {
            ways[n] = [1];
        }

        for (var m = 1; m <= first; m++)
        {
            var next = new double[second + 1][];
            next[0] = [1];
            for (var n = 1; n <= second; n++)
            {
                next[n] = new double[(m * n) + 1];
                for (var value = 0; value <= m * n; value++)
                {
                    var fromFirst = value - n >= 0 && value - n < ways[n].Length ? ways[n][value - n] : 0;
                    var fromSecond = value < next[n - 1].Length ? next[n - 1][value] : 0;
                    next[n][value] = fromFirst + fromSecond;
                }
            }

            ways = next;
        }

        var counts = ways[second];
        var tail = Math.Min(u, (first * second) - u);
        return Math.Min(1, 2 * counts.Take((int)tail + 1).Sum() / counts.Sum());
    }

    /// <summary>The normal approximation with corrections for ties and for continuity.</summary>
    private static double Approximate(int first, int second, double u, double tieSum)
    {
        double pairs = (double)first * second, all = first + second;
        var variance = pairs / 12 * (all + 1 - (tieSum / (all * (all - 1))));
        if (!(variance > 0))
        {
            return 1;
        }

        var distance = Math.Max(0, Math.Abs(u - (pairs / 2)) - 0.5);
        return Math.Min(1, ComplementaryError(distance / Math.Sqrt(2 * variance)));
    }

    /// <summary>
    /// erfc(x) for x >= 0: the power series near 0 and the continued fraction beyond (Abramowitz and Stegun, Handbook of mathematical functions, 7.1.6 and 7.1.14), to about 14 digits.
    /// </summary>
    internal static double ComplementaryError(double x)
    {
        if (x < 2)
        {
            double term = x, sum = x;
            for (var n = 1; Math.Abs(term) > 1e-17 * Math.Abs(sum); n++)
            {
                term *= 2 * x * x / ((2 * n) + 1);
                sum += term;
            }

            return 1 - (2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum);
        }

        double fraction = 0;
        for (var k = 120; k >= 1; k--)
        {
            fraction = k / 2.0 / (x + fraction);
        }

        return Math.Exp(-x * x) / Math.Sqrt(Math.PI) / (x + fraction);
    }
}
