using System.Collections.Immutable;
using Mewe.Equivalence.Proof.Solving;
using Mewe.Linking;

namespace Mewe.Grains;

/// <summary>What a job cost. For the report only; it decides nothing.</summary>
/// <param name="Elapsed">From its start to the end of linking.</param>
/// <param name="ProcessorTime">Of all its steps, engines included.</param>
/// <param name="LemmasAsked">Questions for the solver.</param>
/// <param name="LemmasKnown">Those whose answer was known.</param>
internal sealed record JobCost(TimeSpan Elapsed, TimeSpan ProcessorTime, long LemmasAsked, long LemmasKnown);

/// <summary>Puts a job's report together.</summary>
internal sealed class ReportBuilder(JobPlan plan, ISolver? solver)
{
    /// <summary>Functions of this size are counted in the report's share of functions with eight or more variants.</summary>
    private const int EligibleInstructions = 8;

    /// <param name="failed">Functions that were not worked on in the end, by index, and why.</param>
    public DiversifyReport Build(LinkPlan decided, ImmutableArray<FunctionOutcome> outcomes, IReadOnlyDictionary<uint, string> failed, AssemblyOutcome linked, JobCost cost)
    {
        var without = plan.LeftAlone.Concat(failed).Select(pair => new FunctionReport(pair.Key, plan.Names.Of(pair.Key),
            plan.Module.Bodies[(int)pair.Key - plan.Facts.ImportedFunctionCount].Decode().Instructions.Length, 0, 0, 0, 0, 0, pair.Value, [], []));
        var functions = outcomes.Select(outcome => outcome.Report).Concat(without).OrderBy(function => function.Index).ToImmutableArray();
        var eligible = functions.Where(function => function.Instructions >= EligibleInstructions).ToList();
        return new DiversifyReport
        {
            ToolVersion = ToolVersion.Text,
            SourceSha256 = Convert.ToHexStringLower(plan.Facts.Sha256.AsSpan()),
            ModuleSha256 = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(linked.Module!)),
            SourceBytes = plan.Request.Module.Length,
            ModuleBytes = linked.Module!.Length,
            Seed = plan.Request.Options.Seed,
            Options = plan.RecordedOptions,
            Randomness = linked.Map!.Randomness.ToString().ToLowerInvariant(),
            Protection = Protection.Of(linked.Map),
            Engine = plan.Engines.Names,
            Totals = new TotalsReport(
                functions.Length,
                functions.Count(function => function.Variants.Length > 0),
                functions.Sum(function => function.Variants.Length),
                eligible.Count,
                eligible.Count(function => function.Variants.Length >= 8),
                functions.Sum(function => (long)function.Proposed),
                functions.Sum(function => (long)function.Tested),
                functions.Sum(function => (long)function.Refuted.Length),
                outcomes.Sum(outcome => (long)outcome.Inconclusive),
                outcomes.Sum(outcome => (long)outcome.Invalid),
                Math.Round(cost.ProcessorTime.TotalSeconds, 2),
                Math.Round(cost.Elapsed.TotalSeconds, 2)),
            Proofs = Proofs(functions, outcomes, cost),
            Check = linked.Check!,
            Plan = decided.Basis,
            Preservation = Preservation(functions),
            Notes = [.. plan.Notes, .. linked.Notes],
            Functions = functions,
        };
    }

    private ProofsReport Proofs(ImmutableArray<FunctionReport> functions, ImmutableArray<FunctionOutcome> outcomes, JobCost cost)
    {
        var variants = functions.SelectMany(function => function.Variants).ToList();
        var open = variants.Where(variant => variant.Evidence != EvidenceKind.Proved.Word()).ToList();
        var attempted = outcomes.Sum(outcome => (long)outcome.Proofs.Attempted);
        return new ProofsReport(
            Prover.NameOf(solver), variants.Count, variants.Count - open.Count, open.Count, Share(variants.Count - open.Count, variants.Count),
            Categories(open.Select(variant => (variant.NotProved ?? "not attempted", 1)), variants.Count),
            attempted, outcomes.Sum(outcome => (long)outcome.Proofs.Proved), Categories(outcomes.SelectMany(outcome => outcome.Proofs.NotProved), attempted),
            cost.LemmasAsked, cost.LemmasKnown);
    }

    private static PreservationTotals Preservation(ImmutableArray<FunctionReport> functions)
    {
        var known = functions.SelectMany(function => function.Variants).Where(variant => variant.OwnMachineCode is not null).ToList();
        var own = known.Count(variant => variant.OwnMachineCode == true);
        var byTransform = known.SelectMany(variant => variant.Transforms.Select(transform => (Transform: transform.Split('*')[0], Own: variant.OwnMachineCode == true)).Distinct())
            .GroupBy(entry => entry.Transform)
            .ToImmutableSortedDictionary(entries => entries.Key, entries => new PreservedShare(entries.Count(), entries.Count(entry => entry.Own)), StringComparer.Ordinal);
        var byEngine = known.SelectMany(variant => variant.OwnMachineCodeOn!.Value).CountBy(engine => engine)
            .ToImmutableSortedDictionary(count => count.Key, count => new PreservedShare(known.Count, count.Value), StringComparer.Ordinal);
        return new PreservationTotals(known.Count, own, Share(own, known.Count), byTransform, byEngine);
    }

    private static ImmutableArray<CategoryReport> Categories(IEnumerable<(string Category, int Count)> counts, long all) =>
        [.. counts.GroupBy(pair => pair.Category, (category, pairs) => (Category: category, Count: pairs.Sum(pair => (long)pair.Count)))
            .OrderByDescending(pair => pair.Count).ThenBy(pair => pair.Category, StringComparer.Ordinal)
            .Select(pair => new CategoryReport(pair.Category, pair.Count, Share(pair.Count, all)))];

    private static double Share(long part, long all) => all == 0 ? 1 : Math.Round((double)part / all, 4);
}
