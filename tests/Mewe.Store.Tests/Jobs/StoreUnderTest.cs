using Mewe.Store.Postgres;
using Mewe.Store.Sqlite;
using Mewe.Tests;
using Npgsql;

namespace Mewe.Store.Tests.Jobs;

/// <summary>A job store whose clock a test can move, and which can be opened several times on the same data.</summary>
public abstract class StoreUnderTest : IAsyncDisposable
{
    public required IJobStore Jobs { get; init; }

    public required IApiKeyStore Keys { get; init; }

    /// <summary>Makes the store's clock go on.</summary>
    public abstract Task PassAsync(TimeSpan time);

    /// <summary>Another store on the same data, as another process would have it; it ends with this one.</summary>
    public abstract Task<IJobStore> AnotherAsync();

    /// <summary>A number from the database itself.</summary>
    public abstract Task<long> ScalarAsync(string sql);

    public abstract ValueTask DisposeAsync();

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    protected static T Opened<T>(StoreAnswer<T> answer)
    {
        Assert.True(answer.TryGet(out var store), answer.Problem?.Message);
        return store;
    }
}

/// <summary>The embedded store on a file of its own, with a clock that stands still unless told.</summary>
public sealed class SqliteUnderTest : StoreUnderTest
{
    private readonly string folder;
    private readonly List<SqliteStore> open = [];
    private readonly MovedTime time;

    private SqliteUnderTest(string folder, MovedTime time) => (this.folder, this.time) = (folder, time);

    private string File => Path.Combine(folder, "mewe.db");

    public static async Task<StoreUnderTest> OpenAsync()
    {
        var (folder, time) = (Directory.CreateTempSubdirectory("mewe-jobs-").FullName, new MovedTime());
        var store = Opened(await SqliteStore.OpenAsync(Path.Combine(folder, "mewe.db"), new SqliteStoreOptions { Time = time }, Cancellation));
        var under = new SqliteUnderTest(folder, time) { Jobs = store.Jobs, Keys = store.Keys };
        under.open.Add(store);
        return under;
    }

    public override Task PassAsync(TimeSpan passed)
    {
        time.Offset += passed;
        return Task.CompletedTask;
    }

    public override async Task<IJobStore> AnotherAsync()
    {
        var store = Opened(await SqliteStore.OpenAsync(File, new SqliteStoreOptions { Time = time }, Cancellation));
        open.Add(store);
        return store.Jobs;
    }

    public override async Task<long> ScalarAsync(string sql)
    {
        await using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={File};Pooling=False");
        await connection.OpenAsync(Cancellation);
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        return Convert.ToInt64(await command.ExecuteScalarAsync(Cancellation), System.Globalization.CultureInfo.InvariantCulture);
    }

    public override async ValueTask DisposeAsync()
    {
        foreach (var store in open)
        {
            await store.DisposeAsync();
        }

        Directory.Delete(folder, recursive: true);
    }

    /// <summary>Stands still at the start of a day, so that only what a test says passes; waiting is real.</summary>
    private sealed class MovedTime : TimeProvider
    {
        public TimeSpan Offset { get; set; }

        public override DateTimeOffset GetUtcNow() => new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero) + Offset;
    }
}

/// <summary>
/// The cluster's store on a database of its own. The server's clock cannot be moved, but what the store's statements call clock_timestamp() is whatever comes first in the search path: here, a function
/// that reads a row.
/// </summary>
public sealed class PostgresUnderTest : StoreUnderTest
{
    private const string Clock = """
        CREATE SCHEMA test_clock;
        CREATE TABLE test_clock.clock (now timestamptz NOT NULL);
        INSERT INTO test_clock.clock VALUES ('2026-01-02T03:04:05Z');
        CREATE FUNCTION test_clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT now FROM test_clock.clock'
        """;

    private readonly string connectionString;
    private readonly List<PostgresStore> open = [];

    public static PostgresStoreOptions Options => new() { DueInterval = TimeSpan.Zero };

    private PostgresUnderTest(string connectionString) => this.connectionString = connectionString;

    public static async Task<StoreUnderTest> OpenAsync(PostgresFixture postgres) => await OpenAsync(await postgres.NewDatabaseAsync(), null, Options);

    /// <param name="port">Of a pooler before the server; null for none.</param>
    public static async Task<PostgresUnderTest> OpenAsync(string database, int? port, PostgresStoreOptions options)
    {
        var settings = new NpgsqlConnectionStringBuilder(database);
        await using (var connection = new NpgsqlConnection(database))
        {
            await connection.OpenAsync(Cancellation);
            await using var clock = new NpgsqlCommand($"{Clock}; ALTER DATABASE {settings.Database} SET search_path = test_clock, pg_catalog, public", connection);
            await clock.ExecuteNonQueryAsync(Cancellation);
        }

        NpgsqlConnection.ClearPool(new NpgsqlConnection(database));
        settings.Port = port ?? settings.Port;
        var store = Opened(await PostgresStore.OpenAsync(settings.ToString(), options, Cancellation));
        var under = new PostgresUnderTest(settings.ToString()) { Jobs = store.Jobs, Keys = store.Keys };
        under.open.Add(store);
        return under;
    }

    public override async Task PassAsync(TimeSpan passed)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(Cancellation);
        await using var command = new NpgsqlCommand("UPDATE test_clock.clock SET now = now + @passed", connection);
        command.Parameters.AddWithValue("passed", passed);
        await command.ExecuteNonQueryAsync(Cancellation);
    }

    public override async Task<IJobStore> AnotherAsync()
    {
        var store = Opened(await PostgresStore.OpenAsync(connectionString, Options, Cancellation));
        open.Add(store);
        return store.Jobs;
    }

    public override async Task<long> ScalarAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(Cancellation);
        await using var command = new NpgsqlCommand(sql, connection);
        return Convert.ToInt64(await command.ExecuteScalarAsync(Cancellation), System.Globalization.CultureInfo.InvariantCulture);
    }

    public override async ValueTask DisposeAsync()
    {
        foreach (var store in open)
        {
            await store.DisposeAsync();
        }

        NpgsqlConnection.ClearPool(new NpgsqlConnection(connectionString));
    }
}
