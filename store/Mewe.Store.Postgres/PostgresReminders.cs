using Npgsql;

namespace Mewe.Store.Postgres;

/// <summary>That an actor is to be woken, again and again.</summary>
/// <param name="Hash">Of the actor: its place on the ring that the members divide among themselves.</param>
/// <param name="Period">Between two wake-ups.</param>
public sealed record Reminder(string Actor, string Name, uint Hash, DateTimeOffset StartAt, TimeSpan Period);

/// <summary>A reminder as it stands; the revision names its last change.</summary>
public sealed record StoredReminder(string Actor, string Name, DateTimeOffset StartAt, TimeSpan Period, long Revision);

/// <summary>Reminders of an actor engine (Migrations/0003-schedulers.sql): they outlive the members that look after them.</summary>
public sealed class PostgresReminders
{
    private readonly PostgresSession session;

    internal PostgresReminders(PostgresSession session) => this.session = session;

    /// <summary>Adds or replaces a reminder.</summary>
    /// <returns>Its revision.</returns>
    public async Task<StoreAnswer<long>> PutAsync(Reminder reminder, CancellationToken cancellation)
    {
        var answer = await session.QueryAsync("reminder-put", row => row.GetInt64(0), cancellation, Parameters.Text("actor", reminder.Actor), Parameters.Text("name", reminder.Name),
            Parameters.Long("hash", reminder.Hash), Parameters.Time("start_at", reminder.StartAt), Parameters.Span("period", reminder.Period));
        return answer.Select(revisions => revisions[0]);
    }

    /// <summary>The reminders of an actor.</summary>
    /// <param name="name">Null for all.</param>
    public Task<StoreAnswer<List<StoredReminder>>> OfActorAsync(string actor, string? name, CancellationToken cancellation) =>
        session.QueryAsync("reminders-of-actor", Read, cancellation, Parameters.Text("actor", actor), Parameters.Text("name", name));

    /// <summary>The reminders of a range of the ring: after <paramref name="first"/>, up to <paramref name="last"/>; the whole ring where the two are the same.</summary>
    public Task<StoreAnswer<List<StoredReminder>>> OfRangeAsync(uint first, uint last, CancellationToken cancellation) =>
        session.QueryAsync("reminders-of-range", Read, cancellation, Parameters.Long("first", first), Parameters.Long("last", last));

    /// <summary>Removes a reminder.</summary>
    /// <returns>False where it was changed, or is not there.</returns>
    public async Task<StoreAnswer<bool>> RemoveAsync(string actor, string name, long revision, CancellationToken cancellation) =>
        (await session.ExecuteAsync("reminder-remove", cancellation, Parameters.Text("actor", actor), Parameters.Text("name", name), Parameters.Long("revision", revision))).Select(removed => removed > 0);

    /// <summary>Removes all.</summary>
    public async Task<StoreAnswer<bool>> ClearAsync(CancellationToken cancellation) => (await session.ExecuteAsync("reminders-clear", cancellation)).Select(removed => removed > 0);

    private static StoredReminder Read(NpgsqlDataReader row) => new(row.GetString(0), row.GetString(1), row.GetFieldValue<DateTimeOffset>(2), row.GetTimeSpan(3), row.GetInt64(4));
}
