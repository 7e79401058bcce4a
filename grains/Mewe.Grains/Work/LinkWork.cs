using System.Collections.Immutable;
using Mewe.Equivalence;
using Mewe.Equivalence.Proof.Solving;

namespace Mewe.Grains;

/// <summary>A variant that the module has.</summary>
/// <param name="Place">Among the candidates of its function.</param>
/// <param name="NotProved">The category of why it is not proved; null for one that is.</param>
public sealed record ChosenVariant(uint Function, int Place, string? NotProved);

/// <summary>What linking made, or why it made nothing.</summary>
public sealed record LinkOutcome(JobResult Result, ImmutableArray<ChosenVariant> Chosen);

/// <summary>The last step of a job: decides by measuring what is linked, attempts the proofs that chosen variants still lack, assembles the module and checks it.</summary>
public sealed class LinkWork(JobPlan plan, DifferentialTester tester, Prover prover, ISolver? solver)
{
    /// <param name="findings">Of all functions that were worked on, in ascending order of their indices.</param>
    /// <param name="failed">The others, by index, and why.</param>
    /// <param name="keepLemmas">Puts new lemmas where the next job finds them; a message where that fails.</param>
    /// <param name="costs">Elapsed time of the job and processor time of this step.</param>
    /// <exception cref="EngineFailedException">An engine failed.</exception>
    public async Task<LinkOutcome> RunAsync(ImmutableArray<FunctionFindings> findings, IReadOnlyDictionary<uint, string> failed, TimeSpan planning, int threads,
        Func<CancellationToken, Task<string?>> keepLemmas, Func<(TimeSpan Elapsed, TimeSpan ProcessorTime)> costs, IProgress<JobProgress>? progress, CancellationToken cancellationToken)
    {
        var candidates = findings.Select(function => function.Candidates).ToImmutableArray();
        var request = plan.Request;
        var noted = findings.SelectMany(function => function.EngineNotes).Distinct().Aggregate(plan, (soFar, note) => soFar.Noting(note))
            .Noting(Disagreement(candidates)).Noting(Failures(failed));
        progress?.Report(new JobProgress(JobPhase.Measuring, candidates.Length, candidates.Length, 0, 0, 0));
        var decided = request.Plan;
        if (decided is not null && PlanCheck.AgainstCandidates(decided, candidates) is { } unfit)
        {
            return new LinkOutcome(new JobResult(null, null, unfit), []);
        }

        if (decided is null)
        {
            using var span = MeweTelemetry.Begin("measure");
            (decided, var notes) = await new LinkPlanner(noted.Engines.Target, noted).DecideAsync(candidates, cancellationToken);
            noted = notes.Aggregate(noted, (soFar, note) => soFar.Noting(note));
        }

        var proofs = new ChosenProofs(noted, tester, prover);
        using (MeweTelemetry.Begin("prove"))
        {
            var chosen = decided.Functions.ToDictionary(function => function.Function, function => function.Variants);
            await Parallel.ForEachAsync(candidates, new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellationToken },
                async (function, token) => await proofs.RunAsync(function, chosen.GetValueOrDefault(function.Function, []), token));
        }

        noted = noted.Noting(await keepLemmas(cancellationToken) is { } problem ? $"lemmas are not kept: {problem}" : null);
        var planned = decided.Functions.ToDictionary(function => function.Function);
        var outcomes = candidates.Select(function => function.Choose(planned.GetValueOrDefault(function.Function))).ToImmutableArray();
        var linked = await new ModuleAssembly(noted).RunAsync([.. outcomes.Select(outcome => outcome.Variants)], decided, progress, cancellationToken);
        if (linked.Failure is not null)
        {
            return new LinkOutcome(new JobResult(null, null, linked.Failure), []);
        }

        var (elapsed, processorTime) = costs();
        var cost = new JobCost(
            elapsed,
            findings.Aggregate(planning + processorTime, (sum, function) => sum + function.ProcessorTime),
            findings.Sum(function => function.LemmasAsked) + proofs.LemmasAsked,
            findings.Sum(function => function.LemmasKnown) + proofs.LemmasKnown);
        var report = new ReportBuilder(noted, solver).Build(decided, outcomes, failed, linked, cost);
        progress?.Report(new JobProgress(JobPhase.Completed, outcomes.Length, outcomes.Length, report.Totals.Tested, report.Totals.Variants, report.Totals.Refuted));
        ImmutableArray<ChosenVariant> variants =
            [.. outcomes.SelectMany(outcome => outcome.Places.Zip(outcome.Report.Variants, (place, variant) => new ChosenVariant(outcome.Report.Index, place, variant.NotProved is null && variant.Evidence != "proved" ? "not attempted" : variant.NotProved)))];
        return new LinkOutcome(new JobResult(linked.Module, report, null) { Plan = decided }, variants);
    }

    /// <summary>That the engines do not agree about the original: a thing to know of the service, and nothing that a variant could help.</summary>
    private string? Disagreement(ImmutableArray<FunctionCandidates> candidates)
    {
        var functions = candidates.Where(function => function.Disagreements > 0).ToList();
        return functions.Count == 0 ? null
            : $"{plan.Engines.Names} do not agree about {functions.Count} of the original functions, {functions[0].Name} for example ({functions[0].Disagreements} inputs): "
                + "on each engine, variants are compared with what the original does there";
    }

    private string? Failures(IReadOnlyDictionary<uint, string> failed) => failed.Count == 0 ? null
        : $"{failed.Count} functions have no variants because the work on them failed, {plan.Names.Of(failed.Keys.Min())} for example: {failed[failed.Keys.Min()]}";
}
