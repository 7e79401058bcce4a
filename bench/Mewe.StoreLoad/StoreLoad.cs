using System.Diagnostics;
using Mewe.Store;

namespace Mewe.StoreLoad;

/// <summary>Times of calls, in milliseconds.</summary>
internal sealed record Latencies(double Median, double Worst)
{
    /// <summary>The median and the 99th percentile.</summary>
    public static Latencies Of(List<double> times)
    {
        times.Sort();
        return times.Count == 0 ? new Latencies(double.NaN, double.NaN) : new Latencies(times[times.Count / 2], times[(int)(times.Count * 0.99)]);
    }
}

/// <summary>What a measurement gave.</summary>
/// <param name="PerClaim">Functions per claim.</param>
/// <param name="ClientMilliseconds">Processor time of this process per function.</param>
/// <param name="ServerMilliseconds">Processor time of the server per function; NaN where it is not ours.</param>
internal sealed record LoadFigures(double PerSecond, Latencies Claims, double PerClaim, Latencies Completions, double ClientMilliseconds, double ServerMilliseconds);

/// <summary>Silos whose workers do nothing but claim and complete: each completion frees a slot, and all free slots are claimed in one call, as a silo does.</summary>
internal sealed class StoreLoad(IJobStore store, LoadOptions options, int? server)
{
    public const int FunctionsPerJob = 10_000;

    private readonly List<string> jobs = [];

    /// <summary>Submits and plans the jobs.</summary>
    public async Task QueueAsync()
    {
        var silo = Required(await store.RegisterSiloAsync(new NewSilo("planner", 1, "load"), CancellationToken.None)).Lease!;
        var blob = Required(await store.PutBlobAsync("module"u8.ToArray(), CancellationToken.None));
        for (var i = 0; i < options.Jobs; i++)
        {
            var job = new NewJob(JobId.New(), $"job {i}", blob, "{}");
            Required(await store.SubmitAsync(job, CancellationToken.None));
            var claim = Required(await store.ClaimJobsAsync(silo, 1, job.Id, CancellationToken.None)).Single().Claim;
            var random = new Random(i);
            Required(await store.PlannedAsync(claim, blob, [.. Enumerable.Range(0, options.Functions / options.Jobs).Select(index => new NewFunction(index, $"function {index}", random.Next(10_000)))], CancellationToken.None));
            jobs.Add(job.Id);
        }
    }

    public async Task CancelAsync()
    {
        foreach (var job in jobs)
        {
            Required(await store.CancelAsync(job, CancellationToken.None));
        }

        jobs.Clear();
    }

    /// <summary>A second to warm up, then the measurement.</summary>
    public async Task<LoadFigures> RunAsync()
    {
        await SilosAsync(TimeSpan.FromSeconds(1));
        var (started, client, serving) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime, Serving());
        var runs = await SilosAsync(TimeSpan.FromSeconds(options.Seconds));
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        List<double> claims = [.. runs.SelectMany(run => run.Claims)], completions = [.. runs.SelectMany(run => run.Completions)];
        return new LoadFigures(completions.Count / seconds, Latencies.Of(claims), completions.Count / (double)claims.Count, Latencies.Of(completions),
            (Environment.CpuUsage.TotalTime - client).TotalMilliseconds / completions.Count, (Serving() - serving) / completions.Count);
    }

    private double Serving() => server is { } process ? ServerTime.Of(process) : double.NaN;

    private Task<(List<double> Claims, List<double> Completions)[]> SilosAsync(TimeSpan time) =>
        Task.WhenAll(Enumerable.Range(0, options.Silos).Select(silo => Task.Run(() => SiloAsync($"silo {silo}", time))));

    private async Task<(List<double> Claims, List<double> Completions)> SiloAsync(string name, TimeSpan time)
    {
        var silo = Required(await store.RegisterSiloAsync(new NewSilo(name, options.Workers, "load"), CancellationToken.None)).Lease!;
        var (claims, completions) = (new List<double>(), new List<double>());
        var running = new HashSet<Task>();
        var started = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(started) < time)
        {
            var asked = Stopwatch.GetTimestamp();
            var claimed = Required(await store.ClaimFunctionsAsync(silo, options.Workers - running.Count, null, CancellationToken.None));
            claims.Add(Stopwatch.GetElapsedTime(asked).TotalMilliseconds);
            running.UnionWith(claimed.Select(function => CompleteAsync(function.Claim)));
            if (running.Count > 0)
            {
                await Task.WhenAny(running);
                running.RemoveWhere(task => task.IsCompleted);
            }
        }

        await Task.WhenAll(running);
        return (claims, completions);

        async Task CompleteAsync(FunctionClaim claim)
        {
            var asked = Stopwatch.GetTimestamp();
            var content = new byte[options.ResultBytes];
            new Random(claim.Function).NextBytes(content);
            var variants = Enumerable.Range(0, options.Variants)
                .Select(i => new NewVariant(i, BlobHash.Of([(byte)i, (byte)claim.Function]), 120, "swap operands; unfold a constant; move a local", VariantEvidence.Proved, null, 256)).ToList();
            if (Required(await store.CompleteFunctionAsync(claim, new FunctionResult(content, variants, new CandidateTally(64, 32, 4)), CancellationToken.None)) != WriteOutcome.Written)
            {
                throw new InvalidOperationException("a claim was lost, and nobody took it");
            }

            lock (completions)
            {
                completions.Add(Stopwatch.GetElapsedTime(asked).TotalMilliseconds);
            }
        }
    }

    private static T Required<T>(StoreAnswer<T> answer) => answer.TryGet(out var value) ? value : throw new InvalidOperationException(answer.Problem!.Message);
}
