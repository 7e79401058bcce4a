using Mewe.Grains;
using Mewe.Silo.Orleans.Grains;
using Mewe.Store;
using Mewe.Store.Sqlite;

namespace Mewe.Silo.Orleans.Tests;

/// <summary>What a job's grain sends, and when.</summary>
public sealed class FunctionWindowTests : IAsyncLifetime
{
    private readonly FunctionWindow window = new(TimeProvider.System);
    private SqliteStore store = null!;
    private SiloLease silo = null!;
    private string job = "";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>A job of six functions, the first the cheapest.</summary>
    public async ValueTask InitializeAsync()
    {
        Assert.True((await SqliteStore.OpenAsync(":memory:", Cancellation)).TryGet(out store!));
        silo = Value(await store.Jobs.RegisterSiloAsync(new NewSilo("one", 1, "1", "orleans"), Cancellation)).Lease!;
        var blob = Value(await store.Jobs.PutBlobAsync(new byte[] { 1 }, Cancellation));
        job = Value(await store.Jobs.SubmitAsync(new NewJob(JobId.New(), "test", blob, "{}"), Cancellation))!.Id;
        var claim = Value(await store.Jobs.ClaimJobsAsync(silo, 1, job, Cancellation))[0].Claim;
        await store.Jobs.PlannedAsync(claim, blob, [.. Enumerable.Range(0, 6).Select(index => new NewFunction(index, $"f{index}", 10 * index))], Cancellation);
        await window.LoadAsync(store.Jobs, job);
    }

    public ValueTask DisposeAsync() => store.DisposeAsync();

    private static T Value<T>(StoreAnswer<T> answer) => answer.TryGet(out var value) ? value : throw new InvalidOperationException(answer.Problem!.Message);

    private int[] Send(int workers, int atMost = 99)
    {
        var sent = new List<int>();
        while (sent.Count < atMost && window.TryNext(workers) is var (function, _))
        {
            sent.Add(function);
        }

        return [.. sent];
    }

    [Fact]
    public void TheDearestAreSentFirstAndNoMoreThanTheWorkersNeed()
    {
        Assert.Equal([5, 4, 3, 2], Send(workers: 2));
        Assert.Equal(6, window.Count);
        window.Ended(4, StepStatus.Written, TimeSpan.FromMilliseconds(500));
        Assert.Equal([1], Send(workers: 2));
        Assert.Equal(5, window.Count);
    }

    [Fact]
    public void WhereFunctionsTakeLongEachWorkerHasOne()
    {
        Send(workers: 1, atMost: 1);
        window.Ended(5, StepStatus.Written, TimeSpan.FromMinutes(1));
        Assert.Equal([4], Send(workers: 1));
    }

    [Fact]
    public void WhereFunctionsAreBriefMoreAreUnderWay()
    {
        Send(workers: 1, atMost: 1);
        window.Ended(5, StepStatus.Written, TimeSpan.Zero);
        for (var i = 0; i < 20; i++)
        {
            window.Ended(99, StepStatus.Written, TimeSpan.Zero);
        }

        Assert.Equal([4, 3, 2, 1, 0], Send(workers: 1));
    }

    [Fact]
    public void WhatASiloRefusesIsSentAgainButNotAtOnce()
    {
        Send(workers: 1, atMost: 1);
        window.Refused(5);
        Assert.Empty(Send(workers: 1));
        window.BeginRound(_ => true);
        Assert.Equal([5, 4], Send(workers: 1));
    }

    [Fact]
    public void WhatASiloGivesBackIsSentAtOnce()
    {
        Send(workers: 1);
        window.Ended(4, StepStatus.Returned, TimeSpan.Zero);
        Assert.Equal([4], Send(workers: 1));
    }

    [Fact]
    public async Task WhatWasSentToADeadSiloIsForgottenAndComesBackFromTheStore()
    {
        Send(workers: 1);
        window.Accepted(5, "dead");
        window.Accepted(4, "alive");
        window.BeginRound(address => address == "alive");
        Assert.Equal(5, window.Count);
        Assert.Equal([4], window.Sent);

        // Somebody has it: it does not wait. When it does again, it is found.
        var claim = Value(await store.Jobs.ClaimTheseAsync(silo, [new(job, 5)], Cancellation))[0].Claim;
        await window.LoadAsync(store.Jobs, job);
        Assert.Equal(5, window.Count);
        await store.Jobs.ReleaseFunctionsAsync([claim], Cancellation);
        await window.LoadAsync(store.Jobs, job);
        Assert.Equal(6, window.Count);
        Assert.Equal([5], Send(workers: 1));
    }

    [Fact]
    public void AnEndThatComesBeforeTheAnswerCounts()
    {
        Send(workers: 1, atMost: 1);
        window.Ended(5, StepStatus.Written, TimeSpan.Zero);
        window.Accepted(5, "late");
        Assert.Equal(5, window.Count);
        Assert.Empty(window.Silent(TimeSpan.Zero));
    }
}
