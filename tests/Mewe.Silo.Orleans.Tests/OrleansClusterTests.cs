using System.Net;
using System.Net.Sockets;
using Mewe.Cluster.Tests.Running;
using Mewe.Grains;
using Mewe.Store;
using Mewe.Store.Postgres;
using Mewe.Tests;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans;
using Orleans.Hosting;

namespace Mewe.Silo.Orleans.Tests;

/// <summary>Real silos with Orleans, and a client inside the cluster.</summary>
public sealed class OrleansClusterTests(PostgresFixture postgres)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task WhoeverBeginsFunctionsTwiceChangesNothing()
    {
        var job = TestJob.Usual(seed: 71);
        var database = await postgres.NewDatabaseAsync();
        await using var cluster = new TestCluster(database, TestCluster.Lease);
        var gateway = FreePort();
        var (first, second) = (cluster.Start(1, null, "--orleans-gateway", $"{gateway}"), cluster.Start());
        await Task.WhenAll(first.ReadyAsync(Cancellation), second.ReadyAsync(Cancellation));
        Assert.True((await PostgresStore.OpenAsync(database, Cancellation)).TryGet(out var store));
        await using var owned = store;
        using var host = await ConnectedAsync(store);
        var grains = host.Services.GetRequiredService<IGrainFactory>();

        var id = (await cluster.SubmitAsync(job)).Id;
        while (await grains.GetGrain<IJobGrain>(id).GetAsync(Cancellation) is not { State: "running" })
        {
            await Task.Delay(50, Cancellation);
        }

        // As two activations of the job's grain would, and of the functions': everything at once, and again.
        Assert.True((await store.Jobs.ListFunctionsAsync(id, new FunctionQuery(), Cancellation)).TryGet(out var functions));
        for (var again = 0; again < 2; again++)
        {
            await Task.WhenAll(functions.Select(function => grains.GetGrain<IFunctionGrain>(FunctionGrain.KeyOf(id, function.Index)).BeginAsync(new StepOrder(0, 1, function.Cost), Cancellation)));
            await grains.GetGrain<ILinkerGrain>(id).BeginAsync(new StepOrder(0, 1, 0), Cancellation);
        }

        var finished = await cluster.FinishedAsync(id);
        Assert.Equal(await job.ExpectedAsync(), await cluster.ModuleAsync(finished));
        Assert.Equal(13L, await cluster.SqlAsync<long>("SELECT sum(attempt)::bigint FROM functions"));
        Assert.Equal(2L, await cluster.SqlAsync<long>("SELECT count(DISTINCT silo) FROM functions"));
        var status = await grains.GetGrain<IJobGrain>(id).GetAsync(Cancellation);
        Assert.Equal(("completed", 13, 13), (status!.State, status.Total, status.Done));
        Assert.Null(await grains.GetGrain<IJobGrain>(JobId.New()).GetAsync(Cancellation));
        await host.StopAsync(Cancellation);
    }

    [Fact]
    public async Task AFinishedJobLeavesNoReminder()
    {
        await using var cluster = await TestCluster.StartAsync(await postgres.NewDatabaseAsync(), silos: 1, workers: 2);

        await cluster.FinishedAsync((await cluster.SubmitAsync(TestJob.Small(seed: 72))).Id);

        while (await cluster.SqlAsync<long>("SELECT count(*) FROM reminders") > 0)
        {
            await Task.Delay(50, Cancellation);
        }
    }

    [Fact]
    public async Task SilosOfTwoSchedulersDoNotMixOnOneStore()
    {
        await using var cluster = await TestCluster.StartAsync(await postgres.NewDatabaseAsync(), silos: 1);

        var (code, _, errors) = await MeweCommand.RunAsync(Programs.Silo, new Dictionary<string, string> { ["MEWE_STORE"] = cluster.Store }, ["silo", "--scheduler", "leases", "--urls", "http://127.0.0.1:0"]);

        Assert.Equal(69, code);
        Assert.Contains("silo-1 works on this store with the scheduler orleans", errors);
        Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => line.StartsWith("mewe:", StringComparison.Ordinal));
    }

    [Fact]
    public async Task OnAFileThereIsNoOrleans()
    {
        var file = Path.Combine(Directory.CreateTempSubdirectory("mewe-orleans-").FullName, "jobs.db");

        var (code, _, errors) = await MeweCommand.RunAsync(Programs.Silo, new Dictionary<string, string> { ["MEWE_STORE"] = file }, ["silo", "--scheduler", "orleans"]);

        Assert.Equal(64, code);
        Assert.Contains("needs PostgreSQL", errors);
    }

    private static async Task<IHost> ConnectedAsync(PostgresStore store)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.UseOrleansClient(client => client.UseMeweCluster(store));
        var host = builder.Build();
        await host.StartAsync(Cancellation);
        return host;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
