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

    private static readonly ChoiceCosts Costs = new(20, 0.3, 4, 0);

    private const int Choices = 17;

    private static ImmutableSortedDictionary<uint, FunctionDispatch> Decide(double allowance, PathFloor floor) =>
        new DispatchPlanner(
            [new(Entry, 20, Choices), new(Cold, 200, Choices), new(Inner, 40, Choices), new(Never, 10, Choices), new(Other, 4, Choices), new(OtherInner, 4, Choices)],
            WorkloadProfile.Uniform(Profile), [Entry, Other], Costs).Decide(allowance, floor);

    [Fact]
    public void AFunctionThatNeverRunsMayChooseAsOftenAsItLikes() => Assert.Equal(new FunctionDispatch(DispatchMode.Call), Decide(0, PathFloor.None)[Never]);

    [Fact]
    public void WithoutAnAllowanceNothingIsSpent()
    {
        var decided = Decide(0, PathFloor.None);
        Assert.All([Entry, Cold, Inner, Other, OtherInner], function => Assert.Equal(DispatchMode.Direct, decided[function].Mode));
        Assert.All(decided.Values, dispatch => Assert.False(dispatch.Bound));
    }

    [Fact]
    public void TheChoicesThatEveryRequestGetsAreInTheEntryThatDoesTheWork()
    {
        var decided = Decide(0, new PathFloor(8));
        Assert.Equal(DispatchMode.Call, decided[Entry].Mode);
        Assert.Equal(DispatchMode.Call, decided[Cold].Mode);
        Assert.All([Inner, Other, OtherInner], function => Assert.NotEqual(DispatchMode.Call, decided[function].Mode));
    }

    [Fact]
    public void ShortFunctionsThatAreCalledSeldomComeFirst()
    {
        var decided = Decide(120, PathFloor.None);
        Assert.All([Entry, Other, OtherInner], function => Assert.Equal(DispatchMode.Call, decided[function].Mode));
        Assert.NotEqual(new FunctionDispatch(DispatchMode.Call), decided[Inner]);
    }

    [Fact]
    public void AHotFunctionIsBoundToACallerWhoseChoicesChangeSeldomEnough()
    {
        var decided = Decide(400, new PathFloor(8));
        Assert.Equal(DispatchMode.Call, decided[Cold].Mode);
        Assert.True(decided[Inner].Bound);
    }

    [Fact]
    public void WithEnoughToSpendEveryCallIsFresh() => Assert.All(Decide(1e6, PathFloor.None).Values, dispatch => Assert.Equal(new FunctionDispatch(DispatchMode.Call), dispatch));

    [Fact]
    public void WhereFreshChoicesAreTooDearOthersThatChangeEveryFewCallsKeepPathsApart()
    {
        var decided = Decide(0, new PathFloor(4, 4, 16));
        Assert.Equal(new FunctionDispatch(DispatchMode.Call), decided[Entry]);
        Assert.Equal(new FunctionDispatch(DispatchMode.Periodic) { Period = 16 }, decided[Cold]);
    }

    [Fact]
    public void FunctionsWithFewVariantsGiveFewPathsSoMoreOfThemChoose()
    {
        var planner = new DispatchPlanner([new(Entry, 20, 3), new(Cold, 200, 3), new(Inner, 40, Choices)], WorkloadProfile.Uniform(Profile), [Entry], Costs);
        Assert.Equal(2, planner.Decide(0, new PathFloor(3)).Values.Count(dispatch => dispatch.Mode == DispatchMode.Call));
    }

    /// <summary>The requests of a service that refuses some of them: averaged, the functions that do the work seem to be called in a part of the requests only.</summary>
    [Fact]
    public void RequestsThatDoTheWorkGetTheirChoicesEvenIfOthersAreRefusedBeforeIt()
    {
        var refused = new ExecutionProfile(
            new Dictionary<uint, FunctionFrequency> { [Entry] = new(1, 20) }.ToImmutableSortedDictionary(), ImmutableSortedDictionary<(uint Caller, uint Callee), double>.Empty);
        var half = new ExecutionProfile(
            Profile.Functions.ToImmutableSortedDictionary(function => function.Key, function => new FunctionFrequency(function.Key == Entry ? 1 : function.Value.Calls / 2, function.Value.Instructions / 2)),
            Profile.Calls.ToImmutableSortedDictionary(call => call.Key, call => call.Value / 2));
        var planner = new DispatchPlanner([new(Entry, 20, Choices), new(Cold, 200, Choices), new(Inner, 40, Choices)], new WorkloadProfile(half, [Profile, refused]), [Entry], Costs);

        var decided = planner.Decide(0, new PathFloor(8));

        Assert.All([Entry, Cold], function => Assert.Equal(DispatchMode.Call, decided[function].Mode));
    }

    [Fact]
    public void WhatWasMeasuredCountsMoreThanWhatWasEstimated()
    {
        var planner = new DispatchPlanner([new(Entry, 20, Choices, Fresh: 500), new(Cold, 200, Choices, Fresh: 10)], WorkloadProfile.Uniform(Profile), [Entry], Costs);
        var decided = planner.Decide(0, new PathFloor(4));
        Assert.Equal(DispatchMode.Call, decided[Cold].Mode);
        Assert.NotEqual(DispatchMode.Call, decided[Entry].Mode);
        Assert.Equal(Cold, planner.CheapestInRequests().First());
    }

    private static readonly DispatchPlanner Kept = new([new(Entry, 20, Choices), new(Cold, 200, Choices), new(Inner, 40, Choices), new(Never, 10, Choices)], WorkloadProfile.Uniform(Profile), [Entry], Costs);

    [Fact]
    public void WhereChoicesAreKeptTheFunctionsThatAreCalledMostFollowTheirCallers()
    {
        Assert.Equal([Inner], Kept.Bind(DispatchMode.Entry, 200, 8));
        Assert.Equal([Inner], Kept.Bind(DispatchMode.Instance, 50, 0));
        Assert.Empty(Kept.Bind(DispatchMode.Instance, 5000, 0));
    }

    [Fact]
    public void FunctionsThatNobodyElseCallsAndThoseThatEveryRequestNeedsAreNotBound()
    {
        Assert.Equal([Cold, Inner], Kept.Bind(DispatchMode.Entry, 0, 0));
        Assert.Equal([Inner], Kept.Bind(DispatchMode.Entry, 0, 8));
    }

    /// <summary>Of four functions with four bits each a request that wants sixteen needs all, though two of them are called a thousand times and more.</summary>
    [Fact]
    public void ManyCallsOfAFunctionThatKeepsItsChoiceMakeOneChoice()
    {
        const uint deep = 6;
        var profile = new ExecutionProfile(
            Profile.Functions.Add(deep, new FunctionFrequency(5000, 50_000)), Profile.Calls.Add((Inner, deep), 5000));
        var planner = new DispatchPlanner([new(Entry, 20, 16), new(Cold, 200, 16), new(Inner, 40, 16), new(deep, 10, 16)], WorkloadProfile.Uniform(profile), [Entry], Costs);

        Assert.Empty(planner.Bind(DispatchMode.Entry, 0, 16));
        Assert.Equal([deep], planner.Bind(DispatchMode.Entry, 0, 12));
    }

    [Theory]
    [InlineData(1.10, 2000, 200)]
    [InlineData(1.10, 500, 60)]
    [InlineData(1.20, 900, 180)]
    [InlineData(1.00, 500, 0)]
    public void TheBudgetOfAShortRequestIsEnoughForAFewChoices(double ratio, double nanoseconds, double expected) => Assert.Equal(expected, new SlowdownBudget(ratio).Of(nanoseconds), 6);
}
