using System.Globalization;
using Mewe.Store;
using Mewe.Store.Postgres;
using Orleans;
using Orleans.Runtime;

namespace Mewe.Silo.Orleans.Cluster;

/// <summary>
/// The table that the members of an Orleans cluster agree by, in the cluster's own store. Not Orleans' ADO.NET provider: its SQL is not in its packages, so it would have to be applied by hand, beside our migrations, and
/// it needs sessions that a connection pooler does not give.
/// </summary>
internal sealed class MembershipTable(PostgresMembers members) : IMembershipTable
{
    /// <summary>The store makes its tables when it is opened.</summary>
    public Task InitializeMembershipTable(bool tryInitTableVersion) => Task.CompletedTask;

    public async Task DeleteMembershipTableEntries(string clusterId) => (await members.ClearAsync(CancellationToken.None)).OrThrow();

    public async Task CleanupDefunctSiloEntries(DateTimeOffset beforeDate) => (await members.ForgetAsync((int)SiloStatus.Active, beforeDate, CancellationToken.None)).OrThrow();

    public async Task<MembershipTableData> ReadRow(SiloAddress key) => Data((await members.ReadAsync(key.ToParsableString(), CancellationToken.None)).OrThrow());

    public async Task<MembershipTableData> ReadAll() => Data((await members.ReadAsync(null, CancellationToken.None)).OrThrow());

    public async Task<bool> InsertRow(MembershipEntry entry, TableVersion tableVersion) => (await members.InsertAsync(Row(entry), Number(tableVersion.VersionEtag), CancellationToken.None)).OrThrow();

    public async Task<bool> UpdateRow(MembershipEntry entry, string etag, TableVersion tableVersion) =>
        (await members.UpdateAsync(Row(entry), Number(etag), Number(tableVersion.VersionEtag), CancellationToken.None)).OrThrow();

    public async Task UpdateIAmAlive(MembershipEntry entry) => (await members.AliveAsync(entry.SiloAddress.ToParsableString(), Utc(entry.IAmAliveTime), CancellationToken.None)).OrThrow();

    private static MembershipTableData Data(MemberTable table) =>
        new([.. table.Members.Select(row => Tuple.Create(Entry(row.Member), Text(row.Revision)))], new TableVersion(table.Version, Text(table.Version)));

    private static Member Row(MembershipEntry entry) => new(
        entry.SiloAddress.ToParsableString(), (int)entry.Status, entry.SiloName ?? "", entry.HostName ?? "", entry.ProxyPort, Utc(entry.StartTime), Utc(entry.IAmAliveTime),
        [.. (entry.SuspectTimes ?? []).Select(suspicion => (suspicion.Item1.ToParsableString(), Utc(suspicion.Item2)))]);

    private static MembershipEntry Entry(Member member) => new()
    {
        SiloAddress = SiloAddress.FromParsableString(member.Address),
        Status = (SiloStatus)member.Status,
        SiloName = member.Name,
        HostName = member.Host,
        ProxyPort = member.GatewayPort,
        StartTime = member.StartedAt.UtcDateTime,
        IAmAliveTime = member.AliveAt.UtcDateTime,
        SuspectTimes = [.. member.Accusations.Select(accusation => Tuple.Create(SiloAddress.FromParsableString(accusation.Accuser), accusation.At.UtcDateTime))],
    };

    private static DateTimeOffset Utc(DateTime time) => new(DateTime.SpecifyKind(time, DateTimeKind.Utc));

    private static int Number(string etag) => int.Parse(etag, CultureInfo.InvariantCulture);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>Orleans expects exceptions, and tries again.</summary>
internal static class StoreAnswers
{
    /// <exception cref="OrleansException">The store has a problem.</exception>
    public static T OrThrow<T>(this StoreAnswer<T> answer) => answer.TryGet(out var value) ? value : throw new OrleansException(answer.Problem!.Message);
}
