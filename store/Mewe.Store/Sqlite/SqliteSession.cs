using Microsoft.Data.Sqlite;

namespace Mewe.Store.Sqlite;

/// <summary>
/// One connection to a store file, which serves one transaction at a time, away from the caller's thread (SQLite has no asynchronous interface).
/// </summary>
internal sealed class SqliteSession : IAsyncDisposable
{
    private readonly SemaphoreSlim gate = new(1);
    private readonly SqliteConnection connection;
    private readonly TimeProvider time;
    private bool closed;

    static SqliteSession() => SQLitePCL.Batteries_V2.Init();

    private SqliteSession(string path, SqliteConnection connection, TimeProvider time) => (Path, this.connection, this.time) = (path, connection, time);

    /// <summary>The statements of the embedded store.</summary>
    public static SqlStatements Statements { get; } = new(typeof(SqliteSession).Assembly, "queries/");

    public string Path { get; }

    /// <summary>Opens a file, which is made where there is none, and brings it up to date.</summary>
    public static StoreAnswer<SqliteSession> Open(string path, int busySeconds, TimeProvider time)
    {
        SqliteConnection? connection = null;
        try
        {
            if (System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path)) is { } folder)
            {
                Directory.CreateDirectory(folder);
            }

            connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false, DefaultTimeout = busySeconds, ForeignKeys = true }.ToString());
            connection.Open();
            using (var settings = connection.CreateCommand())
            {
                // SQLite's own waiting looks again within milliseconds; that of the library above it, which comes after, only every 150.
                settings.CommandText = $"PRAGMA busy_timeout = {busySeconds * 1000}; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;";
                settings.ExecuteNonQuery();
            }

            if (Migration.Apply(connection, path) is { } problem)
            {
                connection.Dispose();
                return problem;
            }

            return StoreAnswer<SqliteSession>.Of(new SqliteSession(path, connection, time));
        }
        catch (Exception error) when (ProblemOf(error, path) is { } problem)
        {
            connection?.Dispose();
            return problem;
        }
    }

    /// <summary>Runs work in a transaction. An exception of the work that is not the store's undoes it, and is passed on.</summary>
    /// <param name="writes">False for a transaction that need not wait for writers.</param>
    public async Task<StoreAnswer<T>> RunAsync<T>(Func<SqliteWork, T> work, bool writes, CancellationToken cancellation)
    {
        await gate.WaitAsync(cancellation);
        try
        {
            if (closed)
            {
                return new StoreProblem(StoreProblemKind.Closed, $"the store {Path} was closed");
            }

            return await Task.Run(
                () =>
                {
                    using var transaction = connection.BeginTransaction(deferred: !writes);
                    var result = work(new SqliteWork(transaction, time.GetUtcNow().ToUnixTimeMilliseconds()));
                    transaction.Commit();
                    return StoreAnswer<T>.Of(result);
                },
                cancellation);
        }
        catch (Exception error) when (ProblemOf(error, Path) is { } problem)
        {
            return problem;
        }
        finally
        {
            gate.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await gate.WaitAsync();
        try
        {
            closed = true;
            await connection.DisposeAsync();
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>What an exception of SQLite or of the file system means for the user; null for one that is a bug.</summary>
    internal static StoreProblem? ProblemOf(Exception error, string path) => error switch
    {
        // Result codes: https://www.sqlite.org/rescode.html. A constraint (19) that does not hold is a bug of ours.
        SqliteException { SqliteErrorCode: 19 } => null,
        SqliteException { SqliteErrorCode: 11 } => new(StoreProblemKind.Corrupt, $"the store {path} is damaged; delete it, and the next job starts a new one"),
        SqliteException { SqliteErrorCode: 26 } => new(StoreProblemKind.NotAStore, $"{path} is not a store (no SQLite database); choose another file, or delete it"),
        SqliteException { SqliteErrorCode: 5 or 6 } => new(StoreProblemKind.Locked, $"the store {path} is locked by another process for more than {SqliteStore.BusySeconds} seconds"),
        SqliteException { SqliteErrorCode: 8 } => new(StoreProblemKind.ReadOnly, $"the store {path} cannot be written"),
        SqliteException sqlite => new(StoreProblemKind.Unavailable, $"the store {path} cannot be used: {sqlite.Message}"),
        UnauthorizedAccessException => new(StoreProblemKind.ReadOnly, $"the folder of the store {path} cannot be written"),
        IOException io => new(StoreProblemKind.Unavailable, $"the store {path} cannot be used: {io.Message}"),
        _ => null,
    };
}

/// <summary>A transaction in progress, with the time at which it started.</summary>
/// <param name="Now">Milliseconds of Unix time.</param>
internal readonly record struct SqliteWork(SqliteTransaction Transaction, long Now)
{
    /// <summary>A command that is used many times, its parameters by position.</summary>
    public SqliteCommand Prepare(string statement, params ReadOnlySpan<string> parameters)
    {
        var command = Transaction.Connection!.CreateCommand();
        (command.CommandText, command.Transaction) = (SqliteSession.Statements[statement], Transaction);
        foreach (var name in parameters)
        {
            var parameter = command.CreateParameter();
            parameter.ParameterName = name;
            command.Parameters.Add(parameter);
        }

        return command;
    }

    public static int Execute(SqliteCommand command, params ReadOnlySpan<object?> values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            command.Parameters[i].Value = values[i] ?? DBNull.Value;
        }

        return command.ExecuteNonQuery();
    }

    /// <returns>How many rows changed.</returns>
    public int Execute(string statement, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        using var command = Command(statement, parameters);
        return command.ExecuteNonQuery();
    }

    public List<T> Query<T>(string statement, Func<SqliteDataReader, T> read, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        using var command = Command(statement, parameters);
        using var rows = command.ExecuteReader();
        var found = new List<T>();
        while (rows.Read())
        {
            found.Add(read(rows));
        }

        return found;
    }

    /// <summary>Whether there is a row.</summary>
    public bool Exists(string statement, params ReadOnlySpan<(string Name, object? Value)> parameters) => Query(statement, _ => true, parameters).Count > 0;

    private SqliteCommand Command(string statement, ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        var command = Transaction.Connection!.CreateCommand();
        (command.CommandText, command.Transaction) = (SqliteSession.Statements[statement], Transaction);
        foreach (var (name, value) in parameters)
        {
            command.Parameters.AddWithValue(name, value ?? DBNull.Value);
        }

        return command;
    }
}
