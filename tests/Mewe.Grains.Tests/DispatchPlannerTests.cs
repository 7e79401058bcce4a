using System.Collections.Immutable;
using Mewe.Linking;
using Mewe.Linking.Profiling;

namespace Mewe.Grains.Tests;

/// <summary>Where fresh choices go, and what becomes of functions for which they are too dear.</summary>
public sealed class DispatchPlannerTests
{
    private const uint Entry = 0, Cold = 1, Inner = 2, Never = 3, Other = 4, OtherInner = 5;

    /// <summary>The entry calls a cold function once, which calls an inner one a thousand times; another entry calls a function that the first does not reach.</summary>
    private static readonly ExecutionProfile Profile = new(
        new Dictionary<uint, FunctionFrequency> { [Entry] = new(1, 20), [Cold] = new(1, 5000), [Inner] = new(1000, 40_000), [Other] = new(1, 4), [OtherInner] = new(1, 4) }.ToImmutableSortedDictionary(),
        new Dictionary<(uint, uint), double> { [(Entry, Cold)] = 1, [(Cold, Inner)] = 1000, [(Other, OtherInner)] = 1 }.ToImmutableSortedDictionary());

    private static readonly ChoiceCosts Costs = new(20, 0.3, 4);

    private static ImmutableSortedDictionary<uint, FunctionDispatch> Decide(double allowance, double freshAtLeast) =>
        new DispatchPlanner([new(Entry, 20), new(Cold, 200), new(Inner, 40), new(Never, 10), new(Other, 4), new(OtherInner, 4)], Profile, [Entry, Other], Costs).Decide(allowance, freshAtLeast);

    [Fact]
    public void AFunctionThatNeverRunsMayChooseAsOftenAsItLikes() => Assert.Equal(new FunctionDispatch(DispatchMode.Call), Decide(0, 0)[Never]);

    [Fact]
    public void WithoutAnAllowanceNothingIsSpent()
    {
        var decided = Decide(0, 0);
        Assert.All([Entry, Cold, Inner, Other, OtherInner], function => Assert.Equal(DispatchMode.Direct, decided[function].Mode));
        Assert.All(decided.Values, dispatch => Assert.False(dispatch.Bound));
    }

    [Fact]
    public void TheChoicesThatEveryRequestGetsAreInTheEntryThatDoesTheWork()
    {
        var decided = Decide(0, 2);
        Assert.Equal(DispatchMode.Call, decided[Entry].Mode);
        Assert.Equal(DispatchMode.Call, decided[Cold].Mode);
        Assert.All([Inner, Other, OtherInner], function => Assert.NotEqual(DispatchMode.Call, decided[function].Mode));
    }

    [Fact]
    public void ShortFunctionsThatAreCalledSeldomComeFirst()
    {
        var decided = Decide(120, 0);
        Assert.All([Entry, Other, OtherInner], function => Assert.Equal(DispatchMode.Call, decided[function].Mode));
        Assert.NotEqual(new FunctionDispatch(DispatchMode.Call), decided[Inner]);
    }

    [Fact]
    public void AHotFunctionIsBoundToACallerWhoseChoicesChangeSeldomEnough()
    {
        var decided = Decide(400, 2);
        Assert.Equal(DispatchMode.Call, decided[Cold].Mode);
        Assert.True(decided[Inner].Bound);
    }

    [Fact]
    public void WithEnoughToSpendEveryCallIsFresh() => Assert.All(Decide(1e6, 0).Values, dispatch => Assert.Equal(new FunctionDispatch(DispatchMode.Call), dispatch));

    [Theory]
    [InlineData(1.10, 2000, 200)]
    [InlineData(1.10, 500, 60)]
    [InlineData(1.20, 900, 180)]
    [InlineData(1.00, 500, 0)]
    public void TheBudgetOfAShortRequestIsEnoughForAFewChoices(double ratio, double nanoseconds, double expected) => Assert.Equal(expected, new SlowdownBudget(ratio).Of(nanoseconds), 6);
}
