using Npgsql;

namespace Mewe.Store.Postgres;

/// <summary>A member of an actor engine's cluster, in the engine's words.</summary>
/// <param name="Address">Names the member; an engine that starts again has another one.</param>
/// <param name="GatewayPort">Where clients connect; 0 for nowhere.</param>
/// <param name="StartedAt">By the member's clock, as all times here.</param>
/// <param name="Accusations">Who takes it for dead, and since when.</param>
public sealed record Member(
    string Address, int Status, string Name, string Host, int GatewayPort, DateTimeOffset StartedAt, DateTimeOffset AliveAt, IReadOnlyList<(string Accuser, DateTimeOffset At)> Accusations);

/// <summary>Members at one moment.</summary>
/// <param name="Version">Of the table: grows with every change but signs of life.</param>
/// <param name="Members">Each with the version at which it was changed last.</param>
public sealed record MemberTable(int Version, IReadOnlyList<(Member Member, int Revision)> Members);

/// <summary>
/// The members of an actor engine's cluster (Migrations/0003-schedulers.sql): a small table that all members read and change by comparing versions, so that they agree on who is in. One database is one cluster.
/// </summary>
public sealed class PostgresMembers
{
    private readonly PostgresSession session;

    internal PostgresMembers(PostgresSession session) => this.session = session;

    /// <summary>One member or all.</summary>
    /// <param name="address">Null for all.</param>
    public async Task<StoreAnswer<MemberTable>> ReadAsync(string? address, CancellationToken cancellation)
    {
        var answer = await session.QueryAsync("members-read", row => (Version: row.GetInt32(0), Row: row.IsDBNull(1) ? default((Member, int)?) : (Read(row), row.GetInt32(2))), cancellation,
            Parameters.Text("address", address));
        return answer.Select(rows => new MemberTable(rows[0].Version, [.. rows.Where(row => row.Row is not null).Select(row => row.Row!.Value)]));
    }

    /// <summary>Adds a member.</summary>
    /// <param name="version">That of the table from which the change was made.</param>
    /// <returns>False where the table has another version by now, or the member already; then nothing has changed.</returns>
    public Task<StoreAnswer<bool>> InsertAsync(Member member, int version, CancellationToken cancellation) => ChangeAsync("member-insert", cancellation, [.. Row(member), Parameters.Int("version", version)]);

    /// <summary>Replaces a member's row.</summary>
    /// <param name="revision">That of the row from which the change was made.</param>
    /// <param name="version">That of the table from which the change was made.</param>
    /// <returns>False where either is another one by now; then nothing has changed.</returns>
    public Task<StoreAnswer<bool>> UpdateAsync(Member member, int revision, int version, CancellationToken cancellation) =>
        ChangeAsync("member-update", cancellation, [.. Row(member), Parameters.Int("revision", revision), Parameters.Int("version", version)]);

    /// <summary>A sign of life: changes no version.</summary>
    public Task<StoreAnswer<bool>> AliveAsync(string address, DateTimeOffset at, CancellationToken cancellation) =>
        ChangeAsync("member-alive", cancellation, [Parameters.Text("address", address), Parameters.Time("alive_at", at)]);

    /// <summary>Sets members to dead whose silos have no lease any more, and that gave no sign of life for a while.</summary>
    /// <returns>Whether there were any.</returns>
    public Task<StoreAnswer<bool>> BuryAsync(int dead, TimeSpan silent, CancellationToken cancellation) =>
        ChangeAsync("members-bury", cancellation, [Parameters.Int("dead", dead), Parameters.Span("silent", silent)]);

    /// <summary>Forgets members of any other status that gave no sign of life since.</summary>
    /// <param name="living">The status of members that are kept.</param>
    public Task<StoreAnswer<bool>> ForgetAsync(int living, DateTimeOffset before, CancellationToken cancellation) =>
        ChangeAsync("members-forget", cancellation, [Parameters.Int("living", living), Parameters.Time("before", before)]);

    /// <summary>Forgets all members.</summary>
    public Task<StoreAnswer<bool>> ClearAsync(CancellationToken cancellation) => ChangeAsync("members-clear", cancellation, []);

    private async Task<StoreAnswer<bool>> ChangeAsync(string statement, CancellationToken cancellation, NpgsqlParameter[] parameters) =>
        (await session.ExecuteAsync(statement, cancellation, parameters)).Select(changed => changed > 0);

    private static NpgsqlParameter[] Row(Member member) =>
    [
        Parameters.Text("address", member.Address), Parameters.Int("status", member.Status), Parameters.Text("name", member.Name), Parameters.Text("host", member.Host),
        Parameters.Int("gateway_port", member.GatewayPort), Parameters.Time("started_at", member.StartedAt), Parameters.Time("alive_at", member.AliveAt),
        Parameters.Texts("accusers", member.Accusations.Select(accusation => accusation.Accuser)), Parameters.Times("accused_at", member.Accusations.Select(accusation => accusation.At)),
    ];

    private static Member Read(NpgsqlDataReader row) => new(
        row.GetString(1), row.GetInt32(3), row.GetString(4), row.GetString(5), row.GetInt32(6), row.GetFieldValue<DateTimeOffset>(7), row.GetFieldValue<DateTimeOffset>(8),
        [.. row.GetFieldValue<string[]>(9).Zip(row.GetFieldValue<DateTimeOffset[]>(10))]);
}
