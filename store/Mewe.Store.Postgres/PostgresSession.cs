using System.Net.Sockets;
using Npgsql;

namespace Mewe.Store.Postgres;

/// <summary>
/// Connections to a server, perhaps through a pooler that gives every transaction another one: nothing here needs a session. No state is set outside transactions, statements are not named, locks end with
/// their transaction. What goes wrong with the server is an answer, never an exception; what two transactions do to each other (a deadlock) is tried again.
/// </summary>
internal sealed class PostgresSession : IAsyncDisposable
{
    /// <summary>How often a transaction is tried that the server ended in favour of another one.</summary>
    private const int Tries = 10;

    private readonly NpgsqlDataSource source;
    private volatile bool closed;

    private PostgresSession(NpgsqlDataSource source, string where, NpgsqlConnectionStringBuilder settings) => (this.source, Where, Settings) = (source, where, settings);

    /// <summary>The statements of this store.</summary>
    public static SqlStatements Statements { get; } = new(typeof(PostgresSession).Assembly, "queries/");

    /// <summary>Host and database, for messages; no secret.</summary>
    public string Where { get; }

    /// <summary>How to connect, with everything that is not said in the connection string.</summary>
    public NpgsqlConnectionStringBuilder Settings { get; }

    /// <summary>Takes a connection string; nothing is connected yet.</summary>
    public static StoreAnswer<PostgresSession> Of(string connectionString)
    {
        try
        {
            var settings = new NpgsqlConnectionStringBuilder(connectionString)
            {
                // No session state, so nothing to reset; and through a pooler the reset would reach another session.
                NoResetOnClose = true,
                Enlist = false,
            };
            settings.ApplicationName ??= "mewe";
            if (settings.MaxPoolSize == new NpgsqlConnectionStringBuilder().MaxPoolSize)
            {
                settings.MaxPoolSize = 16; // per silo; a server allows a hundred by default
            }

            return StoreAnswer<PostgresSession>.Of(new PostgresSession(new NpgsqlDataSourceBuilder(settings.ToString()).Build(), $"{settings.Host}/{settings.Database}", settings));
        }
        catch (Exception error) when (error is ArgumentException or FormatException or InvalidOperationException or NotSupportedException)
        {
            // The message of the exception may quote the text, and the text may have a password.
            return new StoreProblem(StoreProblemKind.Unavailable, "the connection string of the store cannot be read; it looks like Host=...;Database=...;Username=...");
        }
    }

    /// <summary>Runs work in a transaction.</summary>
    public Task<StoreAnswer<T>> RunAsync<T>(Func<PostgresWork, Task<T>> work, CancellationToken cancellation) => TryAsync(
        async connection =>
        {
            await using var transaction = await connection.BeginTransactionAsync(cancellation);
            var result = await work(new PostgresWork(connection, cancellation));
            await transaction.CommitAsync(cancellation);
            return result;
        },
        cancellation);

    /// <summary>Runs a single statement, which is a transaction by itself.</summary>
    public Task<StoreAnswer<List<T>>> QueryAsync<T>(string statement, Func<NpgsqlDataReader, T> read, CancellationToken cancellation, params NpgsqlParameter[] parameters) =>
        TryAsync(connection => new PostgresWork(connection, cancellation).QueryAsync(statement, read, Copies(parameters)), cancellation);

    /// <summary>Runs a single statement, which is a transaction by itself.</summary>
    /// <returns>How many rows changed.</returns>
    public Task<StoreAnswer<int>> ExecuteAsync(string statement, CancellationToken cancellation, params NpgsqlParameter[] parameters) =>
        TryAsync(connection => new PostgresWork(connection, cancellation).ExecuteAsync(statement, Copies(parameters)), cancellation);

    public async ValueTask DisposeAsync()
    {
        closed = true;
        await source.DisposeAsync();
    }

    /// <summary>What an exception means for the user; null for one that is a bug.</summary>
    public StoreProblem? ProblemOf(Exception error) => error switch
    {
        // Classes of errors: https://www.postgresql.org/docs/current/errcodes-appendix.html. 08 connection, 28 authorization, 3D no database, 42501 no right, 53 resources, 57 operator, 58 system.
        PostgresException { SqlState: "25006" } => new(StoreProblemKind.ReadOnly, $"the store {Where} cannot be written: it is a standby, or was set so"),
        PostgresException { SqlState: "XX001" or "XX002" } corrupt => new(StoreProblemKind.Corrupt, $"the store {Where} is damaged: {corrupt.MessageText}"),
        PostgresException { SqlState: "40001" or "40P01" or "55P03" } => new(StoreProblemKind.Locked, $"the store {Where} is busy: a transaction lost against others {Tries} times"),
        PostgresException { SqlState: "42501" } refused => new(StoreProblemKind.ReadOnly, $"the store {Where} does not let this user: {refused.MessageText}"),
        PostgresException { SqlState: ['0', '8', ..] or ['5', '7', 'P', ..] or "53300" } away => new(StoreProblemKind.Unreachable, $"the store {Where} cannot be reached: {away.MessageText}"),
        PostgresException server => server.SqlState[..2] is "28" or "3D" or "53" or "57" or "58" ? new(StoreProblemKind.Unavailable, $"the store {Where} cannot be used: {server.MessageText}") : null,
        NpgsqlException or SocketException or IOException or TimeoutException => new(StoreProblemKind.Unreachable, $"the store {Where} cannot be reached: {(error.InnerException ?? error).Message}"),
        _ => null,
    };

    private async Task<StoreAnswer<T>> TryAsync<T>(Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellation)
    {
        for (var tries = 1; ; tries++)
        {
            if (closed)
            {
                return new StoreProblem(StoreProblemKind.Closed, $"the store {Where} was closed");
            }

            try
            {
                await using var connection = await source.OpenConnectionAsync(cancellation);
                return StoreAnswer<T>.Of(await work(connection));
            }
            catch (PostgresException error) when (error.SqlState is "40001" or "40P01" && tries < Tries)
            {
                // The other one goes on; this one starts again.
            }
            catch (ObjectDisposedException) when (closed)
            {
                return new StoreProblem(StoreProblemKind.Closed, $"the store {Where} was closed");
            }
            catch (Exception error) when (ProblemOf(error) is { } problem)
            {
                cancellation.ThrowIfCancellationRequested();
                return problem;
            }
        }
    }

    /// <summary>A parameter belongs to one command, and a statement may be tried again.</summary>
    private static NpgsqlParameter[] Copies(NpgsqlParameter[] parameters) => Array.ConvertAll(parameters, parameter => parameter.Clone());
}

/// <summary>A connection in use.</summary>
internal readonly record struct PostgresWork(NpgsqlConnection Connection, CancellationToken Cancellation)
{
    private static readonly TimeSpan LongStatement = TimeSpan.FromMinutes(10);

    public async Task<List<T>> QueryAsync<T>(string statement, Func<NpgsqlDataReader, T> read, params NpgsqlParameter[] parameters)
    {
        await using var command = Command(statement, parameters);
        await using var rows = await command.ExecuteReaderAsync(Cancellation);
        var found = new List<T>();
        while (await rows.ReadAsync(Cancellation))
        {
            found.Add(read(rows));
        }

        return found;
    }

    /// <returns>How many rows changed.</returns>
    public async Task<int> ExecuteAsync(string statement, params NpgsqlParameter[] parameters)
    {
        await using var command = Command(statement, parameters);
        return await command.ExecuteNonQueryAsync(Cancellation);
    }

    /// <summary>Runs a statement that may touch every function of a large job, and so has more time than others, for which a server that does not answer for half a minute is gone.</summary>
    /// <returns>How many rows changed.</returns>
    public async Task<int> ExecuteLongAsync(string statement, params NpgsqlParameter[] parameters)
    {
        await using var command = Command(statement, parameters);
        command.CommandTimeout = (int)LongStatement.TotalSeconds;
        return await command.ExecuteNonQueryAsync(Cancellation);
    }

    /// <summary>Starts a binary COPY.</summary>
    public async Task<NpgsqlBinaryImporter> CopyAsync(string statement)
    {
        var copy = await Connection.BeginBinaryImportAsync(PostgresSession.Statements[statement], Cancellation);
        copy.Timeout = LongStatement;
        return copy;
    }

    private NpgsqlCommand Command(string statement, NpgsqlParameter[] parameters)
    {
        var command = new NpgsqlCommand(PostgresSession.Statements[statement], Connection);
        command.Parameters.AddRange(parameters);
        return command;
    }
}
