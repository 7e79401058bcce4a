using Npgsql;

namespace Mewe.Store.Postgres;

/// <summary>
/// Brings a database to the version that this program knows. Migrations are the numbered .sql files; those that were applied are rows of mewe_migrations. All that are missing are applied in one transaction,
/// under an advisory lock that ends with it (so a pooler does not matter), and so any number of silos may start at once: one migrates, the others wait and find it done. A released migration is never changed.
/// </summary>
internal static class PostgresMigration
{
    /// <summary>Keys of the advisory locks of this store: "mewe" and a number.</summary>
    public const long Lock = 0x6D65_7765_0000_0001, RescueLock = 0x6D65_7765_0000_0002, RegisterLock = 0x6D65_7765_0000_0003;

    private static readonly IReadOnlyList<(int Number, string Name, string Sql)> All = SqlStatements.Migrations(typeof(PostgresMigration).Assembly, "migrations/");

    public static int Latest => All[^1].Number;

    /// <summary>Why the database cannot be used, or null once it is up to date.</summary>
    public static async Task<StoreProblem?> ApplyAsync(PostgresSession session, CancellationToken cancellation)
    {
        var early = await session.RunAsync(VersionAsync, cancellation);
        if (!early.TryGet(out var version) || version == Latest)
        {
            return early.Problem;
        }

        var applied = await session.RunAsync(
            async work =>
            {
                await work.ExecuteAsync("migration-lock", Parameters.Long("key", Lock));
                await work.ExecuteAsync("migrations-table");
                var before = await VersionAsync(work);
                foreach (var (number, name, sql) in All.Where(migration => migration.Number > before))
                {
                    await using (var migration = new NpgsqlCommand(sql, work.Connection))
                    {
                        await migration.ExecuteNonQueryAsync(work.Cancellation);
                    }

                    await work.ExecuteAsync("migration-note", Parameters.Int("number", number), Parameters.Text("name", name));
                }

                return Math.Max(before, Latest);
            },
            cancellation);
        return !applied.TryGet(out var reached) ? applied.Problem
            : reached > Latest ? new StoreProblem(StoreProblemKind.Newer, $"the store {session.Where} belongs to a newer Mewe (version {reached} of the store, this one knows {Latest}); update Mewe")
            : null;
    }

    private static async Task<int> VersionAsync(PostgresWork work) =>
        (await work.QueryAsync("migrations-there", row => row.GetBoolean(0)))[0] ? (await work.QueryAsync("migration-latest", row => row.GetInt32(0)))[0] : 0;
}
