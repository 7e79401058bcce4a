using System.Diagnostics;
using Mewe.Client.Http;
using Mewe.Store.Postgres;
using Npgsql;

namespace Mewe.Cluster.Tests.Running;

/// <summary>Silos on one database. All of them end with it.</summary>
internal sealed class TestCluster(string store, double leaseSeconds) : IAsyncDisposable
{
    /// <summary>Leases in most tests: long enough for a busy machine, short enough to wait for.</summary>
    public const double Lease = 3;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly List<SiloProcess> silos = [];
    private int started;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public string Store => store;

    public IReadOnlyList<SiloProcess> Silos => silos;

    /// <summary>Starts silos and waits until they are ready.</summary>
    public static async Task<TestCluster> StartAsync(string store, int silos, int workers = 1, double lease = Lease, IReadOnlyDictionary<string, string>? environment = null)
    {
        var cluster = new TestCluster(store, lease);
        for (var i = 0; i < silos; i++)
        {
            cluster.Start(workers, environment);
        }

        await Task.WhenAll(cluster.silos.Select(silo => silo.ReadyAsync(Cancellation)));
        return cluster;
    }

    /// <summary>Starts one more, which is ready later.</summary>
    public SiloProcess Start(int workers = 1, IReadOnlyDictionary<string, string>? environment = null, params string[] more)
    {
        var silo = SiloProcess.Start(store, $"silo-{++started}", workers, leaseSeconds, environment, more);
        silos.Add(silo);
        return silo;
    }

    /// <summary>kill -9, and forget it.</summary>
    public async Task KillAsync(SiloProcess silo)
    {
        silos.Remove(silo);
        await silo.DisposeAsync();
    }

    /// <summary>A client of one of the silos; a program would have a load balancer in between.</summary>
    public MeweClient Client(string? key = null) => new(silos[^1].Address, key);

    public async Task<Job> SubmitAsync(TestJob job, int priority = 0)
    {
        using var client = Client();
        return await client.SubmitAsync(job.Submission() with { Priority = priority }, Cancellation);
    }

    /// <summary>Waits until a job is finished, whichever silos live or die meanwhile; asks the database.</summary>
    public async Task<Store.JobRecord> FinishedAsync(string id)
    {
        await using var jobs = await JobStore.OpenAsync(store);
        var (shown, since) = ("", Stopwatch.StartNew());
        while (true)
        {
            // A database that is being restarted does not answer: one asks again.
            if ((await jobs.Store.GetJobAsync(id, Cancellation)).TryGet(out var job) && job is not null && Mewe.Store.StateExtensions.IsTerminal(job.State))
            {
                return job;
            }

            // Nothing a test does to a cluster stops it for so long; a test that waits for ever says nothing.
            var now = job is null ? shown : $"{job.State}, {job.Progress}";
            since = now == shown ? since : Stopwatch.StartNew();
            shown = now;
            Assert.True(since.Elapsed < Patience, $"job {id} has stood still: {shown}; {Silos.Count(silo => !silo.HasExited)} of {Silos.Count} silos are running\n{Said()}");
            await Task.Delay(100, Cancellation);
        }
    }

    /// <summary>The module of a completed job, from the database.</summary>
    public async Task<byte[]> ModuleAsync(Store.JobRecord job)
    {
        Assert.True(job.State == Mewe.Store.JobState.Completed, $"the job is {job.State}: {job.Error}\n{Said()}");
        await using var jobs = await JobStore.OpenAsync(store);
        using var content = new MemoryStream();
        Assert.True((await jobs.Store.CopyBlobAsync(job.Output!.Module, content, Cancellation)).TryGet(out var length) && length is not null);
        return content.ToArray();
    }

    /// <summary>A question to the database.</summary>
    public async Task<T> SqlAsync<T>(string sql)
    {
        await using var connection = new NpgsqlConnection(store + ";Pooling=false");
        await connection.OpenAsync(Cancellation);
        await using var command = new NpgsqlCommand(sql, connection);
        return (T)(await command.ExecuteScalarAsync(Cancellation))!;
    }

    private string Said() => string.Join("\n\n", silos.Select(silo => $"{silo.Name}{(silo.HasExited ? $" ended with {silo.ExitCode}" : "")}:\n{silo.Output}"));

    public async ValueTask DisposeAsync()
    {
        foreach (var silo in silos)
        {
            await silo.DisposeAsync();
        }
    }
}

/// <summary>The database, as a silo has it.</summary>
internal sealed class JobStore(PostgresStore opened) : IAsyncDisposable
{
    public Store.IJobStore Store => opened.Jobs;

    public static async Task<JobStore> OpenAsync(string connection)
    {
        while (true)
        {
            var answer = await PostgresStore.OpenAsync(connection, TestContext.Current.CancellationToken);
            if (answer.TryGet(out var store))
            {
                return new JobStore(store);
            }

            await Task.Delay(100, TestContext.Current.CancellationToken);
        }
    }

    public ValueTask DisposeAsync() => opened.DisposeAsync();
}
