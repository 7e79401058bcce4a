using System.Collections.Immutable;
using System.Text.Json;
using Mewe.Diversify;
using Mewe.Diversify.Selection;
using Mewe.Equivalence;
using Mewe.Linking;

namespace Mewe.Grains;

/// <summary>
/// Owns one function of a job: proposes candidates, has each tested, and selects the variants that are furthest apart. What it gives is a function of
/// (module, function, options, recorded inputs) alone, so neither the order of functions nor the number of threads matter.
/// </summary>
/// <remarks>
/// Candidates are proposed and tested in batches until twice as many as wanted have passed (so that there is something to select from) or
/// <see cref="MaxCandidatesPerVariant"/> times as many have been tried.
/// </remarks>
public sealed class FunctionGrain(JobPlan plan, DifferentialTester tester, uint function)
{
    /// <summary>Candidates that have passed, per variant wanted, before the selection starts.</summary>
    public const int PoolPerVariant = 2;

    /// <summary>Candidates that are tried at most, per variant wanted.</summary>
    public const int MaxCandidatesPerVariant = 8;

    public async Task<FunctionOutcome> RunAsync(Action<int, int> tested, CancellationToken cancellationToken)
    {
        var options = plan.Request.Options;
        var input = FunctionInput.Of(plan.Facts, function);
        var wanted = options.Variants;
        var stream = Diversifier.Default.Propose(input, plan.DiversifyOptions with { MaxCandidates = MaxCandidatesPerVariant * wanted });
        var passed = new List<(CandidateVariant Candidate, Tested Verdict)>();
        var refuted = ImmutableArray.CreateBuilder<RefutedReport>();
        var tally = new Tally();
        var functionTester = tester.Of(function, plan.Recorded);
        using var candidates = stream.GetEnumerator();
        var batch = new List<CandidateVariant>();
        while (passed.Count < PoolPerVariant * wanted && tally.Untestable is null)
        {
            batch.Clear();
            while (batch.Count < (PoolPerVariant * wanted) - passed.Count && candidates.MoveNext())
            {
                batch.Add(candidates.Current);
            }

            if (batch.Count == 0)
            {
                break;
            }

            var report = await functionTester.TestAsync([.. batch.Select(candidate => candidate.Code)], cancellationToken);
            tally.Add(report);
            for (var i = 0; i < batch.Count; i++)
            {
                switch (report.Verdicts[i])
                {
                    case Tested verdict:
                        passed.Add((batch[i], verdict));
                        break;
                    case Refuted refutation:
                        refuted.Add(new RefutedReport([.. batch[i].Steps.Select(step => step.ToString())],
                            JsonSerializer.Deserialize<JsonElement>(refutation.Counterexample.ToJson())));
                        break;
                    case Inconclusive { Kind: InconclusiveKind.EngineFailed } engineFailure:
                        // Whether an engine hangs or dies can depend on the machine, so it must not decide which variants there are.
                        throw new EngineFailedException($"the engine failed on function {plan.Names.Of(function)} ({function}): {engineFailure.Reason}; --exclude can leave it out");
                    case Inconclusive inconclusive:
                        tally.Inconclusive++;
                        tally.LastReason = inconclusive.Reason;
                        break;
                    case Untestable untestable:
                        tally.Untestable = untestable.Reason;
                        break;
                }
            }

            tested(batch.Count, refuted.Count);
        }

        var selection = VariantSelector.Select(new VariantCode(input.Code), [.. passed.Select(pair => pair.Candidate)], wanted);
        var variants = selection.Chosen.Select(position => Linked(passed[position].Candidate, passed[position].Verdict, tally)).ToImmutableArray();
        var reason = variants.Length >= wanted ? null : Reason(stream, tally, variants.Length);
        return new FunctionOutcome(
            new FunctionVariants(function, variants) { Reason = reason },
            new FunctionReport(function, plan.Names.Of(function), input.Code.Instructions.Length, stream.Proposed, tally.Tested, tally.Inputs, tally.Coverage,
                variants.IsEmpty ? 0 : selection.MinimalDistance, reason,
                [.. variants.Select(variant => new VariantReport(variant.Code.InstructionCount, variant.Transforms, "tested"))], refuted.ToImmutable()),
            tally.Inconclusive,
            stream.Invalid.Count);
    }

    private static LinkedVariant Linked(CandidateVariant candidate, Tested verdict, Tally tally) => new(
        candidate.Code,
        [.. candidate.Steps.Select(step => step.ToString())],
        new Evidence(EvidenceKind.Tested, (uint)verdict.Inputs, (uint)tally.BranchesTotal, (uint)tally.BranchesCovered)
        {
            Inconclusive = (uint)(verdict.Inputs - verdict.Conclusive),
        });

    private static string Reason(CandidateStream stream, Tally tally, int variants) =>
        tally.Untestable is { } untestable ? $"cannot be tested: {untestable}"
        : variants == 0 && tally.LastReason is { } inconclusive ? $"not enough evidence: {inconclusive}"
        : stream.Stop is { } stop ? stop.Text
        : tally.LastReason ?? "too few candidates passed";

    /// <summary>Sums over the batches of a function.</summary>
    private sealed class Tally
    {
        public int Tested { get; private set; }

        public int Inputs { get; private set; }

        public int BranchesTotal { get; private set; }

        public int BranchesCovered { get; private set; }

        public double Coverage { get; private set; }

        public int Inconclusive { get; set; }

        public string? LastReason { get; set; }

        public string? Untestable { get; set; }

        public void Add(FunctionTestReport report)
        {
            Tested += report.Verdicts.Length;
            Inputs = report.Inputs;
            BranchesTotal = report.BranchesTotal;
            BranchesCovered = report.BranchesCovered;
            Coverage = report.BranchCoverage;
        }
    }
}

/// <summary>What a function grain hands to the linker and the report.</summary>
public sealed record FunctionOutcome(FunctionVariants Variants, FunctionReport Report, int Inconclusive, int Invalid);

/// <summary>The engine could not answer, so the job cannot go on.</summary>
public sealed class EngineFailedException(string message) : Exception(message);
