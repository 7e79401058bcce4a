using Mewe.Store;
using Mewe.Store.Sqlite;

namespace Mewe.Grains.Tests.Hosting;

/// <summary>The scheduler on a store in memory, with jobs that need no engine.</summary>
public sealed class SiloSchedulerTests : IAsyncLifetime
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(20);

    private SqliteStore store = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => Assert.True((await SqliteStore.OpenAsync(":memory:", Cancellation)).TryGet(out store!));

    public ValueTask DisposeAsync() => store.DisposeAsync();

    private async Task<T> WorkingAsync<T>(Func<SiloScheduler, Task<T>> work, string name = "one")
    {
        var (lemmas, _) = await JobLemmas.LoadAsync(null, null, Cancellation);
        using var host = new GrainHost(store.Jobs, JobEngines.Only(new NamedEngine("v8", "1")), null, lemmas, null, workers: 2);
        var scheduler = new SiloScheduler(host, new SchedulerOptions(name) { Poll = Poll, Renewal = Poll });
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var running = scheduler.RunAsync(stop.Token);
        var result = await work(scheduler);
        await stop.CancelAsync();
        await running;
        return result;
    }

    private async Task<string> SubmitAsync(byte[] module, string options = "{}")
    {
        var hash = Value(await store.Jobs.PutBlobAsync(module, Cancellation));
        return Value(await store.Jobs.SubmitAsync(new NewJob(JobId.New(), "test", hash, options), Cancellation))!.Id;
    }

    private async Task<JobRecord> UntilAsync(string job, Func<JobRecord, bool> condition)
    {
        while (true)
        {
            var seen = store.Jobs.Signals;
            var record = Value(await store.Jobs.GetJobAsync(job, Cancellation))!;
            if (condition(record))
            {
                return record;
            }

            await store.Jobs.WaitForSignalAsync(seen, Poll, Cancellation);
        }
    }

    private static T Value<T>(StoreAnswer<T> answer) => answer.TryGet(out var value) ? value : throw new InvalidOperationException(answer.Problem!.Message);

    [Fact]
    public async Task ABadModuleFailsItsJobAtOnceAndSaysWhere()
    {
        var id = await SubmitAsync([1, 2, 3]);

        var job = await WorkingAsync(_ => UntilAsync(id, job => job.State.IsTerminal()));

        Assert.Equal((JobState.Failed, nameof(JobFailureKind.BadModule)), (job.State, job.Error!.Kind));
        Assert.Contains("at byte 0", job.Error.Message);
        Assert.Equal(1, job.Attempt);
    }

    [Fact]
    public async Task OptionsThatCannotBeReadFailTheJobAndNotTheSilo()
    {
        var id = await SubmitAsync([1, 2, 3], """{"colour":"red"}""");

        var job = await WorkingAsync(_ => UntilAsync(id, job => job.State.IsTerminal()));

        Assert.Equal((JobState.Failed, nameof(JobFailureKind.Unusable)), (job.State, job.Error!.Kind));
    }

    [Fact]
    public async Task ADrainedSiloHasNoLeaseAndNoClaims()
    {
        await WorkingAsync(scheduler => UntilRegisteredAsync(scheduler));

        Assert.Empty(Value(await store.Jobs.ListSilosAsync(Cancellation)));
    }

    [Fact]
    public async Task ASecondSiloOfTheSameNameEndsTheFirst()
    {
        var (lemmas, _) = await JobLemmas.LoadAsync(null, null, Cancellation);
        using var host = new GrainHost(store.Jobs, JobEngines.Only(new NamedEngine("v8", "1")), null, lemmas, null, workers: 1);
        var first = new SiloScheduler(host, new SchedulerOptions("twin") { Poll = Poll, Renewal = Poll });
        var running = first.RunAsync(Cancellation);
        await UntilRegisteredAsync(first);

        await WorkingAsync(
            async _ =>
            {
                Assert.Equal(SchedulerEnd.Superseded, await running);
                return 0;
            },
            "twin");
    }

    /// <summary>In the middle of an upgrade silos of two builds are there; a job belongs to the build that planned it.</summary>
    [Fact]
    public async Task AJobThatAnotherBuildPlannedIsLeftToItsSilosWhileThereAreAny()
    {
        var id = await SubmitAsync([1, 2, 3]);
        var other = Value(await store.Jobs.RegisterSiloAsync(new NewSilo("other", 1, "another build"), Cancellation)).Lease!;
        var claimed = Assert.Single(Value(await store.Jobs.ClaimJobsAsync(other, 1, null, Cancellation)));
        var plan = new MessageWriter("MwPL"u8, 1);
        plan.Text("another build");
        var blob = Value(await store.Jobs.PutBlobAsync(plan.Done(), Cancellation));
        Assert.Equal(WriteOutcome.Written, Value(await store.Jobs.PlannedAsync(claimed.Claim, blob, [new NewFunction(0, "f", 1)], Cancellation)));

        await WorkingAsync(async _ =>
        {
            // Taken and given back: no attempt is used up.
            while (Value(await store.Jobs.ListFunctionsAsync(id, new FunctionQuery(), Cancellation))[0] is not { Attempt: >= 1, State: FunctionState.Available, Failures: 0 })
            {
                await store.Jobs.WaitForSignalAsync(store.Jobs.Signals, Poll, Cancellation);
            }

            await store.Jobs.RetireSiloAsync(other, Cancellation);
            var job = await UntilAsync(id, job => job.State.IsTerminal());
            Assert.Equal((JobState.Failed, nameof(JobFailureKind.Unusable)), (job.State, job.Error!.Kind));
            return 0;
        });
    }

    private static async Task<int> UntilRegisteredAsync(SiloScheduler scheduler)
    {
        while (scheduler.Work.Lease is null)
        {
            await Task.Delay(Poll, Cancellation);
        }

        return 0;
    }
}
