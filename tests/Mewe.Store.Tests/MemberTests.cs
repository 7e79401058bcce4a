using Mewe.Store.Postgres;
using Mewe.Tests;

namespace Mewe.Store.Tests;

/// <summary>The tables that an actor engine keeps in the cluster's store.</summary>
public sealed class MemberTests(PostgresFixture postgres) : IAsyncLifetime
{
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private PostgresStore store = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => Assert.True((await PostgresStore.OpenAsync(await postgres.NewDatabaseAsync(), Cancellation)).TryGet(out store!));

    public ValueTask DisposeAsync() => store.DisposeAsync();

    private static async Task<T> Ok<T>(Task<StoreAnswer<T>> call)
    {
        var answer = await call;
        Assert.True(answer.TryGet(out var value), answer.Problem?.Message);
        return value;
    }

    private static Member MemberAt(string address, int status = 3) => new(address, status, "one", "host", 0, Now, Now, [("other", Now)]);

    [Fact]
    public async Task ChangesThatWereMadeFromAnOldVersionHaveNoEffect()
    {
        Assert.Equal(0, (await Ok(store.Members.ReadAsync(null, Cancellation))).Version);
        Assert.True(await Ok(store.Members.InsertAsync(MemberAt("a"), 0, Cancellation)));
        Assert.False(await Ok(store.Members.InsertAsync(MemberAt("b"), 0, Cancellation)));
        Assert.False(await Ok(store.Members.InsertAsync(MemberAt("a"), 1, Cancellation)));
        Assert.True(await Ok(store.Members.InsertAsync(MemberAt("b"), 1, Cancellation)));
        Assert.False(await Ok(store.Members.UpdateAsync(MemberAt("a", 6), revision: 1, version: 1, Cancellation)));
        Assert.False(await Ok(store.Members.UpdateAsync(MemberAt("a", 6), revision: 2, version: 2, Cancellation)));
        Assert.True(await Ok(store.Members.UpdateAsync(MemberAt("a", 6), revision: 1, version: 2, Cancellation)));

        var table = await Ok(store.Members.ReadAsync(null, Cancellation));
        Assert.Equal(3, table.Version);
        Assert.Equal([("a", 6, 3), ("b", 3, 2)], table.Members.Select(row => (row.Member.Address, row.Member.Status, row.Revision)));
        Assert.Equal(("other", Now), Assert.Single(table.Members[0].Member.Accusations));
    }

    [Fact]
    public async Task OfManyThatChangeTheTableAtOnceOneDoes()
    {
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 8).Select(index => Ok(store.Members.InsertAsync(MemberAt($"m{index}"), 0, Cancellation))));

        Assert.Single(outcomes, inserted => inserted);
        var table = await Ok(store.Members.ReadAsync(null, Cancellation));
        Assert.Equal((1, 1), (table.Version, table.Members.Count));
    }

    [Fact]
    public async Task ASignOfLifeChangesNoVersion()
    {
        await Ok(store.Members.InsertAsync(MemberAt("a"), 0, Cancellation));
        Assert.True(await Ok(store.Members.AliveAsync("a", Now.AddSeconds(9), Cancellation)));

        var table = await Ok(store.Members.ReadAsync("a", Cancellation));
        Assert.Equal((1, 1, Now.AddSeconds(9)), (table.Version, table.Members[0].Revision, table.Members[0].Member.AliveAt));
        Assert.Empty((await Ok(store.Members.ReadAsync("b", Cancellation))).Members);
    }

    [Fact]
    public async Task AMemberIsBuriedOnlyWithoutALeaseAndWithoutASignOfLife()
    {
        await Ok(store.Jobs.RegisterSiloAsync(new NewSilo("leased", 1, "1", "orleans"), Cancellation));
        var old = DateTimeOffset.UtcNow.AddMinutes(-5);
        await Ok(store.Members.InsertAsync(MemberAt("leased") with { Name = "leased", StartedAt = old, AliveAt = old }, 0, Cancellation));
        await Ok(store.Members.InsertAsync(MemberAt("silent") with { Name = "silent", StartedAt = old, AliveAt = old }, 1, Cancellation));
        await Ok(store.Members.InsertAsync(MemberAt("lively") with { Name = "lively", StartedAt = old, AliveAt = DateTimeOffset.UtcNow }, 2, Cancellation));

        Assert.True(await Ok(store.Members.BuryAsync(6, TimeSpan.FromSeconds(15), Cancellation)));
        Assert.False(await Ok(store.Members.BuryAsync(6, TimeSpan.FromSeconds(15), Cancellation)));

        var table = await Ok(store.Members.ReadAsync(null, Cancellation));
        Assert.Equal([("leased", 3), ("lively", 3), ("silent", 6)], table.Members.Select(row => (row.Member.Address, row.Member.Status)));
        Assert.Equal(4, table.Version);
    }

    [Fact]
    public async Task MembersAreForgottenWhenTheyAreDeadForLong()
    {
        await Ok(store.Members.InsertAsync(MemberAt("living"), 0, Cancellation));
        await Ok(store.Members.InsertAsync(MemberAt("dead", 6), 1, Cancellation));
        Assert.False(await Ok(store.Members.ForgetAsync(3, Now, Cancellation)));
        Assert.True(await Ok(store.Members.ForgetAsync(3, Now.AddSeconds(1), Cancellation)));
        Assert.Equal("living", Assert.Single((await Ok(store.Members.ReadAsync(null, Cancellation))).Members).Member.Address);
    }

    [Fact]
    public async Task RemindersAreFoundByTheirActorAndByRangesOfTheRing()
    {
        foreach (var (actor, hash) in new[] { ("a", 10u), ("b", 20u), ("c", uint.MaxValue) })
        {
            await Ok(store.Reminders.PutAsync(new Reminder(actor, "wake", hash, Now, TimeSpan.FromMinutes(1)), Cancellation));
        }

        Assert.Equal(["b"], await InRangeAsync(10, 20));
        Assert.Equal(["a", "c"], await InRangeAsync(20, 10));
        Assert.Equal(["a", "b", "c"], await InRangeAsync(0, 0));
        var found = Assert.Single(await Ok(store.Reminders.OfActorAsync("c", null, Cancellation)));
        Assert.Equal(("c", "wake", Now, TimeSpan.FromMinutes(1)), (found.Actor, found.Name, found.StartAt, found.Period));
        Assert.Empty(await Ok(store.Reminders.OfActorAsync("c", "sleep", Cancellation)));

        async Task<IEnumerable<string>> InRangeAsync(uint first, uint last) => (await Ok(store.Reminders.OfRangeAsync(first, last, Cancellation))).Select(reminder => reminder.Actor).Order();
    }

    [Fact]
    public async Task AReminderThatWasChangedIsNotRemovedByWhoDoesNotKnow()
    {
        var first = await Ok(store.Reminders.PutAsync(new Reminder("a", "wake", 1, Now, TimeSpan.FromMinutes(1)), Cancellation));
        var second = await Ok(store.Reminders.PutAsync(new Reminder("a", "wake", 1, Now, TimeSpan.FromMinutes(2)), Cancellation));
        Assert.False(await Ok(store.Reminders.RemoveAsync("a", "wake", first, Cancellation)));
        Assert.True(await Ok(store.Reminders.RemoveAsync("a", "wake", second, Cancellation)));
        Assert.False(await Ok(store.Reminders.RemoveAsync("a", "wake", second, Cancellation)));
    }
}
