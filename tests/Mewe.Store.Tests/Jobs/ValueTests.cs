using Mewe.Store.Postgres;

namespace Mewe.Store.Tests.Jobs;

/// <summary>The small values of the contract.</summary>
public sealed class ValueTests
{
    [Fact]
    public void A_hash_is_its_text_and_its_bytes()
    {
        var hash = BlobHash.Of("abc"u8);
        Assert.Equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", hash.ToString());
        Assert.True(BlobHash.TryParse(hash.ToString(), out var parsed));
        Assert.Equal(hash, parsed);
        Assert.Equal(hash, new BlobHash(hash.ToArray()));
        Assert.Throws<ArgumentException>(() => new BlobHash(new byte[31]));
    }

    [Theory]
    [InlineData("")]
    [InlineData(null)]
    [InlineData("ba7816bf")]
    [InlineData("zz7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    public void What_is_no_hash_is_not_read_as_one(string? text) => Assert.False(BlobHash.TryParse(text, out _));

    [Fact]
    public void Names_of_jobs_are_in_order_of_time()
    {
        string[] ids = [.. Enumerable.Range(0, 5).Select(second => JobId.New(new At(DateTimeOffset.UnixEpoch.AddSeconds(second))))];
        Assert.Equal(ids.Order(StringComparer.Ordinal), ids);
        Assert.All(ids, id => Assert.True(JobId.IsOne(id)));
        Assert.All((string?[])[null, "", ids[0].ToUpperInvariant(), ids[0] + "0", "{" + ids[0][2..] + "}"], text => Assert.False(JobId.IsOne(text)));
    }

    [Fact]
    public void Pauses_double_up_to_a_minute() =>
        Assert.Equal([1, 2, 4, 8, 16, 32, 60, 60, 60], ((int[])[1, 2, 3, 4, 5, 6, 7, 17, 100]).Select(failures => (int)JobLimits.BackOff(failures).TotalSeconds));

    [Fact]
    public void Keys_are_long_and_never_the_same()
    {
        string[] keys = [.. Enumerable.Range(0, 100).Select(_ => ApiKeySecret.New())];
        Assert.Equal(100, keys.Distinct().Count());
        Assert.All(keys, key => Assert.Matches("^mewe_[A-Za-z0-9_-]{43}$", key));
    }

    [Fact]
    public async Task Who_waits_for_a_signal_is_woken_by_it_or_by_time_or_cancelled()
    {
        var signal = new WorkSignal(TimeProvider.System);
        Assert.Equal(0, await signal.WaitAsync(0, TimeSpan.FromMilliseconds(1), TestContext.Current.CancellationToken));
        var waits = Enumerable.Range(0, 10).Select(_ => signal.WaitAsync(0, TimeSpan.FromMinutes(5), TestContext.Current.CancellationToken)).ToList();
        signal.Raise();
        Assert.All(await Task.WhenAll(waits), count => Assert.Equal(1, count));
        using var cancel = new CancellationTokenSource();
        var cancelled = signal.WaitAsync(1, TimeSpan.FromMinutes(5), cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
    }

    [Fact]
    public async Task Completions_that_come_together_are_written_together_and_each_learns_its_own_outcome()
    {
        var (first, batches) = (new TaskCompletionSource(), new List<int>());
        var queue = new CompletionQueue(async batch =>
        {
            batches.Add(batch.Count);
            await first.Task;
            return batch.Any(completion => completion.Claim.Function == 3 && batch.Count == 1)
                ? throw new InvalidOperationException("the third")
                : batch.Any(completion => completion.Claim.Function == 3) ? throw new InvalidOperationException("one of them")
                : StoreAnswer<WriteOutcome[]>.Of([.. batch.Select(completion => completion.Claim.Function % 2 == 0 ? WriteOutcome.Written : WriteOutcome.Lost)]);
        });
        var adds = Enumerable.Range(0, 6).Select(function => queue.AddAsync(new FunctionClaim("job", function, 1, new SiloLease("a", 1)), new FunctionResult(default, [], default), CancellationToken.None)).ToList();
        first.SetResult();
        for (var function = 0; function < 6; function++)
        {
            if (function == 3)
            {
                Assert.Equal("the third", (await Assert.ThrowsAsync<InvalidOperationException>(() => adds[3])).Message);
            }
            else
            {
                Assert.True((await adds[function]).TryGet(out var outcome));
                Assert.Equal(function % 2 == 0 ? WriteOutcome.Written : WriteOutcome.Lost, outcome);
            }
        }

        await queue.DrainedAsync();
        Assert.True(batches.Count < 6 + 3, string.Join(", ", batches));
    }

    private sealed class At(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
