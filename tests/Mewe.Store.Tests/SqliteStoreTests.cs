using Mewe.Store.Sqlite;
using Microsoft.Data.Sqlite;

namespace Mewe.Store.Tests;

/// <summary>The embedded store, and files that are not as they should be.</summary>
public sealed class SqliteStoreTests : StoreConformance, IAsyncDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("mewe-store-").FullName;
    private readonly List<SqliteStore> open = [];

    private string File => Path.Combine(folder, "deeper", "mewe.db");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static readonly Lemma One = new(new LemmaKey(new byte[16]), LemmaVerdict.Proved, "z3", 1, 1);

    public async ValueTask DisposeAsync()
    {
        foreach (var store in open)
        {
            await store.DisposeAsync();
        }

        Directory.Delete(folder, recursive: true);
    }

    protected override async Task<(ILemmaStore Lemmas, ILearnedRuleStore Rules)> OpenAsync()
    {
        var store = await OpenFileAsync();
        return (store, store);
    }

    private async Task<SqliteStore> OpenFileAsync()
    {
        Assert.True((await SqliteStore.OpenAsync(File, Cancellation)).TryGet(out var store));
        open.Add(store!);
        return store!;
    }

    private async Task<StoreProblem> ProblemOfOpeningAsync(string path)
    {
        var answer = await SqliteStore.OpenAsync(path, Cancellation);
        if (answer.TryGet(out var store))
        {
            open.Add(store);
        }

        Assert.NotNull(answer.Problem);
        Assert.Contains(path, answer.Problem.Message);
        return answer.Problem;
    }

    private async Task CloseAsync()
    {
        foreach (var store in open)
        {
            await store.DisposeAsync();
        }

        open.Clear();
    }

    private object? Sql(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={File};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteScalar();
    }

    [Fact]
    public async Task What_was_put_is_there_when_the_file_is_opened_again()
    {
        var store = await OpenFileAsync();
        await store.PutLemmasAsync([One], Cancellation);
        await CloseAsync();
        var again = await OpenFileAsync();
        Assert.True((await again.GetLemmasAsync([One.Key], 1, Cancellation)).TryGet(out var found));
        Assert.Equal(One, found[One.Key]);
    }

    [Fact]
    public async Task Several_stores_on_one_file_write_at_once()
    {
        var stores = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => SqliteStore.OpenAsync(File, Cancellation)));
        foreach (var answer in stores)
        {
            Assert.True(answer.TryGet(out var store), answer.Problem?.Message);
            open.Add(store!);
        }

        await Task.WhenAll(open.Select((store, writer) => Task.Run(
            async () =>
            {
                for (byte i = 0; i < 25; i++)
                {
                    var key = new byte[16];
                    (key[0], key[1]) = ((byte)(writer + 1), i);
                    var answer = await store.PutLemmasAsync([new Lemma(new LemmaKey(key), LemmaVerdict.Proved, "z3", 1, 1), One], Cancellation);
                    Assert.Null(answer.Problem);
                }
            },
            Cancellation)));
        Assert.Equal(101L, Sql("SELECT count(*) FROM lemmas"));
    }

    [Fact]
    public async Task A_file_that_was_not_closed_is_opened_with_what_was_committed()
    {
        var store = await OpenFileAsync();
        await store.PutLemmasAsync([One], Cancellation);
        var copy = Path.Combine(folder, "copy.db");
        foreach (var suffix in new[] { "", "-wal" })
        {
            System.IO.File.Copy(File + suffix, copy + suffix);
        }

        Assert.True((await SqliteStore.OpenAsync(copy, Cancellation)).TryGet(out var recovered));
        open.Add(recovered!);
        Assert.True((await recovered!.GetLemmasAsync([One.Key], 1, Cancellation)).TryGet(out var found));
        Assert.Single(found);
    }

    [Fact]
    public async Task A_file_of_something_else_is_no_store()
    {
        var path = Path.Combine(folder, "text.db");
        await System.IO.File.WriteAllTextAsync(path, string.Concat(Enumerable.Repeat("this is a diary. ", 100)), Cancellation);
        Assert.Equal(StoreProblemKind.NotAStore, (await ProblemOfOpeningAsync(path)).Kind);
        Assert.StartsWith("this is a diary", await System.IO.File.ReadAllTextAsync(path, Cancellation));
    }

    [Fact]
    public async Task A_database_of_another_program_is_left_alone()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(File)!);
        Sql("CREATE TABLE diary (page TEXT)");
        Assert.Equal(StoreProblemKind.NotAStore, (await ProblemOfOpeningAsync(File)).Kind);
        Sql("INSERT INTO diary VALUES ('still here')");
    }

    [Fact]
    public async Task A_store_of_a_newer_version_says_to_update()
    {
        await OpenFileAsync();
        await CloseAsync();
        Sql("PRAGMA user_version = 9999");
        var problem = await ProblemOfOpeningAsync(File);
        Assert.Equal(StoreProblemKind.Newer, problem.Kind);
        Assert.Contains("9999", problem.Message);
        Assert.Contains("update", problem.Message);
    }

    [Fact]
    public async Task A_store_of_an_older_version_is_brought_up_to_date_and_keeps_what_it_has()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(File)!);
        Sql(SqlStatements.Migrations(typeof(SqliteStore).Assembly, "migrations/")[0].Sql + $"PRAGMA user_version = 1; PRAGMA application_id = {Migration.ApplicationId};");
        Sql("INSERT INTO lemmas VALUES (zeroblob(16), 1, 1, 'z3', 1)");
        var store = await OpenFileAsync();
        Assert.True((await store.GetLemmasAsync([One.Key], 1, Cancellation)).TryGet(out var found));
        Assert.Equal(One, found[One.Key]);
        Assert.Null((await store.PutLearnedRulesAsync([new LearnedRule("r", 32, "z3", "", 1)], Cancellation)).Problem);
    }

    [Fact]
    public async Task A_damaged_store_is_a_message_whatever_part_is_damaged()
    {
        var store = await OpenFileAsync();
        await store.PutLemmasAsync(
            [.. Enumerable.Range(0, 4_000).Select(i => One with { Key = new LemmaKey([.. BitConverter.GetBytes(i * 2_654_435_761L), .. new byte[8]]) })], Cancellation);
        await CloseAsync();
        var whole = await System.IO.File.ReadAllBytesAsync(File, Cancellation);
        var problems = 0;
        for (var round = 0; round < 12; round++)
        {
            var damaged = whole.ToArray();
            if (round < 4)
            {
                damaged = damaged[..(damaged.Length * (round + 1) / 5)];
            }
            else
            {
                new Random(round).NextBytes(damaged.AsSpan(damaged.Length / 4_096 * (round - 4) / 8 * 4_096, 4_096));
            }

            var path = Path.Combine(folder, $"damaged{round}.db");
            await System.IO.File.WriteAllBytesAsync(path, damaged, Cancellation);
            var answer = await SqliteStore.OpenAsync(path, Cancellation);
            var problem = answer.Problem;
            if (answer.TryGet(out var opened))
            {
                open.Add(opened);
                problem = (await opened.GetLemmasAsync([.. Enumerable.Range(0, 4_000).Select(i => new LemmaKey([.. BitConverter.GetBytes(i * 2_654_435_761L), .. new byte[8]]))], 1, Cancellation)).Problem;
                problem ??= (await opened.PutLemmasAsync([One], Cancellation)).Problem;
            }

            problems += problem is null ? 0 : 1;
            Assert.True(problem is null or { Kind: StoreProblemKind.Corrupt or StoreProblemKind.NotAStore }, problem?.ToString());
        }

        Assert.True(problems >= 8, $"{problems} of 12 were noticed");
    }

    [Fact]
    public async Task A_store_that_somebody_keeps_locked_is_a_message()
    {
        await OpenFileAsync();
        await CloseAsync();
        await using var other = new SqliteConnection($"Data Source={File};Pooling=False");
        await other.OpenAsync(Cancellation);
        Assert.True(SqliteStore.Open(File, busySeconds: 1).TryGet(out var store));
        open.Add(store!);
        await using var transaction = other.BeginTransaction(deferred: false);
        var answer = await store!.PutLemmasAsync([One], Cancellation);
        Assert.Equal(StoreProblemKind.Locked, answer.Problem?.Kind);
        Assert.Null((await store.GetLemmasAsync([One.Key], 1, Cancellation)).Problem);
        await transaction.RollbackAsync(Cancellation);
        Assert.Null((await store.PutLemmasAsync([One], Cancellation)).Problem);
    }

    [Fact]
    public async Task A_place_that_cannot_be_written_is_a_message()
    {
        Assert.Equal(StoreProblemKind.Unavailable, (await ProblemOfOpeningAsync(folder)).Kind);
        Assert.Equal(StoreProblemKind.Unavailable, (await ProblemOfOpeningAsync("/proc/mewe/mewe.db")).Kind);
    }

    [Fact]
    public void What_sqlite_says_of_a_read_only_file_is_read_only() =>
        Assert.Equal(StoreProblemKind.ReadOnly, SqliteSession.ProblemOf(new SqliteException("attempt to write a readonly database", 8), "x")?.Kind);

    [Fact]
    public async Task A_closed_store_says_that_it_was_closed()
    {
        var store = await OpenFileAsync();
        await store.DisposeAsync();
        Assert.Equal(StoreProblemKind.Closed, (await store.PutLemmasAsync([One], Cancellation)).Problem?.Kind);
    }
}
