using System.Diagnostics;
using System.Globalization;
using Mewe.Diversify;
using Mewe.Execution.Node;
using Mewe.Grains;
using Mewe.Wasm.Binary;

namespace Mewe.Throughput;

/// <summary>Measures one module: proposing alone, and then the whole job.</summary>
internal static class ModuleMeasurement
{
    /// <summary>As many as a job asks for at first.</summary>
    private const int CandidatesPerVariant = 2;

    public static async Task<ModuleResult> RunAsync(string path, int variants, int threads)
    {
        var bytes = await File.ReadAllBytesAsync(path);
        var (proposed, proposalSeconds) = Propose(bytes, variants);
        var (report, memory) = await RunJobAsync(path, bytes, variants, threads);
        var totals = report.Totals;
        return new ModuleResult(
            Path.GetFileName(path), bytes.Length, totals.Functions, variants, threads, report.Engine,
            proposed, proposalSeconds, proposed / proposalSeconds,
            totals.Variants, totals.Tested, totals.Refuted, totals.Eligible, totals.EligibleWithEight,
            totals.WallSeconds, totals.CpuSeconds, totals.Tested / totals.WallSeconds, totals.Tested / totals.CpuSeconds,
            memory / 1e6);
    }

    /// <summary>Twice as many candidates of each function as variants are wanted, as a job asks for, on this thread; after a warm-up.</summary>
    private static (long Candidates, double CpuSeconds) Propose(byte[] bytes, int variants)
    {
        var facts = new ModuleFacts(ModuleReader.TryRead(bytes, out var error) ?? throw new InvalidDataException(error!.ToString()));
        var functions = Enumerable.Range(0, facts.Module.Bodies.Count).Select(i => FunctionInput.Of(facts, (uint)(facts.ImportedFunctionCount + i))).ToList();
        long Count(int candidates) => functions.Sum(function => (long)Diversifier.Default.Propose(function, new DiversifyOptions { MaxCandidates = candidates }).Count());
        Count(1);
        var before = Environment.CpuUsage.TotalTime;
        var proposed = Count(CandidatesPerVariant * variants);
        return (proposed, (Environment.CpuUsage.TotalTime - before).TotalSeconds);
    }

    private static async Task<(DiversifyReport Report, long PeakBytes)> RunJobAsync(string path, byte[] bytes, int variants, int threads)
    {
        var started = await NodeEngine.StartAsync(new NodeEngineOptions { Workers = threads }, CancellationToken.None);
        await using var engine = started.Value;
        var workloadPath = Path.ChangeExtension(path, ".workload.json");
        var workload = File.Exists(workloadPath) ? WorkloadFile.Parse(await File.ReadAllBytesAsync(workloadPath)) : null;
        var result = await new LocalJob(engine, new JobRequest(bytes, new JobOptions { Variants = variants }, workload)).RunAsync(threads, null, CancellationToken.None);

        // The peaks of this process and of the engine's need not have been at the same time, so their sum is an upper bound.
        var peak = engine.WorkerProcessIds.Append(Environment.ProcessId).Sum(PeakBytes);
        return (result.Report ?? throw new InvalidOperationException(result.Failure!.Message), peak);
    }

    /// <summary>The largest resident size that a process has had, where the system says so.</summary>
    private static long PeakBytes(int process)
    {
        try
        {
            var line = File.ReadLines($"/proc/{process}/status").FirstOrDefault(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
            return line is null ? 0 : long.Parse(line.AsSpan(6, line.Length - 9), NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture) * 1024;
        }
        catch (IOException)
        {
            using var other = Process.GetProcessById(process);
            return other.PeakWorkingSet64;
        }
    }
}
