using Mewe.Store.Postgres;
using Mewe.Tests;
using Npgsql;

namespace Mewe.Store.Tests;

/// <summary>Lemmas and rules in PostgreSQL, and databases that are not as they should be.</summary>
public sealed class PostgresStoreTests(PostgresFixture postgres) : StoreConformance, IAsyncDisposable
{
    private readonly List<PostgresStore> open = [];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        foreach (var store in open)
        {
            await store.DisposeAsync();
        }
    }

    protected override async Task<(ILemmaStore Lemmas, ILearnedRuleStore Rules)> OpenAsync()
    {
        var store = await OpenAsync(await postgres.NewDatabaseAsync());
        return (store, store);
    }

    private async Task<PostgresStore> OpenAsync(string connectionString)
    {
        var answer = await PostgresStore.OpenAsync(connectionString, Cancellation);
        Assert.True(answer.TryGet(out var store), answer.Problem?.Message);
        open.Add(store);
        return store;
    }

    private static async Task<object?> SqlAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(Cancellation);
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(Cancellation);
    }

    [Fact]
    public async Task Many_silos_that_start_at_once_migrate_once()
    {
        var database = await postgres.NewDatabaseAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => Task.Run(() => PostgresStore.OpenAsync(database, Cancellation))));
        foreach (var answer in answers)
        {
            Assert.True(answer.TryGet(out var store), answer.Problem?.Message);
            open.Add(store);
        }

        Assert.Equal((long)PostgresMigration.Latest, await SqlAsync(database, "SELECT count(*) FROM mewe_migrations"));
    }

    [Fact]
    public async Task A_database_of_a_newer_version_says_to_update()
    {
        var database = await postgres.NewDatabaseAsync();
        await OpenAsync(database);
        await SqlAsync(database, "INSERT INTO mewe_migrations (number, name) VALUES (9999, 'later')");
        var problem = (await PostgresStore.OpenAsync(database, Cancellation)).Problem;
        Assert.Equal(StoreProblemKind.Newer, problem?.Kind);
        Assert.Contains("9999", problem!.Message);
    }

    [Fact]
    public async Task A_migration_that_fails_changes_nothing()
    {
        var database = await postgres.NewDatabaseAsync();
        await SqlAsync(database, "CREATE TABLE jobs (of_another_program text)");
        await Assert.ThrowsAsync<PostgresException>(() => PostgresStore.OpenAsync(database, Cancellation));
        Assert.Equal(1L, await SqlAsync(database, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"));
    }

    [Theory]
    [InlineData("Host=127.0.0.1;Port=1;Username=u;Password=secret-word;Database=d;Timeout=5", StoreProblemKind.Unreachable)]
    [InlineData("Host=no-such-host.invalid;Username=u;Password=secret-word;Database=d", StoreProblemKind.Unreachable)]
    [InlineData("Password=secret-word;what is this", StoreProblemKind.Unavailable)]
    [InlineData("Port=seven;Password=secret-word", StoreProblemKind.Unavailable)]
    public async Task A_server_that_cannot_be_reached_is_a_message_without_secrets(string connectionString, StoreProblemKind kind)
    {
        var problem = (await PostgresStore.OpenAsync(connectionString, Cancellation)).Problem;
        Assert.Equal(kind, problem?.Kind);
        Assert.DoesNotContain("secret", problem!.Message);
    }

    [Fact]
    public async Task A_database_that_does_not_exist_is_a_message()
    {
        var server = await postgres.ServerAsync();
        var problem = (await PostgresStore.OpenAsync(server.ConnectionString("nowhere"), Cancellation)).Problem;
        Assert.Equal(StoreProblemKind.Unavailable, problem?.Kind);
        Assert.Contains("nowhere", problem!.Message);
    }

    [Fact]
    public async Task A_closed_store_says_that_it_was_closed()
    {
        var store = await OpenAsync(await postgres.NewDatabaseAsync());
        await store.DisposeAsync();
        Assert.Equal(StoreProblemKind.Closed, (await store.GetAllLemmasAsync(1, Cancellation)).Problem?.Kind);
        Assert.Equal(StoreProblemKind.Closed, (await store.Jobs.GetJobAsync(JobId.New(), Cancellation)).Problem?.Kind);
    }

    [Fact]
    public async Task The_same_key_twice_in_a_batch_is_put_twice()
    {
        var store = await OpenAsync(await postgres.NewDatabaseAsync());
        var lemma = new Lemma(new LemmaKey(new byte[16]), LemmaVerdict.Undecided, "z3", 1, 1);
        Lemma[] batch = [lemma, new(lemma.Key, LemmaVerdict.Proved, "z3", 1, 1), new(lemma.Key, LemmaVerdict.Refuted, "z3", 1, 1)];
        Assert.True((await store.PutLemmasAsync(batch, Cancellation)).TryGet(out var count));
        Assert.Equal(new PutCount(2, 0, 1), count);
    }
}
