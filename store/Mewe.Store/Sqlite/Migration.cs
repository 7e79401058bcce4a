using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Mewe.Store.Sqlite;

/// <summary>
/// Brings a store file to the version that this program knows. The version is the number of the last migration, kept in the file's header (user_version) and changed in the transaction of the
/// migration, so that any number of processes may open a new file at once. Migrations are the numbered .sql files beside this one; one that was released is never changed.
/// </summary>
internal static class Migration
{
    /// <summary>"Mewe" in the header of a store file (application_id).</summary>
    public const int ApplicationId = 0x4D65_7765;

    private static readonly IReadOnlyList<(int Number, string Name, string Sql)> All = SqlStatements.Migrations(typeof(Migration).Assembly, "migrations/");

    /// <summary>The version of a file that is up to date.</summary>
    public static int Latest => All[^1].Number;

    /// <summary>Why the file cannot be used, or null once it is up to date.</summary>
    public static StoreProblem? Apply(SqliteConnection connection, string path)
    {
        if (Refusal(connection, path) is { } early)
        {
            return early;
        }

        if (Number(connection, "PRAGMA user_version") == Latest)
        {
            return null;
        }

        using var transaction = connection.BeginTransaction(deferred: false);
        if (Refusal(connection, path) is { } late)
        {
            return late;
        }

        var version = Number(connection, "PRAGMA user_version");
        foreach (var (number, _, sql) in All.Where(item => item.Number > version))
        {
            Execute(connection, transaction, sql);
            Execute(connection, transaction, $"PRAGMA user_version = {number.ToString(CultureInfo.InvariantCulture)}");
        }

        Execute(connection, transaction, $"PRAGMA application_id = {ApplicationId.ToString(CultureInfo.InvariantCulture)}");
        transaction.Commit();
        return null;
    }

    private static StoreProblem? Refusal(SqliteConnection connection, string path)
    {
        var (application, version) = (Number(connection, "PRAGMA application_id"), Number(connection, "PRAGMA user_version"));
        if (application != ApplicationId && (version != 0 || Number(connection, "SELECT count(*) FROM sqlite_schema") != 0))
        {
            return new StoreProblem(StoreProblemKind.NotAStore, $"{path} is a database of another program; choose another file for the store");
        }

        return version > Latest
            ? new StoreProblem(StoreProblemKind.Newer, $"{path} was written by a newer Mewe (version {version} of the store, this one knows {Latest}); update Mewe, or use another file")
            : null;
    }

    private static long Number(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return (long)command.ExecuteScalar()!;
    }

    private static void Execute(SqliteConnection connection, SqliteTransaction transaction, string sql)
    {
        using var command = connection.CreateCommand();
        (command.CommandText, command.Transaction) = (sql, transaction);
        command.ExecuteNonQuery();
    }
}
