using System.Diagnostics;
using Mewe.Client.Http;
using Mewe.Cluster.Tests.Running;
using Mewe.Tests;

namespace Mewe.Cluster.Tests;

/// <summary>Jobs share the cluster, cancelled ones leave it, and many callers at once do it no harm.</summary>
public sealed class SharingTests(PostgresFixture postgres)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Minutes of work.</summary>
    private static readonly TestJob Huge = new("encrypt", 64, "");

    /// <summary>The job alone would work for minutes.</summary>
    private static readonly TimeSpan SurelyIdle = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task ASmallJobBehindAHugeOneTakesAtMostThreeTimesAsLong()
    {
        await using var cluster = await TestCluster.StartAsync(await postgres.NewDatabaseAsync(), silos: 1, workers: 2);
        await TimeAsync(cluster, seed: 40); // what is only slow the first time
        var alone = await TimeAsync(cluster, seed: 41);
        var huge = await cluster.SubmitAsync(Huge);
        while (await cluster.SqlAsync<long>("SELECT count(*) FROM functions WHERE state = 2") < 2)
        {
            await Task.Delay(20, Cancellation);
        }

        var behind = await TimeAsync(cluster, seed: 42);

        TestContext.Current.TestOutputHelper?.WriteLine($"alone {alone.TotalSeconds:0.0} s, behind a huge job {behind.TotalSeconds:0.0} s");
        Assert.InRange(behind, TimeSpan.Zero, 3 * alone);
        using var client = cluster.Client();
        await client.CancelAsync(huge.Id, Cancellation);
    }

    [Fact]
    public async Task ACancelledJobSoonUsesNoProcessor()
    {
        await using var cluster = await TestCluster.StartAsync(await postgres.NewDatabaseAsync(), silos: 2, lease: 15);
        var huge = await cluster.SubmitAsync(Huge);

        // A while, so that the runtime has compiled what it runs: it goes on with that when there is nothing else to do.
        while (await cluster.SqlAsync<long>("SELECT count(*) FROM functions WHERE state = 3") < 4)
        {
            await Task.Delay(20, Cancellation);
        }

        using var client = cluster.Client();
        await client.CancelAsync(huge.Id, Cancellation);
        var cancelled = Stopwatch.StartNew();
        double used;
        TimeSpan began;
        do
        {
            began = cancelled.Elapsed;
            var before = cluster.Silos.SelectMany(silo => silo.ProcessorTimes()).ToDictionary();
            await Task.Delay(TimeSpan.FromSeconds(1), Cancellation);

            // Of those that are there now: an engine that was ended takes what it had used with it.
            var spent = cluster.Silos.SelectMany(silo => silo.ProcessorTimes()).Sum(process => Math.Max(0, (process.Value - before.GetValueOrDefault(process.Key)).TotalSeconds));
            used = spent / (cancelled.Elapsed - began).TotalSeconds;
        }
        while (used > 0.25 && began < SurelyIdle);

        // How long it took says something on a machine that does nothing else; that it ends is so on any.
        TestContext.Current.TestOutputHelper?.WriteLine($"{used:0.000} processors from {began.TotalSeconds:0.0} s after");
        Assert.InRange(used, 0, 0.25);
    }

    [Fact]
    public async Task AThousandWatchersAndAHundredUploadsDoNotHurt()
    {
        await using var cluster = await TestCluster.StartAsync(await postgres.NewDatabaseAsync(), silos: 1, workers: 1);
        var silo = cluster.Silos[0];
        using var client = cluster.Client();
        var waiting = await client.SubmitAsync(TestJob.Small(seed: 50).Submission() with { NotBefore = DateTimeOffset.UtcNow.AddHours(1) }, Cancellation);
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var first = 0;
        var watchers = Enumerable.Range(0, 1000).Select(async _ =>
        {
            await foreach (var progress in client.WatchAsync(waiting.Id, leaving.Token))
            {
                Interlocked.Increment(ref first);
            }
        }).ToList();
        while (Volatile.Read(ref first) < 1000)
        {
            await Task.Delay(20, Cancellation);
        }

        // A valid module of ten megabytes: a custom section that says nothing.
        var module = new byte[10 << 20];
        byte[] head = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 0];
        head.CopyTo(module, 0);
        var (size, at) = (module.Length - head.Length - 4, head.Length);
        for (var i = 0; i < 4; i++)
        {
            module[at + i] = (byte)(((size >> (7 * i)) & 0x7F) | (i < 3 ? 0x80 : 0));
        }

        var uploads = Task.WhenAll(Enumerable.Range(0, 100).Select(_ => client.SubmitAsync(new JobSubmission(new MemoryStream(module, writable: false)) { NotBefore = DateTimeOffset.UtcNow.AddHours(1) }, Cancellation)));
        using var http = new HttpClient { BaseAddress = silo.Address };
        var (slowest, largest, asked) = (TimeSpan.Zero, 0L, new List<double>());
        while (!uploads.IsCompleted)
        {
            var watch = Stopwatch.StartNew();
            Assert.Equal("ok\n", await http.GetStringAsync("/healthz", Cancellation));
            asked.Add(watch.Elapsed.TotalMilliseconds);
            (slowest, largest) = (watch.Elapsed > slowest ? watch.Elapsed : slowest, Math.Max(largest, silo.ResidentBytes()));
            await Task.Delay(20, Cancellation);
        }

        Assert.Equal(100, (await uploads).Select(job => job.Id).Distinct().Count());
        asked.Sort();
        TestContext.Current.TestOutputHelper?.WriteLine($"/healthz: median {asked[asked.Count / 2]:0.0} ms, 95 % {asked[asked.Count * 95 / 100]:0.0} ms, slowest {slowest.TotalMilliseconds:0} ms; at most {largest >> 20} MB");
        Assert.InRange(largest, 1, 1L << 30);
        Assert.InRange(asked[asked.Count / 2], 0, 100);
        await leaving.CancelAsync();
        await Task.WhenAll(watchers.Select(watcher => watcher.ContinueWith(_ => { }, TaskScheduler.Default)));
    }

    /// <summary>Only where nothing else runs: it measures, so it is asked for by name (<c>-explicit only</c>).</summary>
    [Fact(Explicit = true)]
    public async Task TwoSilosAreNearlyTwiceAsFastAsOne()
    {
        // Long enough that it does not matter how long two runtimes take to compile what one compiles once.
        var job = new TestJob("qr_str", 8, "");
        async Task<TimeSpan> OnAsync(int silos)
        {
            await using var cluster = await TestCluster.StartAsync(await postgres.NewDatabaseAsync(), silos);
            await cluster.FinishedAsync((await cluster.SubmitAsync(job with { Seed = 1, Variants = 2 })).Id); // what is only slow the first time
            var finished = await cluster.FinishedAsync((await cluster.SubmitAsync(job)).Id);
            return finished.FinishedAt!.Value - finished.SubmittedAt;
        }

        var (one, two) = (await OnAsync(1), await OnAsync(2));

        TestContext.Current.TestOutputHelper?.WriteLine($"one silo {one.TotalSeconds:0.0} s, two {two.TotalSeconds:0.0} s: {one / two:0.00} times as fast");
        Assert.InRange(one / two, 1.8, 3);
    }

    private static async Task<TimeSpan> TimeAsync(TestCluster cluster, ulong seed)
    {
        var watch = Stopwatch.StartNew();
        var finished = await cluster.FinishedAsync((await cluster.SubmitAsync(TestJob.Usual(seed))).Id);
        Assert.Equal(Store.JobState.Completed, finished.State);
        return watch.Elapsed;
    }
}
