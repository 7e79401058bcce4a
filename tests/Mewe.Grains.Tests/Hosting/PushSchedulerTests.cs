using Mewe.Store;
using Mewe.Store.Sqlite;

namespace Mewe.Grains.Tests.Hosting;

/// <summary>Work that is sent to a silo, on a store in memory, with jobs that need no engine.</summary>
public sealed class PushSchedulerTests : IAsyncLifetime
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(20);

    private SqliteStore store = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => Assert.True((await SqliteStore.OpenAsync(":memory:", Cancellation)).TryGet(out store!));

    public ValueTask DisposeAsync() => store.DisposeAsync();

    private async Task<T> WorkingAsync<T>(Func<PushScheduler, Task<T>> work)
    {
        var (lemmas, _) = await JobLemmas.LoadAsync(null, null, Cancellation);
        using var host = new GrainHost(store.Jobs, JobEngines.Only(new NamedEngine("v8", "1")), null, lemmas, null, workers: 2);
        var scheduler = new PushScheduler(host, new SchedulerOptions("one") { Poll = Poll, Renewal = Poll, Scheduler = "orleans" });
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var running = scheduler.RunAsync(stop.Token);
        var result = await work(scheduler);
        await stop.CancelAsync();
        await running;
        return result;
    }

    private async Task<string> SubmitAsync()
    {
        var hash = Value(await store.Jobs.PutBlobAsync(new byte[] { 1, 2, 3 }, Cancellation));
        return Value(await store.Jobs.SubmitAsync(new NewJob(JobId.New(), "bad", hash, "{}"), Cancellation))!.Id;
    }

    private static T Value<T>(StoreAnswer<T> answer) => answer.TryGet(out var value) ? value : throw new InvalidOperationException(answer.Problem!.Message);

    private static async Task<StepStatus> SendAsync(PushScheduler scheduler, string job, int? function = null)
    {
        var step = new SentStep(job, function, 0, 1);
        Assert.True(scheduler.TrySend(step));
        return await step.Ended;
    }

    [Fact]
    public async Task WhatIsNotSentIsNotDone()
    {
        var (waits, sent) = (await SubmitAsync(), await SubmitAsync());

        Assert.Equal(StepStatus.Failed, await WorkingAsync(scheduler => SendAsync(scheduler, sent)));

        Assert.Equal(JobState.Failed, Value(await store.Jobs.GetJobAsync(sent, Cancellation))!.State);
        Assert.Equal(JobState.Queued, Value(await store.Jobs.GetJobAsync(waits, Cancellation))!.State);
    }

    [Fact]
    public async Task WhatIsSentTwiceIsDoneOnce()
    {
        var job = await SubmitAsync();

        var ended = await WorkingAsync(scheduler => Task.WhenAll(SendAsync(scheduler, job), SendAsync(scheduler, job), SendAsync(scheduler, job)));

        Assert.Equal([StepStatus.Failed, StepStatus.NotClaimed, StepStatus.NotClaimed], ended.Order());
        Assert.Equal(1, Value(await store.Jobs.GetJobAsync(job, Cancellation))!.Attempt);
    }

    [Fact]
    public async Task WhatTheStoreDoesNotHaveIsNotClaimed()
    {
        var job = await SubmitAsync();

        var ended = await WorkingAsync(scheduler => Task.WhenAll(SendAsync(scheduler, job, function: 3), SendAsync(scheduler, JobId.New()), SendAsync(scheduler, job, function: 3)));

        Assert.All(ended, status => Assert.Equal(StepStatus.NotClaimed, status));
    }

    [Fact]
    public async Task ASiloThatEndsTakesNothingAndHasNoClaims()
    {
        var job = await SubmitAsync();
        PushScheduler? ended = null;
        await WorkingAsync(scheduler => Task.FromResult(ended = scheduler));

        Assert.False(ended!.TrySend(new SentStep(job, null, 0, 1)));
        Assert.Empty(Value(await store.Jobs.ListSilosAsync(Cancellation)));
    }

    [Fact]
    public async Task ASiloThatIsStoppedBeforeItHasALeaseTakesNothing()
    {
        var (lemmas, _) = await JobLemmas.LoadAsync(null, null, Cancellation);
        using var host = new GrainHost(store.Jobs, JobEngines.Only(new NamedEngine("v8", "1")), null, lemmas, null, workers: 1);
        var scheduler = new PushScheduler(host, new SchedulerOptions("one") { Scheduler = "orleans" });
        var early = new SentStep(JobId.New(), null, 0, 1);
        Assert.True(scheduler.TrySend(early));

        await scheduler.RunAsync(new CancellationToken(canceled: true));

        Assert.False(scheduler.TrySend(new SentStep(JobId.New(), null, 0, 1)));
        Assert.Equal(StepStatus.Stopped, await early.Ended.WaitAsync(Cancellation));
    }

    [Fact]
    public async Task BesideLivingSilosWithLeasesItIsRefusedAndSaysWho()
    {
        Assert.NotNull(Value(await store.Jobs.RegisterSiloAsync(new NewSilo("leased", 1, "1"), Cancellation)).Lease);
        var (lemmas, _) = await JobLemmas.LoadAsync(null, null, Cancellation);
        using var host = new GrainHost(store.Jobs, JobEngines.Only(new NamedEngine("v8", "1")), null, lemmas, null, workers: 1);
        var scheduler = new PushScheduler(host, new SchedulerOptions("one") { Scheduler = "orleans" });
        SiloRecord? other = null;
        scheduler.Work.Refused += silo => other = silo;

        Assert.Equal(SchedulerEnd.Refused, await scheduler.RunAsync(Cancellation));

        Assert.Equal(("leased", NewSilo.Leases), (other!.Lease.Silo, other.Scheduler));
        Assert.Null(scheduler.Work.Lease);
    }
}
