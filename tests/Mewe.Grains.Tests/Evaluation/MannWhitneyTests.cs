namespace Mewe.Grains.Tests.Evaluation;

/// <summary>The rank-sum test against values that others have published.</summary>
public sealed class MannWhitneyTests
{
    /// <summary>Permeability of the human chorioamnion (Hollander and Wolfe, Nonparametric statistical methods, 1973, p. 69), the example of R's wilcox.test: W = 35, one-sided p = 0.1272.</summary>
    private static readonly double[] Term = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46], Early = [1.15, 0.88, 0.90, 0.74, 1.21];

    [Fact]
    public void It_agrees_with_Hollander_and_Wolfe()
    {
        var test = MannWhitney.Test(Term, Early);

        Assert.Equal(35, test.U);
        Assert.Equal(0.2544, test.PValue, 4);
        Assert.Equal(0.7, test.Superiority, 12);
    }

    /// <summary>Ages at diagnosis, the example of SciPy's mannwhitneyu: U = 17, exact p = 0.1111.</summary>
    [Fact]
    public void It_agrees_with_the_example_of_SciPy()
    {
        var test = MannWhitney.Test([19, 22, 16, 29, 24], [20, 11, 17, 12]);

        Assert.Equal(17, test.U);
        Assert.Equal(1 / 9.0, test.PValue, 12);
    }

    /// <summary>Aesop's tortoise and hare, as Wikipedia tells it: six each, of whose pairs the hares win 25.</summary>
    [Fact]
    public void It_counts_the_pairs_that_the_first_sample_wins()
    {
        double[] tortoises = [12, 6, 5, 4, 3, 2], hares = [11, 10, 9, 8, 7, 1];

        Assert.Equal(11, MannWhitney.Test(tortoises, hares).U);
        Assert.Equal(25, MannWhitney.Test(hares, tortoises).U);
    }

    [Fact]
    public void Samples_that_do_not_overlap_are_as_improbable_as_one_order_of_all()
    {
        // One of 8! / (4! 4!) = 70 orders, and its mirror image.
        Assert.Equal(2 / 70.0, MannWhitney.Test([1, 2, 3, 4], [5, 6, 7, 8]).PValue, 12);
        Assert.Equal(2 / 70.0, MannWhitney.Test([5, 6, 7, 8], [1, 2, 3, 4]).PValue, 12);
    }

    /// <summary>The formula of the textbooks, by hand.</summary>
    [Fact]
    public void With_equal_values_it_is_approximated_with_corrections_for_ties_and_continuity()
    {
        var test = MannWhitney.Test([1, 2, 2, 3, 5], [2, 3, 4, 4, 6]);

        // Variance 25/12 * (11 - (24 + 6 + 6) / 90), z = (12.5 - 6.5 - 0.5) / its root, p = erfc(z / sqrt 2).
        Assert.Equal(6.5, test.U);
        Assert.Equal(0.241844, test.PValue, 6);
    }

    /// <summary>The critical value of the tables for 20 and 20 values, two-sided, 5 %: 127.</summary>
    [Theory]
    [InlineData(127, true)]
    [InlineData(128, false)]
    public void It_is_significant_from_the_critical_value_of_the_tables_on(int u, bool isSignificant)
    {
        var (first, second) = SamplesWith(u, 20);
        var test = MannWhitney.Test(first, second);

        Assert.Equal(u, test.U);
        Assert.Equal(isSignificant, test.PValue < 0.05);
    }

    [Fact]
    public void Large_samples_are_approximated()
    {
        var (first, second) = SamplesWith(300, 30);

        // z = (450 - 300 - 0.5) / sqrt(30 * 30 * 61 / 12), p = erfc(z / sqrt 2).
        Assert.Equal(0.027086, MannWhitney.Test(first, second).PValue, 6);
    }

    /// <summary>Two samples of a size, without equal values, in which the first wins that many pairs.</summary>
    private static (double[] First, double[] Second) SamplesWith(int u, int size) => (
        [.. Enumerable.Range(0, size).Select(i => Math.Clamp(u - (i * size), 0, size) - 0.5 + (i / 1000.0))],
        [.. Enumerable.Range(0, size).Select(i => (double)i)]);

    [Fact]
    public void The_same_values_on_both_sides_show_no_difference()
    {
        Assert.Equal(new MannWhitney(4.5, 1, 0.5), MannWhitney.Test([7, 7, 7], [7, 7, 7]));
        Assert.Equal(1, MannWhitney.Test([1, 2, 3], [1, 2, 3]).PValue, 12);
    }

    /// <summary>Abramowitz and Stegun, table 7.1; and the tail from the definition.</summary>
    [Theory]
    [InlineData(0, 1)]
    [InlineData(0.5, 0.4795001222)]
    [InlineData(1, 0.1572992071)]
    [InlineData(1.9, 0.0072095708)]
    [InlineData(2.1, 0.0029794667)]
    [InlineData(3, 2.209049700e-5)]
    [InlineData(5, 1.537459794e-12)]
    public void The_complementary_error_function_is_that_of_the_tables(double x, double expected) =>
        Assert.InRange(MannWhitney.ComplementaryError(x), expected * (1 - 1e-6) - 1e-12, (expected * (1 + 1e-6)) + 1e-12);
}
