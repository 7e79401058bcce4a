using System.Globalization;
using System.Text.Json.Serialization;

namespace Mewe.Throughput;

/// <summary>What was measured on one module. Times in seconds; rates per second.</summary>
/// <param name="ProposedPerCpuSecond">Candidates proposed per second of one core.</param>
/// <param name="TestedPerSecond">Candidates of the whole job, from file to checked module, per second of elapsed time.</param>
/// <param name="TestedPerCpuSecond">The same per second of one core, the engine's processes included.</param>
/// <param name="PeakMegabytes">Largest resident size of this process plus those of the engine's: an upper bound of what was used at any time.</param>
internal sealed record ModuleResult(
    string Module, int Bytes, int Functions, int VariantsWanted, int Threads, string Engine,
    long Proposed, double ProposalCpuSeconds, double ProposedPerCpuSecond,
    int Variants, long Tested, long Refuted, int Eligible, int EligibleWithEight,
    double WallSeconds, double CpuSeconds, double TestedPerSecond, double TestedPerCpuSecond,
    double PeakMegabytes);

/// <summary>The results for people.</summary>
internal static class ResultTable
{
    public static void Print(IReadOnlyList<ModuleResult> results, TextWriter output)
    {
        if (results.Count > 0)
        {
            output.WriteLine($"K = {results[0].VariantsWanted}, {results[0].Threads} threads, {results[0].Engine}");
        }

        output.WriteLine($"{"module",-24} {"functions",9} {"proposed/core s",16} {"tested",8} {"tested/s",9} {"tested/core s",14} {"variants",9} {">= 8",9} {"wall s",7} {"CPU s",7} {"peak MB",8}");
        foreach (var result in results)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{result.Module,-24} {result.Functions,9} {result.ProposedPerCpuSecond,16:N0} {result.Tested,8} {result.TestedPerSecond,9:N0} {result.TestedPerCpuSecond,14:N0} {result.Variants,9} {$"{result.EligibleWithEight}/{result.Eligible}",9} {result.WallSeconds,7:N1} {result.CpuSeconds,7:N1} {result.PeakMegabytes,8:N0}"));
        }
    }

    public static void Print(IReadOnlyList<TesterResult> results, int candidates, TextWriter output)
    {
        output.WriteLine($"the tester alone, one engine process, {candidates} candidates of each function");
        output.WriteLine($"{"module",-34} {"kB",6} {"functions",9} {"taken",6} {"median",7} {"tested",7} {"refuted",7} {"runs",6} {"coverage",8} {"own µs",7} {"engine µs",9} {"tested/core s",14}");
        foreach (var result in results)
        {
            var name = result.Copies > 1 ? $"{result.Module} x{result.Copies}" : result.Module;
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{name,-34} {result.Bytes / 1e3,6:N0} {result.Functions,9} {result.FunctionsTaken,6} {result.MedianInstructions,7} {result.Candidates,7} {result.Refuted,7} {(double)result.Executions / result.Candidates,6:N0} {result.BranchCoverage,8:P0} {result.OwnCpuSeconds * 1e6 / result.Candidates,7:N0} {result.EngineCpuSeconds * 1e6 / result.Candidates,9:N0} {result.TestedPerCpuSecond,14:N0}"));
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ModuleResult))]
[JsonSerializable(typeof(ModuleResult[]))]
internal sealed partial class ThroughputJsonContext : JsonSerializerContext;
