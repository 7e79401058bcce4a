using System.Collections.Immutable;
using System.Text.Json;
using Mewe.Diversify;
using Mewe.Equivalence;
using Mewe.Equivalence.Proof;
using Mewe.Linking;

namespace Mewe.Grains;

/// <summary>
/// Owns one function of a job: proposes candidates, has each tested and then proved, and selects the variants that are furthest apart, proved ones first. What it gives is a function of
/// (module, function, options, recorded inputs) alone, so neither the order of functions nor the number of threads matter.
/// </summary>
/// <remarks>
/// Candidates come in batches until there are enough to select from (<see cref="CandidatePool"/>) or <see cref="MaxCandidatesPerVariant"/> times as many as wanted have been tried.
/// A proof is attempted only of what passed its tests.
/// </remarks>
public sealed class FunctionGrain(JobPlan plan, DifferentialTester tester, Prover prover, uint function)
{
    /// <summary>Candidates that are tried at most, per variant wanted.</summary>
    public const int MaxCandidatesPerVariant = 8;

    private const int LongestReason = 240;

    public async Task<FunctionOutcome> RunAsync(Action<int, int> tested, CancellationToken cancellationToken)
    {
        var options = plan.Request.Options;
        var input = FunctionInput.Of(plan.Facts, function);
        var wanted = options.Variants;
        var stream = plan.Diversifier.Propose(input, plan.DiversifyOptions with { MaxCandidates = MaxCandidatesPerVariant * wanted });
        var pool = new CandidatePool(wanted, options.Evidence);
        var refuted = ImmutableArray.CreateBuilder<RefutedReport>();
        var tally = new Tally();
        var functionTester = tester.Of(function, plan.Recorded);
        var functionProver = prover.Of(input);
        using var candidates = stream.GetEnumerator();
        var batch = new List<CandidateVariant>();
        while (pool.Missing is > 0 and var missing && tally.Untestable is null)
        {
            batch.Clear();
            while (batch.Count < missing && candidates.MoveNext())
            {
                batch.Add(candidates.Current);
            }

            if (batch.Count == 0)
            {
                break;
            }

            var report = await functionTester.TestAsync([.. batch.Select(candidate => candidate.Code)], cancellationToken);
            tally.Add(report);
            var passed = new List<(CandidateVariant Candidate, Tested Verdict)>();
            for (var i = 0; i < batch.Count; i++)
            {
                switch (report.Verdicts[i])
                {
                    case Tested verdict:
                        passed.Add((batch[i], verdict));
                        break;
                    case Refuted refutation:
                        refuted.Add(Report(batch[i], refutation.Counterexample));
                        break;
                    case Inconclusive { Kind: InconclusiveKind.EngineFailed } engineFailure:
                        throw EngineFailed(engineFailure.Reason);
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
            var proofs = await functionProver.ProveAsync([.. passed.Select(pair => pair.Candidate.Code)], pool.MissingProofs, pool.NeededProofs, cancellationToken);
            for (var i = 0; i < passed.Count; i++)
            {
                if (i < proofs.Length && proofs[i] is NotProved { Proposal: { } proposal } && await TryAsync(functionTester, proposal, passed[i].Candidate, cancellationToken) is { } found)
                {
                    refuted.Add(Report(passed[i].Candidate, found));
                    continue;
                }

                pool.Add(passed[i].Candidate, passed[i].Verdict, i < proofs.Length ? proofs[i] : null);
            }
        }

        var (chosen, minimalDistance) = pool.Select(new VariantCode(input.Code));
        var variants = chosen.Select(candidate => Linked(candidate, tally)).ToImmutableArray();
        var reason = variants.Length >= wanted ? null : pool.ProofsMissing() ?? Reason(stream, tally, variants.Length);
        return new FunctionOutcome(
            new FunctionVariants(function, variants) { Reason = reason },
            new FunctionReport(function, plan.Names.Of(function), input.Code.Instructions.Length, stream.Proposed, tally.Tested, tally.Inputs, tally.Coverage,
                variants.IsEmpty ? 0 : minimalDistance, reason,
                [.. chosen.Zip(variants, Report)], refuted.ToImmutable()),
            tally.Inconclusive,
            stream.Invalid.Count,
            new ProofTally(pool.Attempted, pool.Proved, pool.NotProved()));
    }

    /// <summary>What the solver takes for a counterexample is one if the engine sees a difference too.</summary>
    private async Task<Counterexample?> TryAsync(FunctionTester functionTester, ProposedInput proposal, CandidateVariant candidate, CancellationToken cancellationToken)
    {
        var answer = await functionTester.TryAsync(proposal, candidate.Code, cancellationToken);
        return answer.TryGet(out var found, out var failure) ? found : throw EngineFailed(failure.ToString());
    }

    /// <summary>Whether an engine hangs or dies can depend on the machine, so it must not decide which variants there are.</summary>
    private EngineFailedException EngineFailed(string reason) =>
        new($"the engine failed on function {plan.Names.Of(function)} ({function}): {reason}; --exclude can leave it out");

    private static RefutedReport Report(CandidateVariant candidate, Counterexample counterexample) =>
        new([.. candidate.Steps.Select(step => step.ToString())], JsonSerializer.Deserialize<JsonElement>(counterexample.ToJson()));

    private static LinkedVariant Linked(PassedCandidate candidate, Tally tally) => new(
        candidate.Candidate.Code,
        [.. candidate.Candidate.Steps.Select(VariantStep.Of)],
        new Evidence(
            candidate.IsProved ? EvidenceKind.Proved : EvidenceKind.Tested, (uint)candidate.Verdict.Inputs, (uint)tally.BranchesTotal, (uint)tally.BranchesCovered)
        {
            Inconclusive = (uint)(candidate.Verdict.Inputs - candidate.Verdict.Conclusive),
            NotProved = (candidate.Proof as NotProved)?.Category,
        });

    private static VariantReport Report(PassedCandidate candidate, LinkedVariant variant) => new(
        variant.Code.InstructionCount, variant.Transforms, variant.Evidence.Kind.Word(), variant.Evidence.NotProved,
        candidate.Proof is NotProved { Reason: var why } ? Shortened(why) : null);

    /// <summary>Reasons can quote terms as large as the function.</summary>
    private static string Shortened(string text) => text.Length <= LongestReason ? text : $"{text[..LongestReason]}...";

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
public sealed record FunctionOutcome(FunctionVariants Variants, FunctionReport Report, int Inconclusive, int Invalid, ProofTally Proofs);

/// <summary>Proofs attempted for the candidates of a function, linked or not.</summary>
public sealed record ProofTally(int Attempted, int Proved, ImmutableArray<(string Category, int Count)> NotProved);

/// <summary>The engine could not answer, so the job cannot go on.</summary>
public sealed class EngineFailedException(string message) : Exception(message);
