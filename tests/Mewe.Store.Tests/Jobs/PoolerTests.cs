using Mewe.Store.Postgres;
using Mewe.Tests;

namespace Mewe.Store.Tests.Jobs;

/// <summary>The cluster's store behind a pooler that gives every transaction another server connection: it does what the model does.</summary>
public sealed class PooledInterleavingTests(PostgresFixture postgres) : InterleavingTests, IAsyncDisposable
{
    private TransactionPooler? pooler;

    protected override IEnumerable<int> Seeds => [101, 102];

    protected override async Task<StoreUnderTest> OpenAsync()
    {
        await DisposeAsync();
        pooler = new TransactionPooler((await postgres.ServerAsync()).Port, connections: 3);
        return await PostgresUnderTest.OpenAsync(await postgres.NewDatabaseAsync(), pooler.Port, PostgresUnderTest.Options);
    }

    public async ValueTask DisposeAsync()
    {
        if (pooler is not null)
        {
            await pooler.DisposeAsync();
        }
    }
}

/// <summary>What is special behind a pooler.</summary>
public sealed class PoolerTests(PostgresFixture postgres)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Many_stores_at_once_share_few_connections_and_migrate_once()
    {
        var database = await postgres.NewDatabaseAsync();
        await using var pooler = new TransactionPooler((await postgres.ServerAsync()).Port, connections: 3);
        var connectionString = new Npgsql.NpgsqlConnectionStringBuilder(database) { Port = pooler.Port }.ToString();
        var stores = await Task.WhenAll(Enumerable.Range(0, 6).Select(async _ =>
        {
            var answer = await PostgresStore.OpenAsync(connectionString, Cancellation);
            Assert.True(answer.TryGet(out var store), answer.Problem?.Message);
            return store;
        }));
        var planner = stores[0].Jobs;
        var silo = (await Ok(planner.RegisterSiloAsync(new NewSilo("planner", 1, "1"), Cancellation))).Lease!;
        var blob = await Ok(planner.PutBlobAsync(new byte[600_000], Cancellation));
        var job = new NewJob(JobId.New(), "pooled", blob, "{}");
        Assert.NotNull(await Ok(planner.SubmitAsync(job, Cancellation)));
        var plan = Assert.Single(await Ok(planner.ClaimJobsAsync(silo, 1, null, Cancellation))).Claim;
        Assert.Equal(WriteOutcome.Written, await Ok(planner.PlannedAsync(plan, blob, [.. Enumerable.Range(0, 300).Select(i => new NewFunction(i, $"f{i}", i))], Cancellation)));
        await Task.WhenAll(stores.Select((store, index) => Task.Run(
            async () =>
            {
                var lease = (await Ok(store.Jobs.RegisterSiloAsync(new NewSilo($"silo {index}", 4, "1"), Cancellation))).Lease!;
                while (await Ok(store.Jobs.ClaimFunctionsAsync(lease, 5, null, Cancellation)) is { Count: > 0 } claimed)
                {
                    var outcomes = await Task.WhenAll(claimed.Select(function => Ok(store.Jobs.CompleteFunctionAsync(function.Claim,
                        new FunctionResult(new byte[100], [new NewVariant(0, blob, 1, "step", VariantEvidence.Tested, null, 1)], default), Cancellation))));
                    Assert.All(outcomes, outcome => Assert.Equal(WriteOutcome.Written, outcome));
                }
            },
            Cancellation)));
        var progress = (await Ok(planner.GetJobAsync(job.Id, Cancellation)))!.Progress;
        Assert.Equal((300, 300L), (progress.Done, progress.Variants));
        Assert.True(pooler.Transactions > 100, $"{pooler.Transactions} transactions");
        foreach (var store in stores)
        {
            await store.DisposeAsync();
        }
    }

    [Fact]
    public async Task Signals_of_others_arrive_over_a_connection_and_not_through_a_pooler_but_polling_goes_on()
    {
        var database = await postgres.NewDatabaseAsync();
        await using var pooler = new TransactionPooler((await postgres.ServerAsync()).Port, connections: 3);
        var pooled = await OpenedAsync(new Npgsql.NpgsqlConnectionStringBuilder(database) { Port = pooler.Port }.ToString());
        await using var direct = await OpenedAsync(database);
        await using var other = await OpenedAsync(database);

        // A listener raises a first signal when it hears; then only what others do is left.
        var seen = await direct.Jobs.WaitForSignalAsync(0, TimeSpan.FromSeconds(30), Cancellation);
        Assert.Equal(1, seen);
        var blob = await Ok(other.Jobs.PutBlobAsync("module"u8.ToArray(), Cancellation));
        Assert.NotNull(await Ok(other.Jobs.SubmitAsync(new NewJob(JobId.New(), "x", blob, "{}"), Cancellation)));
        Assert.Equal(2, await direct.Jobs.WaitForSignalAsync(seen, TimeSpan.FromSeconds(30), Cancellation));
        Assert.Equal(0, await pooled.Jobs.WaitForSignalAsync(0, TimeSpan.FromMilliseconds(100), Cancellation));
        var silo = (await Ok(pooled.Jobs.RegisterSiloAsync(new NewSilo("pooled", 1, "1"), Cancellation))).Lease!;
        Assert.Single(await Ok(pooled.Jobs.ClaimJobsAsync(silo, 1, null, Cancellation)));
        await pooled.DisposeAsync();
    }

    private static async Task<PostgresStore> OpenedAsync(string connectionString)
    {
        var answer = await PostgresStore.OpenAsync(connectionString, Cancellation);
        Assert.True(answer.TryGet(out var store), answer.Problem?.Message);
        return store;
    }

    private static async Task<T> Ok<T>(Task<StoreAnswer<T>> call)
    {
        var answer = await call;
        Assert.True(answer.TryGet(out var value), answer.Problem?.Message);
        return value;
    }
}
