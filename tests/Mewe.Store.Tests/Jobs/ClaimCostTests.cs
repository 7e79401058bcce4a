using System.Text.Json;
using Mewe.Store.Postgres;
using Mewe.Tests;
using Npgsql;

namespace Mewe.Store.Tests.Jobs;

/// <summary>
/// What a claim costs the server, in pages that it touches: a number that does not depend on how busy the machine is. It must not grow with what waits, nor with what is finished, nor with what was claimed
/// since the last vacuum.
/// </summary>
public sealed class ClaimCostTests(PostgresFixture postgres)
{
    private const int Functions = 20_000, Claimed = 8;

    /// <summary>A level of an index more here and there; a scan of a table would be thousands.</summary>
    private const int Slack = 100;

    private const string FinishedJobs = """
        INSERT INTO jobs (id, name, module, options, priority, state, finished_at, output_module) SELECT gen_random_uuid(), 'x', sha256('x'), '', 0, 5, now(), sha256('x') FROM generate_series(1, 20000);
        INSERT INTO job_work (job, priority, weight, max_attempts) SELECT id, 0, 1, 3 FROM jobs ON CONFLICT DO NOTHING;
        ANALYZE
        """;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_claim_costs_the_same_whatever_waits_and_whatever_is_finished()
    {
        var connectionString = await postgres.NewDatabaseAsync();
        Assert.True((await PostgresStore.OpenAsync(connectionString, new PostgresStoreOptions { Lease = TimeSpan.FromHours(1), Listen = false }, Cancellation)).TryGet(out var store));
        await using (store)
        {
            Assert.True((await store.Jobs.RegisterSiloAsync(new NewSilo("a", Claimed, "1"), Cancellation)).TryGet(out var registered));
            var silo = registered.Lease!;
            await FunctionsAsync(connectionString, state: 1, functions: 50);
            var few = await PagesAsync(connectionString, silo);
            await FunctionsAsync(connectionString, state: 1, Functions);
            var many = await PagesAsync(connectionString, silo);
    Assert.True(many <= few + Slack, $"{many} pages with {Functions} functions that wait, {few} with 50");
            for (var job = 0; job < 5; job++)
            {
                await FunctionsAsync(connectionString, state: 3, Functions);
            }

            var old = await PagesAsync(connectionString, silo);
Assert.True(old <= few + Slack, $"{old} pages with {5 * Functions} finished functions, {few} without");

            // What was claimed leaves dead entries at the head of the index, until a scan passes over them.
            for (var i = 0; i < 40; i++)
            {
                Assert.True((await store.Jobs.ClaimFunctionsAsync(silo, 50, null, Cancellation)).TryGet(out var claimed));
                Assert.Equal(50, claimed.Count);
            }

            var worn = await PagesAsync(connectionString, silo);
Assert.True(worn <= few + 3 * Slack, $"{worn} pages after 2000 claims, {few} before");
        }
    }

    private static async Task FunctionsAsync(string connectionString, int state, int functions)
    {
        var (job, finished) = (JobId.New(), state == 3);
        await SqlAsync(connectionString, $"""
            INSERT INTO jobs (id, name, module, options, priority, state, finished_at, output_module) VALUES ('{job}', 'x', sha256('x'), '', 0, {(finished ? "5, now(), sha256('x')" : "3, NULL, NULL")});
            INSERT INTO job_work (job, open, priority, weight, max_attempts, total, ready, done) VALUES ('{job}', {!finished}, 0, 1, 3, {functions}, {(finished ? $"0, {functions}" : $"{functions}, 0")});
            INSERT INTO functions (job, function, name, cost, state, finished_at) SELECT '{job}', f, 'f' || f, f * 7919 % 1000, {state}, {(finished ? "now()" : "NULL")} FROM generate_series(1, {functions}) AS f
            """);
        await SqlAsync(connectionString, "ANALYZE");
    }

    /// <summary>Claims, and says how many pages that touched.</summary>
    private static async Task<long> PagesAsync(string connectionString, SiloLease silo, string statement = "functions-claim", int claimed = Claimed)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(Cancellation);
        await using var command = new NpgsqlCommand("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + PostgresSession.Statements[statement], connection);
        command.Parameters.AddRange((NpgsqlParameter[])
            [Parameters.Text("silo", silo.Silo), Parameters.Long("epoch", silo.Epoch), Parameters.Int("count", Claimed), Parameters.Job("only", null)]);
        using var plan = JsonDocument.Parse((string)(await command.ExecuteScalarAsync(Cancellation))!);
        var top = plan.RootElement[0].GetProperty("Plan");
        Assert.Equal(claimed, top.GetProperty("Actual Rows").GetInt32());
        return top.GetProperty("Shared Hit Blocks").GetInt64() + top.GetProperty("Shared Read Blocks").GetInt64();
    }

    private static async Task SqlAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(Cancellation);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(Cancellation);
    }
}
