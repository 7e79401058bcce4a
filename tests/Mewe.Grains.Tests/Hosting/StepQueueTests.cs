using Mewe.Grains;

namespace Mewe.Grains.Tests.Hosting;

/// <summary>What waits for a silo's workers is bounded and fair.</summary>
public sealed class StepQueueTests
{
    private readonly StepQueue queue = new(mostOfAJob: 4, most: 10, TimeProvider.System);

    private SentStep Add(string job, int? function, int priority = 0, int weight = 1)
    {
        var step = new SentStep(job, function, priority, weight);
        Assert.True(queue.TryAdd(step));
        return step;
    }

    private string[] Take(int count, TakenFor purpose = TakenFor.Worker) => [.. Enumerable.Range(0, count).Select(_ => queue.Take(purpose)).OfType<SentStep>().Select(step => $"{step.Job}{step.Function}")];

    [Fact]
    public void JobsTakeTurnsHoweverMuchOneSentFirst()
    {
        for (var function = 0; function < 4; function++)
        {
            Add("huge", function);
        }

        Add("small", 0);
        Add("small", 1);

        Assert.Equal(["huge0", "small0", "huge1", "small1", "huge2", "huge3"], Take(9));
    }

    [Fact]
    public void WhoIsAtWorkCounts()
    {
        Add("a", 0);
        var first = queue.Take(TakenFor.Worker)!;
        Add("a", 1);
        Add("b", 0);
        Assert.Equal(["b0"], Take(1));
        queue.End(first, StepStatus.Written);
        Add("b", 1);
        Assert.Equal(["a1"], Take(1));
    }

    [Fact]
    public void AHigherPriorityGoesFirstThenStepsOfJobsThenShares()
    {
        Add("low", 0);
        Add("low", null);
        Add("heavy", 0, weight: 2);
        Add("heavy", 1, weight: 2);
        Add("high", 0, priority: 1);
        Assert.Equal(["high0", "low", "heavy0", "heavy1", "low0"], Take(9));
    }

    [Fact]
    public async Task AFullQueueRefusesAndAClosedOneEndsWhatWaits()
    {
        var steps = Enumerable.Range(0, 4).Select(function => Add("a", function)).ToList();
        Assert.False(queue.TryAdd(new SentStep("a", 4, 0, 1)));
        for (var function = 0; function < 6; function++)
        {
            Add(function < 3 ? "b" : "c", function);
        }

        Assert.False(queue.TryAdd(new SentStep("d", 0, 0, 1)));
        Assert.Equal(10, queue.Load);
        var taken = queue.Take(TakenFor.Worker)!;
        queue.Close();
        Assert.False(queue.TryAdd(new SentStep("d", 0, 0, 1)));
        Assert.Equal([StepStatus.Stopped, StepStatus.Stopped, StepStatus.Stopped], await Task.WhenAll(steps.Where(step => step != taken).Select(step => step.Ended)));
        Assert.False(taken.Ended.IsCompleted);
    }

    [Fact]
    public void AGuestHasLessThanItsShareAndNoLowerPriority()
    {
        Add("huge", 0);
        Add("huge", 1);
        Take(2);
        Add("huge", 2);
        Assert.Empty(Take(1, TakenFor.Guest));
        Add("low", 0, priority: -1);
        Assert.Empty(Take(1, TakenFor.Guest));
        Add("small", 0);
        Assert.Equal(["small0"], Take(1, TakenFor.Guest));
        Add("other", null, priority: -1);
        Assert.Equal(["other"], Take(1, TakenFor.Guest));
    }

    [Fact]
    public async Task WhatWaitsIsGivenBackForOthersButNotWhatIsAtWork()
    {
        Add("a", 0);
        Take(1);
        var waits = Add("a", 1);
        queue.Return(5, TimeSpan.FromHours(1));
        Assert.Equal(2, queue.Load);
        queue.Return(5, TimeSpan.Zero);
        Assert.Equal((1, StepStatus.Returned), (queue.Load, await waits.Ended));
    }

    [Fact]
    public void TheDearestFunctionOfAJobGoesFirst()
    {
        Assert.True(queue.TryAdd(new SentStep("a", 1, 0, 1, cost: 5)));
        Assert.True(queue.TryAdd(new SentStep("a", 2, 0, 1, cost: 9)));
        Assert.True(queue.TryAdd(new SentStep("a", 3, 0, 1, cost: 5)));
        Assert.Equal(["a2", "a1", "a3"], Take(9));
    }

    [Fact]
    public void OnlyFunctionsAreClaimedAhead()
    {
        Add("a", null);
        Assert.Empty(Take(1, TakenFor.Reserve));
        Add("a", 0);
        Assert.Equal(["a0"], Take(1, TakenFor.Reserve));
    }
}
