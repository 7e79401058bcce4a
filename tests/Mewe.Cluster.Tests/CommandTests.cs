using System.Text.Json;
using Mewe.Cluster.Tests.Running;
using Mewe.Tests;

namespace Mewe.Cluster.Tests;

/// <summary>The verbs of the command line, against a real silo that needs no key.</summary>
public sealed class CommandFixture(PostgresFixture postgres) : IAsyncLifetime
{
    internal TestCluster Cluster { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Cluster = await TestCluster.StartAsync(await postgres.NewDatabaseAsync(), silos: 1, workers: 2);

    public ValueTask DisposeAsync() => Cluster.DisposeAsync();
}

public sealed class CommandTests(CommandFixture fixture) : IClassFixture<CommandFixture>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private Task<(int ExitCode, string Output, string Errors)> RunAsync(params string[] arguments) =>
        MeweCommand.RunAsync(new Dictionary<string, string> { ["MEWE_CLUSTER"] = fixture.Cluster.Silos[0].Address.AbsoluteUri }, arguments);

    [Fact]
    public async Task SubmitWatchStatusListAndFetchGiveWhatDiversifyGives()
    {
        var job = TestJob.Small(seed: 31);
        var folder = Directory.CreateTempSubdirectory("mewe-cluster-").FullName;
        var (code, id, errors) = await RunAsync(["submit", job.File, .. job.Options]);
        Assert.True(code == 0, errors);
        id = id.Trim();

        var watched = await RunAsync("watch", id);
        Assert.True(watched.ExitCode == 0, watched.Errors);
        Assert.Contains("completed", watched.Output);
        Assert.Contains("of 3 functions", watched.Errors);

        var status = await RunAsync("status", id, "--json");
        Assert.Equal("completed", JsonDocument.Parse(status.Output).RootElement.GetProperty("state").GetString());
        Assert.Contains(id, (await RunAsync("list", "--state", "completed")).Output);

        var fetched = await RunAsync("fetch", id, "-o", Path.Combine(folder, "out.wasm"), "--report", Path.Combine(folder, "report.json"), "--save-plan", Path.Combine(folder, "plan.json"));
        Assert.True(fetched.ExitCode == 0, fetched.Errors);
        Assert.Contains("variants of 3 functions", fetched.Output);
        Assert.Equal(await job.ExpectedAsync(), await File.ReadAllBytesAsync(Path.Combine(folder, "out.wasm"), Cancellation));

        // The plan gives the same module again, and the cluster takes it.
        var again = await RunAsync(["submit", job.File, .. job.Options, "--plan", Path.Combine(folder, "plan.json"), "-o", Path.Combine(folder, "again.wasm"), "--quiet"]);
        Assert.True(again.ExitCode == 0, again.Errors);
        Assert.Equal(await job.ExpectedAsync(), await File.ReadAllBytesAsync(Path.Combine(folder, "again.wasm"), Cancellation));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task JobsThatWaitCanBeCancelledAndRetried()
    {
        var job = TestJob.Small(seed: 32);
        var id = (await RunAsync(["submit", job.File, .. job.Options, "--not-before", "2099-01-01T00:00Z", "--priority", "-5"])).Output.Trim();
        var status = JsonDocument.Parse((await RunAsync("status", id, "--json")).Output).RootElement;
        Assert.Equal(("queued", -5), (status.GetProperty("state").GetString(), status.GetProperty("priority").GetInt32()));

        Assert.Equal(75, (await RunAsync("fetch", id, "-o", Path.GetTempFileName())).ExitCode);
        Assert.Equal(0, (await RunAsync("cancel", id)).ExitCode);
        Assert.Equal(1, (await RunAsync("cancel", id)).ExitCode);
        Assert.Equal(1, (await RunAsync("watch", id)).ExitCode);
        Assert.Contains("queued", (await RunAsync("retry", id)).Output);
        Assert.Equal(0, (await RunAsync("cancel", id)).ExitCode);
    }

    [Fact]
    public async Task ExitCodesSayWhatIsWrong()
    {
        var folder = Directory.CreateTempSubdirectory("mewe-cluster-").FullName;
        var bad = Path.Combine(folder, "bad.wasm");
        await File.WriteAllTextAsync(bad, "no module", Cancellation);

        var (code, _, errors) = await RunAsync("submit", bad);
        Assert.Equal(65, code);
        Assert.Contains("at byte 0", errors);
        Assert.Equal(66, (await RunAsync("submit", Path.Combine(folder, "missing.wasm"))).ExitCode);
        Assert.Equal(66, (await RunAsync("status", new string('0', 32))).ExitCode);
        Assert.Equal(64, (await RunAsync("submit", bad, "--variants", "65")).ExitCode);
        Assert.Equal(64, (await RunAsync("status", "x", "--cluster", "ftp://example")).ExitCode);
        Assert.Equal(69, (await RunAsync("status", new string('0', 32), "--cluster", "http://127.0.0.1:9")).ExitCode);
        var failing = await RunAsync("submit", TestJob.Small().File, "--functions", "^nothing has this name$", "--wait");
        Assert.Equal(64, failing.ExitCode);
        Assert.Contains("leave no function", failing.Errors);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task AWrongKeyIsSaidWithoutTheKey()
    {
        await using var cluster = new TestCluster(fixture.Cluster.Store, TestCluster.Lease);
        var (code, _, errors) = await MeweCommand.RunAsync(
            new Dictionary<string, string> { ["MEWE_CLUSTER"] = fixture.Cluster.Silos[0].Address.AbsoluteUri, ["MEWE_KEY"] = "mewe_a-wrong-key" }, ["list"]);

        Assert.Equal(77, code);
        Assert.DoesNotContain("a-wrong-key", errors);
    }

    [Theory]
    [InlineData("http://0.0.0.0:0")]
    [InlineData("http://*:0")]
    [InlineData("http://127.0.0.1:0;http://[::]:0")]
    public async Task ASiloWithoutKeysRefusesToListenBeyondLoopback(string urls)
    {
        var (code, _, errors) = await MeweCommand.RunAsync(Programs.Silo, ApiFixture.Environment(fixture.Cluster.Store), ["silo", "--urls", urls]);

        Assert.Equal(64, code);
        Assert.Contains("no key", errors);
    }

    [Fact]
    public async Task AnotherProcessWithTheSameNameTakesTheSilosPlace()
    {
        await using var first = SiloProcess.Start(fixture.Cluster.Store, "twin", 1, TestCluster.Lease);
        await first.ReadyAsync(Cancellation);
        await using var second = SiloProcess.Start(fixture.Cluster.Store, "twin", 1, TestCluster.Lease);
        await second.ReadyAsync(Cancellation);

        Assert.Equal(69, await first.ExitedAsync(Cancellation));
        Assert.False(second.HasExited);
    }

    [Fact]
    public async Task AStoreThatCannotBeReachedIsSaidInOneLineWithoutItsPassword()
    {
        var (code, _, errors) = await MeweCommand.RunAsync(Programs.Silo, ApiFixture.Environment("Host=127.0.0.1;Port=9;Username=mewe;Password=hush;Timeout=2"), ["silo", "--store-wait", "0"]);

        Assert.Equal(69, code);
        Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.DoesNotContain("hush", errors);
    }
}
