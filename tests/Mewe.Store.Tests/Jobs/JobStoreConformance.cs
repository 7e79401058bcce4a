namespace Mewe.Store.Tests.Jobs;

/// <summary>What every job store does. Each implementation runs all of it: JobStoreConformance.*.cs, by what they are about.</summary>
public abstract partial class JobStoreConformance : IAsyncLifetime
{
    private StoreUnderTest under = null!;

    protected abstract Task<StoreUnderTest> OpenAsync();

    private IJobStore Store => under.Jobs;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => under = await OpenAsync();

    public async ValueTask DisposeAsync()
    {
        if (under is not null)
        {
            await under.DisposeAsync();
        }
    }

    private static async Task<T> Ok<T>(Task<StoreAnswer<T>> call)
    {
        var answer = await call;
        Assert.True(answer.TryGet(out var value), answer.Problem?.Message);
        return value;
    }

    private Task<BlobHash> BlobAsync(string text = "module") => Ok(Store.PutBlobAsync(System.Text.Encoding.UTF8.GetBytes(text), Cancellation));

    private async Task<SiloLease> SiloAsync(string name = "a") => (await Ok(Store.RegisterSiloAsync(new NewSilo(name, 4, "1.0"), Cancellation))).Lease!;

    private async Task<string> SubmitAsync(Func<NewJob, NewJob>? with = null)
    {
        var job = new NewJob(JobId.New(), "service.wasm", await BlobAsync(), """{"seed":1}""");
        var submitted = await Ok(Store.SubmitAsync(with?.Invoke(job) ?? job, Cancellation));
        Assert.NotNull(submitted);
        return submitted.Id;
    }

    /// <summary>A job of which all functions wait: their costs, by index.</summary>
    private async Task<string> RunningAsync(SiloLease silo, Func<NewJob, NewJob>? with, params long[] costs)
    {
        var job = await SubmitAsync(with);
        var claim = Assert.Single(await Ok(Store.ClaimJobsAsync(silo, 1, job, Cancellation))).Claim;
        Assert.Equal(WriteOutcome.Written, await Ok(Store.PlannedAsync(claim, await BlobAsync("plan"), [.. costs.Select((cost, index) => new NewFunction(index, $"f{index}", cost))], Cancellation)));
        return job;
    }

    private Task<string> RunningAsync(SiloLease silo, params long[] costs) => RunningAsync(silo, null, costs);

    private Task<IReadOnlyList<ClaimedFunction>> ClaimAsync(SiloLease silo, int count = 1, string? only = null) => Ok(Store.ClaimFunctionsAsync(silo, count, only, Cancellation));

    private async Task<FunctionClaim> ClaimOneAsync(SiloLease silo) => Assert.Single(await ClaimAsync(silo)).Claim;

    private async Task<JobClaim> ClaimJobAsync(SiloLease silo, JobStep step)
    {
        var claimed = Assert.Single(await Ok(Store.ClaimJobsAsync(silo, 1, null, Cancellation)));
        Assert.Equal(step, claimed.Claim.Step);
        return claimed.Claim;
    }

    private static FunctionResult Result(int variants = 2, string content = "result") => new(
        System.Text.Encoding.UTF8.GetBytes(content),
        [.. Enumerable.Range(0, variants).Select(i => new NewVariant(i, BlobHash.Of([(byte)i]), 10 + i, $"step{i}", i == 0 ? VariantEvidence.Proved : VariantEvidence.Tested, i == 0 ? null : "no solver", 256))],
        new CandidateTally(30, 20, 3));

    private Task<WriteOutcome> CompleteAsync(FunctionClaim claim, int variants = 2, string content = "result") => Ok(Store.CompleteFunctionAsync(claim, Result(variants, content), Cancellation));

    private async Task CompleteAllAsync(SiloLease silo)
    {
        foreach (var function in await ClaimAsync(silo, JobLimits.LargestClaim))
        {
            Assert.Equal(WriteOutcome.Written, await CompleteAsync(function.Claim));
        }
    }

    private async Task<JobOutput> OutputAsync() => new(await BlobAsync("multivariant"), await BlobAsync("report"), await BlobAsync("link plan"));

    private async Task<JobRecord> JobAsync(string job)
    {
        var record = await Ok(Store.GetJobAsync(job, Cancellation));
        Assert.NotNull(record);
        var progress = record.Progress;
        var functions = await FunctionsAsync(job);
        Assert.Equal(
            (progress.Total, progress.Available, progress.Running, progress.Done, progress.Failed, progress.Cancelled, progress.Variants),
            (functions.Count, Count(FunctionState.Available), Count(FunctionState.Running), Count(FunctionState.Done), Count(FunctionState.Failed), Count(FunctionState.Cancelled),
                functions.Sum(function => (long)function.Variants)));
        Assert.Equal(record.State.IsTerminal(), record.FinishedAt is not null);
        return record;

        int Count(FunctionState state) => functions.Count(function => function.State == state);
    }

    private async Task<IReadOnlyList<FunctionRecord>> FunctionsAsync(string job) => await Ok(Store.ListFunctionsAsync(job, new FunctionQuery(JobLimits.LargestPage), Cancellation));

    private async Task<FunctionRecord> FunctionAsync(string job, int index) => (await FunctionsAsync(job))[index];
}

/// <summary>The embedded store does all of it.</summary>
public sealed class SqliteJobStoreTests : JobStoreConformance
{
    protected override Task<StoreUnderTest> OpenAsync() => SqliteUnderTest.OpenAsync();
}

/// <summary>The cluster's store does all of it.</summary>
public sealed class PostgresJobStoreTests(Mewe.Tests.PostgresFixture postgres) : JobStoreConformance
{
    protected override Task<StoreUnderTest> OpenAsync() => PostgresUnderTest.OpenAsync(postgres);
}
