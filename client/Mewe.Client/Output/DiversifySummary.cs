using System.Globalization;
using Mewe.Grains;

namespace Mewe.Client.Output;

/// <summary>What a job did, in a few lines: the same for a local job and one of a cluster.</summary>
internal static class DiversifySummary
{
    /// <summary>Writes it to standard output.</summary>
    public static void Write(string outputPath, DiversifyReport report)
    {
        var totals = report.Totals;
        CommandOutput.Line(string.Create(CultureInfo.InvariantCulture,
            $"{outputPath}: {totals.Variants} variants of {totals.Diversified} functions, {report.ModuleBytes:N0} bytes (original {report.SourceBytes:N0})"));
        CommandOutput.Line($"  evidence   {Evidence(report.Proofs)}");
        CommandOutput.Line(string.Create(CultureInfo.InvariantCulture,
            $"  tested     {totals.Tested} candidates on {report.Engine}: {totals.Refuted} refuted, {totals.Inconclusive} without enough evidence, {totals.Invalid} invalid; none of these is linked"));
        CommandOutput.Line(string.Create(CultureInfo.InvariantCulture,
            $"  reached    {totals.EligibleWithEight} of {totals.Eligible} functions with eight or more instructions have eight or more variants"));
        CommandOutput.Line(report.Check.Runs > 0
            ? $"  compared   {report.Check.Runs} runs of the workload ({report.Check.Workload}): the original's answers, every time"
            : "  compared   nothing: there is no workload for this module (--workload)");
        if (report.Preservation.Known > 0)
        {
            CommandOutput.Line(string.Create(CultureInfo.InvariantCulture,
                $"  preserved  {report.Preservation.Own} of {report.Preservation.Known} variants ({100 * report.Preservation.Share:0.0} %) have machine code of their own{ByEngine(report.Preservation)}"));
        }

        if (report.Plan.Slowdown is { } slowdown)
        {
            CommandOutput.Line(string.Create(CultureInfo.InvariantCulture,
                $"  slowdown   {slowdown:0.000} (95 %: {report.Plan.SlowdownLow:0.000} to {report.Plan.SlowdownHigh:0.000}) of {report.Plan.Nanoseconds:N0} ns a request, on the workload; {(report.Plan.WithinBudget == true ? "within" : "OVER")} the budget"));
        }

        foreach (var line in report.Protection)
        {
            CommandOutput.Line($"  {line}");
        }

        foreach (var note in report.Notes)
        {
            CommandOutput.Line($"  note: {note}");
        }

        var short_ = report.Functions.Where(function => function.Reason is not null && function.Instructions >= 8).ToList();
        if (short_.Count > 0)
        {
            CommandOutput.Line($"  {short_.Count} functions with eight or more instructions have fewer variants than asked for (--report says why for each), for example:");
            foreach (var function in short_.Take(3))
            {
                CommandOutput.Line($"    {function.Name}: {function.Variants.Length}; {function.Reason}");
            }
        }

        CommandOutput.Line(string.Create(CultureInfo.InvariantCulture, $"  took       {totals.WallSeconds:0.0} s, {totals.CpuSeconds:0.0} s of processor time"));
    }

    private static string Evidence(ProofsReport proofs)
    {
        var open = proofs.TestedOnly == 0 ? "" : $": {string.Join(", ", proofs.NotProved.Select(category => $"{category.Variants} {category.Category}"))}";
        var share = proofs.Linked == 0 ? 0 : 100.0 * proofs.Proved / proofs.Linked;
        return string.Create(CultureInfo.InvariantCulture,
            $"{proofs.Linked} variants, {proofs.Proved} proved ({share:0.0} %), {proofs.TestedOnly} tested only{open}");
    }

    /// <summary>Each engine's share, where there are several.</summary>
    private static string ByEngine(PreservationTotals preservation) => preservation.ByEngine.Count < 2 ? ""
        : " on all engines: " + string.Join(", ", preservation.ByEngine.Select(engine => string.Create(CultureInfo.InvariantCulture, $"{100.0 * engine.Value.Own / engine.Value.Variants:0.0} % on {engine.Key}")));
}
