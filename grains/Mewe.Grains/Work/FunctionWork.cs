using System.Collections.Immutable;
using System.Diagnostics;
using System.Text.Json;
using Mewe.Diversify;
using Mewe.Equivalence;
using Mewe.Equivalence.Proof;
using Mewe.Execution;

namespace Mewe.Grains;

/// <summary>
/// The work on one function of a job: proposes candidates, has each tested on every engine and then proved, and reads the machine code of those that passed. What it gives (but for that code, which is the engine's) is a function of
/// (module, function, options, recorded inputs) alone, so neither the order of functions nor the number of threads matter.
/// </summary>
/// <remarks>
/// Candidates come in batches until there are enough to select from (<see cref="CandidatePool"/>) or <see cref="MaxCandidatesPerVariant"/> times as many as wanted have been tried.
/// A proof is attempted only of what passed its tests.
/// </remarks>
public sealed class FunctionWork(JobPlan plan, DifferentialTester tester, FunctionProver prover, MachineCodeReading machineCode, uint function)
{
    /// <summary>Candidates that are tried at most, per variant wanted.</summary>
    public const int MaxCandidatesPerVariant = 8;

    /// <param name="tested">Told after each batch how many candidates were tested.</param>
    /// <exception cref="EngineFailedException">The engine could not answer.</exception>
    public async Task<FunctionCandidates> RunAsync(Action<int>? tested, CancellationToken cancellationToken)
    {
        var options = plan.Request.Options;
        var input = FunctionInput.Of(plan.Facts, function);
        var wanted = options.Variants;
        var stream = plan.Diversifier.Propose(input, plan.DiversifyOptionsOf(function) with { MaxCandidates = MaxCandidatesPerVariant * wanted });
        var pool = new CandidatePool(wanted, options.Evidence);
        var refuted = ImmutableArray.CreateBuilder<RefutedReport>();
        var tally = new TestTally();
        var functionTester = tester.Of(function, plan.Recorded);
        using var candidates = stream.GetEnumerator();
        var batch = new List<CandidateVariant>();
        while (pool.Missing is > 0 and var missing && tally.Untestable is null)
        {
            batch.Clear();
            using (MeweTelemetry.Begin("propose"))
            {
                while (batch.Count < missing && candidates.MoveNext())
                {
                    batch.Add(candidates.Current);
                    cancellationToken.ThrowIfCancellationRequested();
                }
            }

            if (batch.Count == 0)
            {
                break;
            }

            var passed = await TestAsync(functionTester, batch, refuted, tally, cancellationToken);
            tested?.Invoke(batch.Count);
            var proofs = await ProveAsync(passed, pool, cancellationToken);
            for (var i = 0; i < passed.Count; i++)
            {
                if (i < proofs.Length && proofs[i] is NotProved { Proposal: { } proposal } && await TryAsync(functionTester, proposal, passed[i].Candidate, cancellationToken) is { } found)
                {
                    refuted.Add(Report(passed[i].Candidate, found, plan.Engines.Target));
                    continue;
                }

                pool.Add(passed[i].Candidate, passed[i].Verdict, i < proofs.Length ? proofs[i] : null);
            }
        }

        var reason = pool.ProofsMissing() ?? Reason(stream, tally, pool.Count);
        Count(pool, refuted.Count, tally);
        using var selecting = MeweTelemetry.Begin("select");
        return new FunctionCandidates(function, plan.Names.Of(function), input.Code, pool, tally, wanted)
        {
            Missing = reason, Refuted = refuted.ToImmutable(), Proposed = stream.Proposed, Invalid = stream.Invalid.Count,
            MachineCode = await machineCode.ReadAsync(function, input.Code, pool.Codes, cancellationToken),
        };
    }

    /// <summary>Those of the candidates that pass on all engines.</summary>
    private async Task<List<(CandidateVariant Candidate, Tested Verdict)>> TestAsync(
        FunctionTester functionTester, List<CandidateVariant> batch, ImmutableArray<RefutedReport>.Builder refuted, TestTally tally, CancellationToken cancellationToken)
    {
        using var span = MeweTelemetry.Begin("test")?.SetTag("mewe.candidates", batch.Count);
        var started = Stopwatch.GetTimestamp();
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
                    refuted.Add(Report(batch[i], refutation.Counterexample, plan.Engines.Target));
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

        passed = await ConfirmedAsync(functionTester, passed, refuted, tally, cancellationToken);
        MeweTelemetry.EngineTime.Record(Stopwatch.GetElapsedTime(started).TotalSeconds);
        return passed;
    }

    private async Task<ImmutableArray<ProofResult>> ProveAsync(List<(CandidateVariant Candidate, Tested Verdict)> passed, CandidatePool pool, CancellationToken cancellationToken)
    {
        using var span = MeweTelemetry.Begin("prove")?.SetTag("mewe.candidates", passed.Count);
        var started = Stopwatch.GetTimestamp();
        var proofs = await prover.ProveAsync([.. passed.Select(pair => pair.Candidate.Code)], pool.MissingProofs, pool.NeededProofs, cancellationToken);
        MeweTelemetry.SolverTime.Record(Stopwatch.GetElapsedTime(started).TotalSeconds);
        return proofs;
    }

    private static void Count(CandidatePool pool, int refuted, TestTally tally)
    {
        void Add(string verdict, long count)
        {
            if (count > 0)
            {
                MeweTelemetry.Variants.Add(count, new KeyValuePair<string, object?>("verdict", verdict));
            }
        }

        Add("proved", pool.Proved);
        Add("tested", pool.Count - pool.Proved);
        Add("refuted", refuted);
        Add("inconclusive", tally.Inconclusive);
    }

    /// <summary>Those of the candidates that pass on the other engines, too.</summary>
    private async Task<List<(CandidateVariant Candidate, Tested Verdict)>> ConfirmedAsync(FunctionTester functionTester, List<(CandidateVariant Candidate, Tested Verdict)> passed,
        ImmutableArray<RefutedReport>.Builder refuted, TestTally tally, CancellationToken cancellationToken)
    {
        foreach (var engine in plan.Engines.Others.Where(_ => passed.Count > 0))
        {
            var confirmation = await functionTester.ConfirmAsync(engine, [.. passed.Select(pair => pair.Candidate.Code)], cancellationToken);
            tally.Disagreements = Math.Max(tally.Disagreements, confirmation.Disagreements);
            var kept = new List<(CandidateVariant, Tested)>(passed.Count);
            for (var i = 0; i < passed.Count; i++)
            {
                switch (confirmation.Verdicts[i])
                {
                    case Tested:
                        kept.Add(passed[i]);
                        break;
                    case Refuted refutation:
                        refuted.Add(Report(passed[i].Candidate, refutation.Counterexample, engine));
                        break;
                    case Inconclusive { Kind: InconclusiveKind.EngineFailed } failure:
                        throw EngineFailed($"{engine.Info.Name}: {failure.Reason}");
                    case Inconclusive inconclusive:
                        tally.Inconclusive++;
                        tally.LastReason = $"on {engine.Info.Name}: {inconclusive.Reason}";
                        break;
                    case var other:
                        throw new InvalidOperationException($"what passed on one engine cannot be {other} on another");
                }
            }

            passed = kept;
        }

        return passed;
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

    internal static RefutedReport Report(CandidateVariant candidate, Counterexample counterexample, IWasmEngine engine) =>
        new([.. candidate.Steps.Select(step => step.ToString())], JsonSerializer.Deserialize<JsonElement>(counterexample.ToJson()), engine.Info.Name);

    private static string Reason(CandidateStream stream, TestTally tally, int passed) =>
        tally.Untestable is { } untestable ? $"cannot be tested: {untestable}"
        : passed == 0 && tally.LastReason is { } inconclusive ? $"not enough evidence: {inconclusive}"
        : stream.Stop is { } stop ? stop.Text
        : tally.LastReason ?? "too few candidates passed";
}

/// <summary>The engine could not answer, so the job cannot go on.</summary>
public sealed class EngineFailedException(string message) : Exception(message);
