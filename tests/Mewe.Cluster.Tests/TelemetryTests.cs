using Mewe.Cluster.Tests.Running;
using Mewe.Tests;

namespace Mewe.Cluster.Tests;

/// <summary>What a real collector receives of a job.</summary>
public sealed class TelemetryTests(PostgresFixture postgres)
{
    [Fact]
    public async Task AJobOverTwoSilosIsOneTraceFromTheCommandLineToTheLink()
    {
        await using var collector = await Collector.StartAsync(TestContext.Current.CancellationToken);
        await using var cluster = await TestCluster.StartAsync(await postgres.NewDatabaseAsync(), silos: 2, environment: collector.Environment);
        var job = TestJob.Usual(seed: 9);
        var output = Path.GetTempFileName();
        var (code, _, errors) = await MeweCommand.RunAsync(collector.Environment, ["submit", job.File, "--cluster", cluster.Silos[0].Address.AbsoluteUri, "-o", output, .. job.Options]);
        Assert.True(code == 0, errors);
        Assert.Equal(await job.ExpectedAsync(), await File.ReadAllBytesAsync(output, TestContext.Current.CancellationToken));
        File.Delete(output);
        foreach (var silo in cluster.Silos)
        {
            await silo.SignalAsync("TERM");
            Assert.Equal(0, await silo.ExitedAsync(TestContext.Current.CancellationToken));
        }

        // What silos send as they end takes the collector a moment to write.
        IReadOnlyList<ReceivedSpan> spans;
        do
        {
            await Task.Delay(100, TestContext.Current.CancellationToken);
            spans = collector.Spans();
        }
        while (spans.Count(span => span.Name is "link" or "mewe submit") < 2);

        var submission = Assert.Single(spans, span => span.Name == "mewe submit");
        var root = Assert.Single(spans, span => span.Name == "job");
        var trace = spans.Where(span => span.Trace == root.Trace).ToList();
        Assert.Equal(submission.Trace, root.Trace);
        Assert.Equal("mewe", submission.Service);
        var steps = trace.Where(span => span.Parent == root.Id).ToList();
        Assert.Single(steps, span => span.Name == "plan");
        Assert.Single(steps, span => span.Name == "link");
        var functions = steps.Where(span => span.Name == "function").ToList();
        Assert.Equal(13, functions.Count);
        Assert.Equal(["silo-1", "silo-2"], functions.Select(span => span.Instance).Distinct().Order());
        foreach (var function in functions)
        {
            var children = trace.Where(span => span.Parent == function.Id).Select(span => span.Name).ToHashSet();
            Assert.Superset(new HashSet<string> { "propose", "test", "prove", "select" }, children);
        }

        Assert.All(spans.Where(span => span.Name is "function" or "plan" or "link" or "propose" or "test"), span => Assert.Equal(root.Trace, span.Trace));
        Assert.Superset(
            new HashSet<string> { "mewe.variants", "mewe.claim.duration", "mewe.solver.duration", "mewe.engine.duration", "mewe.steps", "mewe.queue.jobs", "mewe.queue.functions" },
            collector.Metrics().ToHashSet());

        // The log of the submission carries the trace, there and on the console.
        Assert.Contains(root.Trace, string.Join('\n', collector.Received().Where(line => line.TryGetProperty("resourceLogs", out _)).Select(line => line.GetRawText())));
        Assert.Contains(root.Trace, string.Join('\n', cluster.Silos.Select(silo => silo.Output)));
    }

    [Fact]
    public async Task AJobThatOutlivesASiloIsStillOneTrace()
    {
        await using var collector = await Collector.StartAsync(TestContext.Current.CancellationToken);
        await using var cluster = await TestCluster.StartAsync(await postgres.NewDatabaseAsync(), silos: 1, environment: collector.Environment);
        var submitted = await cluster.SubmitAsync(TestJob.Usual(seed: 10));
        while (await cluster.SqlAsync<long>("SELECT count(*) FROM functions WHERE state = 3") == 0)
        {
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }

        await cluster.KillAsync(cluster.Silos[0]);
        cluster.Start(environment: collector.Environment);
        await cluster.FinishedAsync(submitted.Id);

        IReadOnlyList<ReceivedSpan> spans;
        do
        {
            await Task.Delay(100, TestContext.Current.CancellationToken);
            spans = collector.Spans();
        }
        while (!spans.Any(span => span.Name == "link"));
        Assert.Single(spans.Where(span => span.Name is "job" or "plan" or "function" or "link").Select(span => span.Trace).Distinct());
        Assert.Equal(["silo-1", "silo-2"], spans.Where(span => span.Name is "plan" or "link").Select(span => span.Instance).Distinct().Order());
    }
}
