using System.Collections.Concurrent;
using Mewe.Store.Postgres;
using Mewe.Tests;

namespace Mewe.Store.Tests.Jobs;

/// <summary>
/// Many silos at once, in threads, that die, come back, write late, drain and fail, while jobs are cancelled and retried: whatever the interleaving, every function is done exactly once, and the
/// counters are right. What happens when is chance; what each one does is seeded.
/// </summary>
public abstract class ConcurrentFaultTests
{
    private const int Silos = 4, Jobs = 5, Functions = 40;

    protected abstract Task<StoreUnderTest> OpenAsync();

    /// <summary>What happens to the store meanwhile.</summary>
    protected virtual Task DisturbAsync(CancellationToken cancellation) => Task.CompletedTask;

    /// <summary>What else has to be true in the end.</summary>
    protected virtual Task CheckAsync(StoreUnderTest under) => Task.CompletedTask;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_function_is_done_exactly_once_whatever_happens()
    {
        await using var under = await OpenAsync();
        var run = new Run(under);
        await run.SubmitAsync();
        using var over = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        List<Task> running = [.. Enumerable.Range(0, Silos).Select(silo => Start(() => run.SiloAsync(silo, over.Token))), Start(() => run.UserAsync(over.Token)), Start(() => run.TimeAsync(over.Token))];
        await DisturbAsync(Cancellation);
        var watching = Start(() => run.CompletedAsync(over.Token));
        await Task.WhenAny([watching, .. running]);
        await over.CancelAsync();
        await Task.WhenAll(running);
        await watching;
        await run.CheckAsync();
        await CheckAsync(under);

        static Task Start(Func<Task> work) => Task.Run(work, Cancellation);
    }

    private sealed class Run(StoreUnderTest under)
    {
        private readonly ConcurrentDictionary<(string, int), int> written = new();
        private readonly List<string> jobs = [];
        private BlobHash blob;

        public async Task SubmitAsync()
        {
            blob = await Ok(under.Jobs.PutBlobAsync("blob"u8.ToArray(), Cancellation));
            for (var i = 0; i < Jobs; i++)
            {
                var job = new NewJob(JobId.New(), $"job {i}", blob, "{}") { Weight = i + 1, MaxAttempts = 100 };
                Assert.NotNull(await Ok(under.Jobs.SubmitAsync(job, Cancellation)));
                jobs.Add(job.Id);
            }
        }

        public async Task SiloAsync(int number, CancellationToken over)
        {
            var (random, store) = (new Random(number), number % 2 == 0 ? under.Jobs : await under.AnotherAsync());
            var zombies = new List<Func<Task>>();
            var lease = default(SiloLease);
            while (!over.IsCancellationRequested)
            {
                if (lease is null || random.Next(15) == 0)
                {
                    // The process died, and starts again under its name.
                    lease = (await store.RegisterSiloAsync(new NewSilo($"silo {number}", 4, "1"), Cancellation)).TryGet(out var registered) ? registered.Lease : null;
                    continue;
                }

                var steps = await store.ClaimJobsAsync(lease, 2, null, Cancellation);
                var functions = await store.ClaimFunctionsAsync(lease, random.Next(1, 8), null, Cancellation);
                if (!steps.TryGet(out var jobClaims) || !functions.TryGet(out var functionClaims))
                {
                    await store.ReleaseOthersAsync(lease, [], [], Cancellation);
                    continue;
                }

                if (random.Next(25) == 0)
                {
                    await store.RetireSiloAsync(lease, Cancellation);
                    lease = null;
                }

                var ends = jobClaims.Select(job => End(random.Next(10), job.Claim)).Concat(functionClaims.Select(function => End(random.Next(10), function.Claim))).ToList();
                zombies.AddRange(ends.Where(_ => random.Next(12) == 0));
                await Task.WhenAll(ends.Except(zombies).Select(end => end()));
                if (zombies.Count > 3)
                {
                    await Task.WhenAll(zombies.Select(late => late()));
                    zombies.Clear();
                }

                if (lease is not null)
                {
                    await store.RenewSiloAsync(lease, Cancellation);
                    await store.RescueAsync(Cancellation);
                }

                if (ends.Count == 0)
                {
                    await store.WaitForSignalAsync(store.Signals, TimeSpan.FromMilliseconds(20), Cancellation);
                }
            }

            Func<Task> End(int how, object claim) => async () =>
            {
                switch (claim)
                {
                    case JobClaim job when how == 0:
                        await store.FailJobAsync(job, new WorkError("x", "y"), true, Cancellation);
                        break;
                    case JobClaim job when how == 1:
                        await store.ReleaseJobsAsync([job], Cancellation);
                        break;
                    case JobClaim { Step: JobStep.Plan } job:
                        await store.PlannedAsync(job, blob, [.. Enumerable.Range(0, Functions).Select(i => new NewFunction(i, $"f{i}", i % 7))], Cancellation);
                        break;
                    case JobClaim job:
                        await store.LinkedAsync(job, new JobOutput(blob, blob, blob), [], Cancellation);
                        break;
                    case FunctionClaim function when how == 0:
                        await store.FailFunctionAsync(function, new WorkError("x", "y"), true, Cancellation);
                        break;
                    case FunctionClaim function when how == 1:
                        await store.ReleaseFunctionsAsync([function], Cancellation);
                        break;
                    case FunctionClaim function:
                        var result = new FunctionResult(System.Text.Encoding.UTF8.GetBytes(function.ToString()), [new NewVariant(0, blob, 1, "step", VariantEvidence.Tested, null, 1)], new CandidateTally(1, 1, 0));
                        if ((await store.CompleteFunctionAsync(function, result, Cancellation)).TryGet(out var outcome) && outcome == WriteOutcome.Written)
                        {
                            written.AddOrUpdate((function.Job, function.Function), 1, (_, times) => times + 1);
                        }

                        break;
                }
            };
        }

        /// <summary>A user who cancels jobs and thinks better of it.</summary>
        public async Task UserAsync(CancellationToken over)
        {
            var random = new Random(77);
            while (!over.IsCancellationRequested)
            {
                var job = jobs[random.Next(jobs.Count)];
                if (random.Next(3) == 0)
                {
                    await under.Jobs.CancelAsync(job, Cancellation);
                }

                foreach (var cancelled in jobs)
                {
                    await under.Jobs.RetryAsync(cancelled, Cancellation);
                }

                await under.Jobs.WaitForSignalAsync(long.MaxValue, TimeSpan.FromMilliseconds(60), Cancellation);
            }
        }

        public async Task TimeAsync(CancellationToken over)
        {
            while (!over.IsCancellationRequested)
            {
                try
                {
                    await under.PassAsync(TimeSpan.FromSeconds(1));
                }
                catch (Npgsql.NpgsqlException)
                {
                    // The server is just being restarted.
                }

                await under.Jobs.WaitForSignalAsync(long.MaxValue, TimeSpan.FromMilliseconds(20), Cancellation);
            }
        }

        public async Task CompletedAsync(CancellationToken over)
        {
            while (!over.IsCancellationRequested)
            {
                if ((await under.Jobs.GetProgressAsync(jobs, Cancellation)).TryGet(out var states) && states.Values.All(job => job.State == JobState.Completed))
                {
                    return;
                }

                await under.Jobs.WaitForSignalAsync(long.MaxValue, TimeSpan.FromMilliseconds(20), Cancellation);
            }
        }

        public async Task CheckAsync()
        {
            foreach (var job in jobs)
            {
                var record = (await Ok(under.Jobs.GetJobAsync(job, Cancellation)))!;
                Assert.Equal(JobState.Completed, record.State);
                Assert.Equal(new JobProgress(Functions, 0, 0, Functions, 0, 0, Functions, new CandidateTally(Functions, Functions, 0)), record.Progress);
                Assert.All(await Ok(under.Jobs.ListFunctionsAsync(job, new FunctionQuery(), Cancellation)), function => Assert.Equal(FunctionState.Done, function.State));
                Assert.Equal(Enumerable.Range(0, Functions), (await Ok(under.Jobs.ReadResultsAsync(job, null, Cancellation))).Select(result => result.Index));
            }

            // An answer may be lost with the server, and then somebody hears less than happened, never more.
            Assert.All(written.Values, times => Assert.Equal(1, times));
            Assert.Equal(Jobs * Functions, await under.ScalarAsync("SELECT count(*) FROM function_results"));
            Assert.Equal(Jobs * Functions, await under.ScalarAsync("SELECT count(*) FROM variants"));
        }

        private static async Task<T> Ok<T>(Task<StoreAnswer<T>> call)
        {
            var answer = await call;
            Assert.True(answer.TryGet(out var value), answer.Problem?.Message);
            return value;
        }
    }
}

/// <summary>The embedded store, opened several times on one file.</summary>
public sealed class SqliteConcurrentFaultTests : ConcurrentFaultTests
{
    protected override Task<StoreUnderTest> OpenAsync() => SqliteUnderTest.OpenAsync();
}

/// <summary>The cluster's store. Its transactions take their locks in one order, so that none ever waits in a circle.</summary>
public sealed class PostgresConcurrentFaultTests(PostgresFixture postgres) : ConcurrentFaultTests
{
    protected override Task<StoreUnderTest> OpenAsync() => PostgresUnderTest.OpenAsync(postgres);

    protected override async Task CheckAsync(StoreUnderTest under) =>
        Assert.Equal(0, await under.ScalarAsync("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"));
}

/// <summary>The cluster's store on a server that crashes and comes back, again and again.</summary>
public sealed class RestartedPostgresTests(PostgresFixture postgres) : ConcurrentFaultTests, IAsyncDisposable
{
    private PostgresServer? server;

    protected override async Task<StoreUnderTest> OpenAsync()
    {
        await postgres.ServerAsync(); // says when there is none
        server = await PostgresServer.StartAsync(durable: true, TestContext.Current.CancellationToken);
        return await PostgresUnderTest.OpenAsync(await server.NewDatabaseAsync("restarted", TestContext.Current.CancellationToken), null, PostgresUnderTest.Options);
    }

    protected override async Task DisturbAsync(CancellationToken cancellation)
    {
        for (var i = 0; i < 3; i++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(400), cancellation);
            await server!.StopAsync(crash: i != 1, cancellation);
            await server.StartAsync(cancellation);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (server is not null)
        {
            await server.DisposeAsync();
        }
    }
}
