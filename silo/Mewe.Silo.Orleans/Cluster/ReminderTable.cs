using System.Globalization;
using Mewe.Store.Postgres;
using Orleans;
using Orleans.Runtime;

namespace Mewe.Silo.Orleans.Cluster;

/// <summary>Reminders in the cluster's own store; see <see cref="MembershipTable"/> for why.</summary>
internal sealed class ReminderTable(PostgresReminders reminders) : IReminderTable
{
    public async Task<ReminderTableData> ReadRows(GrainId grainId) => Data((await reminders.OfActorAsync(grainId.ToString(), null, CancellationToken.None)).OrThrow());

    public async Task<ReminderTableData> ReadRows(uint begin, uint end) => Data((await reminders.OfRangeAsync(begin, end, CancellationToken.None)).OrThrow());

    public async Task<ReminderEntry?> ReadRow(GrainId grainId, string reminderName) =>
        (await reminders.OfActorAsync(grainId.ToString(), reminderName, CancellationToken.None)).OrThrow() is [var found] ? Entry(found) : null;

    public async Task<string?> UpsertRow(ReminderEntry entry)
    {
        var reminder = new Reminder(entry.GrainId.ToString(), entry.ReminderName, entry.GrainId.GetUniformHashCode(), new DateTimeOffset(DateTime.SpecifyKind(entry.StartAt, DateTimeKind.Utc)), entry.Period);
        return Text((await reminders.PutAsync(reminder, CancellationToken.None)).OrThrow());
    }

    public async Task<bool> RemoveRow(GrainId grainId, string reminderName, string eTag) =>
        (await reminders.RemoveAsync(grainId.ToString(), reminderName, long.Parse(eTag, CultureInfo.InvariantCulture), CancellationToken.None)).OrThrow();

    public async Task TestOnlyClearTable() => (await reminders.ClearAsync(CancellationToken.None)).OrThrow();

    private static ReminderTableData Data(List<StoredReminder> found) => new(found.Select(Entry));

    private static ReminderEntry Entry(StoredReminder reminder) => new()
    {
        GrainId = GrainId.Parse(reminder.Actor, CultureInfo.InvariantCulture), ReminderName = reminder.Name, StartAt = reminder.StartAt.UtcDateTime, Period = reminder.Period, ETag = Text(reminder.Revision),
    };

    private static string Text(long revision) => revision.ToString(CultureInfo.InvariantCulture);
}
