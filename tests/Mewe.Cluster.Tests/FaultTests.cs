using System.Diagnostics;
using Mewe.Cluster.Tests.Running;
using Mewe.Tests;
using Npgsql;

namespace Mewe.Cluster.Tests;

/// <summary>Silos and the database die in the middle of jobs, and every job ends with exactly the module that one machine makes.</summary>
public sealed class FaultTests(PostgresFixture postgres)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static int Runs => int.TryParse(Environment.GetEnvironmentVariable("MEWE_FAULT_RUNS"), out var runs) ? runs : 50;

    /// <summary>Jobs that share their faults.</summary>
    private const int Batch = 5;

    private static int Seed => int.TryParse(Environment.GetEnvironmentVariable("MEWE_FAULT_SEED"), out var seed) ? seed : 20261123;

    [Fact]
    public async Task ThreeSilosMakeTheModuleOfOneMachineToTheByte()
    {
        var job = TestJob.Usual();
        await using var cluster = await TestCluster.StartAsync(await postgres.NewDatabaseAsync(), silos: 3);

        var finished = await cluster.FinishedAsync((await cluster.SubmitAsync(job)).Id);

        Assert.Equal(await job.ExpectedAsync(), await cluster.ModuleAsync(finished));
        Assert.Equal(3L, await cluster.SqlAsync<long>("SELECT count(DISTINCT silo) FROM functions"));
        await NothingIsLostOrDoubledAsync(cluster, finished);
    }

    [Fact]
    public async Task WorkOfAKilledSiloSoonRunsElsewhere()
    {
        // With the real lease of 15 s; the job is one whose functions take their time.
        var job = new TestJob("encrypt", 8, "");
        await using var cluster = await TestCluster.StartAsync(await postgres.NewDatabaseAsync(), silos: 2, lease: 15);
        var id = (await cluster.SubmitAsync(job)).Id;
        var victim = cluster.Silos[0];
        var held = await HeldAsync(cluster, victim.Name);
        await cluster.KillAsync(victim);
        var killed = Stopwatch.GetTimestamp();

        while (await cluster.SqlAsync<long>($"SELECT count(*) FROM functions WHERE function = {held} AND (silo <> '{victim.Name}' OR state = 3)") == 0)
        {
            // Twenty seconds on a machine that does nothing else (15 s lease and a claim); here the one that is left may be in the middle of another function, on processors that others use.
            Assert.True(Stopwatch.GetElapsedTime(killed) < TimeSpan.FromSeconds(60), "nobody took it over");
            await Task.Delay(100, Cancellation);
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"taken over after {Stopwatch.GetElapsedTime(killed).TotalSeconds:0.0} s");
        using var client = cluster.Client();
        await client.CancelAsync(id, Cancellation);
    }

    [Fact]
    public async Task AllSilosAreKilledAndOthersFinishTheJob()
    {
        var job = TestJob.Usual(seed: 3);
        await using var cluster = await TestCluster.StartAsync(await postgres.NewDatabaseAsync(), silos: 2);
        var id = (await cluster.SubmitAsync(job)).Id;
        await HeldAsync(cluster, cluster.Silos[0].Name);
        foreach (var silo in cluster.Silos.ToList())
        {
            await cluster.KillAsync(silo);
        }

        cluster.Start();
        var finished = await cluster.FinishedAsync(id);

        Assert.Equal(await job.ExpectedAsync(), await cluster.ModuleAsync(finished));
        await NothingIsLostOrDoubledAsync(cluster, finished);
    }

    [Fact]
    public async Task AZombieThatWakesUpAfterItsLeaseChangesNothing()
    {
        var job = TestJob.Usual(seed: 4);
        await using var cluster = await TestCluster.StartAsync(await postgres.NewDatabaseAsync(), silos: 2);
        var id = (await cluster.SubmitAsync(job)).Id;
        var zombie = cluster.Silos[0];
        var held = await HeldAsync(cluster, zombie.Name);
        await zombie.SignalAsync("STOP");

        // The other one rescues what it had, and does it.
        while (await cluster.SqlAsync<long>($"SELECT count(*) FROM functions WHERE function = {held} AND silo <> '{zombie.Name}'") == 0)
        {
            await Task.Delay(50, Cancellation);
        }

        await zombie.SignalAsync("CONT");
        var finished = await cluster.FinishedAsync(id);

        Assert.Equal(await job.ExpectedAsync(), await cluster.ModuleAsync(finished));
        await NothingIsLostOrDoubledAsync(cluster, finished);

        // It found out, and works again under a new lease.
        await zombie.ReadyAsync(Cancellation);
        while (!zombie.Output.Contains("lost lease", StringComparison.Ordinal))
        {
            Assert.False(zombie.HasExited, zombie.Output);
            await Task.Delay(50, Cancellation);
        }
    }

    [Fact]
    public async Task ASiloThatStartsWhileTheDatabaseRestartsWaitsForIt()
    {
        await using var server = await PostgresServer.StartAsync(durable: true, Cancellation);
        await using var cluster = new TestCluster(await server.NewDatabaseAsync("away", Cancellation), TestCluster.Lease);
        await server.StopAsync(crash: false, Cancellation);

        var silo = cluster.Start();
        while (!silo.Output.Contains("trying again", StringComparison.Ordinal))
        {
            Assert.False(silo.HasExited, silo.Output);
            await Task.Delay(20, Cancellation);
        }

        await server.StartAsync(Cancellation);
        await silo.ReadyAsync(Cancellation);
    }

    [Fact]
    public async Task TheDatabaseIsRestartedAndTheJobGoesOn()
    {
        await using var server = await PostgresServer.StartAsync(durable: true, Cancellation);
        var job = TestJob.Usual(seed: 5);
        await using var cluster = await TestCluster.StartAsync(await server.NewDatabaseAsync("restarted", Cancellation), silos: 2);
        var id = (await cluster.SubmitAsync(job)).Id;
        await HeldAsync(cluster, cluster.Silos[0].Name);

        await server.StopAsync(crash: true, Cancellation);
        await server.StartAsync(Cancellation);
        var finished = await cluster.FinishedAsync(id);

        Assert.Equal(await job.ExpectedAsync(), await cluster.ModuleAsync(finished));
        await NothingIsLostOrDoubledAsync(cluster, finished);
    }

    [Fact]
    public async Task BehindAPoolerInTransactionModeASiloDiesAndTheModuleIsTheSame()
    {
        var job = TestJob.Usual(seed: 7);
        await using var pooler = new TransactionPooler((await postgres.ServerAsync()).Port, connections: 3);
        var through = new NpgsqlConnectionStringBuilder(await postgres.NewDatabaseAsync()) { Port = pooler.Port }.ConnectionString;
        await using var cluster = await TestCluster.StartAsync(through, silos: 2);
        var id = (await cluster.SubmitAsync(job)).Id;
        await HeldAsync(cluster, cluster.Silos[0].Name);
        await cluster.KillAsync(cluster.Silos[0]);

        var finished = await cluster.FinishedAsync(id);

        Assert.Equal(await job.ExpectedAsync(), await cluster.ModuleAsync(finished));
        await NothingIsLostOrDoubledAsync(cluster, finished);
    }

    [Fact]
    public async Task ASiloThatIsToldToEndGivesItsWorkBack()
    {
        var job = TestJob.Usual(seed: 6);
        await using var cluster = await TestCluster.StartAsync(await postgres.NewDatabaseAsync(), silos: 2, lease: 60);
        var id = (await cluster.SubmitAsync(job)).Id;
        var leaving = cluster.Silos[0];
        await HeldAsync(cluster, leaving.Name);

        await leaving.SignalAsync("TERM");

        Assert.Equal(0, await leaving.ExitedAsync(Cancellation));
        Assert.Equal(0L, await cluster.SqlAsync<long>($"SELECT count(*) FROM silos WHERE silo = '{leaving.Name}'"));

        // With a lease of a minute only what was given back can be done now.
        var finished = await cluster.FinishedAsync(id).WaitAsync(TimeSpan.FromSeconds(50), Cancellation);
        Assert.Equal(await job.ExpectedAsync(), await cluster.ModuleAsync(finished));
        Assert.Equal(0L, await cluster.SqlAsync<long>("SELECT coalesce(sum(failures), 0)::bigint FROM functions"));
    }

    [Fact]
    public async Task RandomFaultsNeverChangeAModule()
    {
        // Each run is a job that meets the faults of its batch. The seed makes the plan of faults, not the moments at which they strike.
        var random = new Random(Seed);
        var jobs = Enumerable.Range(0, 4).Select(seed => TestJob.Small((ulong)seed)).Append(TestJob.Usual()).ToArray();
        await using var server = await PostgresServer.StartAsync(durable: true, Cancellation);
        await using var cluster = await TestCluster.StartAsync(await server.NewDatabaseAsync("faults", Cancellation), silos: 3, lease: 2);
        foreach (var job in jobs)
        {
            await job.ExpectedAsync();
        }

        var watch = Stopwatch.StartNew();
        var struck = new Dictionary<string, int>();
        for (var run = 0; run < Runs;)
        {
            var batch = new List<(TestJob Job, string Id)>();
            for (; batch.Count < Batch && run < Runs; run++)
            {
                var job = jobs[random.Next(jobs.Length)];
                batch.Add((job, await SubmittedAsync(cluster, job)));
            }

            for (var faults = random.Next(2, 6); faults > 0; faults--)
            {
                await Task.Delay(random.Next(0, 900), Cancellation);
                var fault = await StrikeAsync(cluster, server, random);
                struck[fault] = struck.GetValueOrDefault(fault) + 1;
            }

            foreach (var (job, id) in batch)
            {
                var finished = await cluster.FinishedAsync(id);
                var (expected, made) = (await job.ExpectedAsync(), await cluster.ModuleAsync(finished));
                Assert.True(expected.AsSpan().SequenceEqual(made), $"before run {run} of seed {Seed} a job gave another module");
                await NothingIsLostOrDoubledAsync(cluster, finished);
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{Runs} runs with {string.Join(", ", struck.OrderBy(pair => pair.Key).Select(pair => $"{pair.Value} {pair.Key}"))} in {watch.Elapsed.TotalSeconds:0} s");
    }

    private static async Task<string> StrikeAsync(TestCluster cluster, PostgresServer server, Random random)
    {
        var silo = cluster.Silos[random.Next(cluster.Silos.Count)];
        switch (random.Next(10))
        {
            case < 5:
                await cluster.KillAsync(silo);
                cluster.Start();
                return "kills";
            case < 7:
                await silo.SignalAsync("STOP");
                _ = Task.Delay(random.Next(100, 5000), CancellationToken.None).ContinueWith(_ => silo.HasExited ? Task.CompletedTask : silo.SignalAsync("CONT"), TaskScheduler.Default);
                return "stops";
            case < 9:
                await silo.SignalAsync("TERM");
                await cluster.KillAsync(silo);
                cluster.Start();
                return "ends";
            default:
                await server.StopAsync(crash: random.Next(2) == 0, Cancellation);
                await server.StartAsync(Cancellation);
                return "restarts of the database";
        }
    }

    /// <summary>Submits straight to the database: which silo answers is not what these tests are about.</summary>
    private static async Task<string> SubmittedAsync(TestCluster cluster, TestJob job)
    {
        await using var jobs = await JobStore.OpenAsync(cluster.Store);
        var submission = job.Submission();
        while (true)
        {
            submission.Module.Position = 0;
            if ((await jobs.Store.PutBlobAsync(submission.Module, Cancellation)).TryGet(out var module)
                && (await jobs.Store.SubmitAsync(new Mewe.Store.NewJob(submission.Id, submission.Name, module, submission.Options!), Cancellation)).TryGet(out var record) && record is not null)
            {
                return record.Id;
            }

            await Task.Delay(100, Cancellation);
        }
    }

    /// <summary>Waits until a silo works on a function.</summary>
    /// <returns>Which.</returns>
    private static async Task<int> HeldAsync(TestCluster cluster, string silo)
    {
        while (true)
        {
            var held = await cluster.SqlAsync<int>($"SELECT coalesce((SELECT function FROM functions WHERE state = 2 AND silo = '{silo}' LIMIT 1), -1)");
            if (held >= 0)
            {
                return held;
            }

            await Task.Delay(20, Cancellation);
        }
    }

    private static async Task NothingIsLostOrDoubledAsync(TestCluster cluster, Mewe.Store.JobRecord job)
    {
        await using var jobs = await JobStore.OpenAsync(cluster.Store);
        var functions = await PagesAsync(after => jobs.Store.ListFunctionsAsync(job.Id, new Mewe.Store.FunctionQuery(1000, after), Cancellation), function => function.Index);
        Assert.All(functions, function => Assert.Equal(Mewe.Store.FunctionState.Done, function.State));
        Assert.Equal(job.Progress.Total, functions.Count);
        Assert.Equal(job.Progress.Done, functions.Count);
        foreach (var function in functions)
        {
            var answer = await jobs.Store.ListVariantsAsync(job.Id, new Mewe.Store.VariantQuery(1000) { Function = function.Index }, Cancellation);
            Assert.True(answer.TryGet(out var variants), answer.Problem?.Message);
            Assert.Equal(Enumerable.Range(0, function.Variants), variants.Select(variant => variant.Variant.Ordinal));
        }

        Assert.Equal(job.Progress.Variants, functions.Sum(function => (long)function.Variants));
    }

    private static async Task<List<T>> PagesAsync<T>(Func<int?, Task<Mewe.Store.StoreAnswer<IReadOnlyList<T>>>> page, Func<T, int> last)
    {
        var all = new List<T>();
        while (true)
        {
            var answer = await page(all.Count == 0 ? null : last(all[^1]));
            if (answer.TryGet(out var rows))
            {
                if (rows.Count == 0)
                {
                    return all;
                }

                all.AddRange(rows);
            }
        }
    }
}
