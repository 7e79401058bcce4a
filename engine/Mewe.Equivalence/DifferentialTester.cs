using System.Collections.Immutable;
using Mewe.Diversify;
using Mewe.Equivalence.Testing;
using Mewe.Execution;
using Mewe.Wasm;

namespace Mewe.Equivalence;

/// <summary>
/// Compares candidates with the original function on a real engine. One harness module holds the original and a batch of candidates; see Testing/README.md for
/// what it models. The verdicts are a pure function of (module, function, candidates, recorded inputs, options): no clock decides anything.
/// </summary>
/// <remarks>May be used from many threads at once. The module must be valid and must not be changed meanwhile.</remarks>
public sealed class DifferentialTester(IWasmEngine engine, WasmModule module, TestOptions options)
{
    private readonly OriginalModule original = new(module, options);

    /// <summary>Tests candidates of a defined function.</summary>
    /// <param name="function">Index in the function index space.</param>
    /// <param name="recorded">What was seen of the user's workload; null when nothing was.</param>
    public async Task<FunctionTestReport> TestAsync(
        uint function, IReadOnlyList<VariantCode> candidates, RecordedInputs? recorded, CancellationToken cancellationToken)
    {
        var code = original.CodeOf(function);
        var needs = new SubjectNeeds(original).AddSignature(original.TypeOf(function)).Add(code);
        if (needs.Unsupported is { } reason)
        {
            return Report(new Untestable(reason));
        }

        recorded ??= RecordedInputs.None;
        var setting = FunctionSetting.Of(original, code, recorded, options);
        var generator = new InputGenerator(original, function, code, options, recorded);
        var choice = await new InputSelection(original, function, options, engine).ChooseAsync(code, needs, generator, setting, cancellationToken)
            .ConfigureAwait(false);
        if (!choice.TryGet(out var inputs, out var failure))
        {
            return Report(new Inconclusive(InconclusiveKind.EngineFailed, failure.ToString()));
        }

        var verdicts = new Verdict[candidates.Count];
        var executions = inputs.Executions;
        for (var first = 0; first < candidates.Count; first += options.BatchSize)
        {
            var batch = Enumerable.Range(first, Math.Min(options.BatchSize, candidates.Count - first)).ToList();
            executions += await SweepAsync(new Session(function, code, inputs, setting, candidates, verdicts), batch, cancellationToken).ConfigureAwait(false);
        }

        return new FunctionTestReport(function, [.. verdicts], inputs.Inputs.Length, inputs.BranchesCovered, inputs.BranchesTotal, executions);

        FunctionTestReport Report(Verdict verdict) => new(function, [.. candidates.Select(_ => verdict)], 0, 0, 0, 0);
    }

    /// <summary>Runs original and candidate once more on the input of a counterexample; null when they agree on it.</summary>
    /// <param name="recorded">As it was when the counterexample was found.</param>
    public async Task<EngineResult<Counterexample?>> ReplayAsync(
        Counterexample counterexample, VariantCode candidate, RecordedInputs? recorded, CancellationToken cancellationToken)
    {
        var code = original.CodeOf(counterexample.Function);
        var setting = FunctionSetting.Of(original, code, recorded ?? RecordedInputs.None, options);
        var harness = BuildHarness(counterexample.Function, code, [counterexample.Input], setting, [candidate]);
        var result = await engine.SweepAsync(new SweepRequest(harness, 2, 0, 1), cancellationToken).ConfigureAwait(false);
        if (!result.TryGet(out var sweep, out var failure))
        {
            return failure;
        }

        if (sweep.Rejection is { } rejection)
        {
            return new EngineFailure(EngineFailureKind.Refused, rejection);
        }

        return sweep.Subjects[1].First is { } difference ? Describe(counterexample.Function, counterexample.Input, difference) : null!;
    }

    private sealed record Session(
        uint Function, FunctionCode Code, ChosenInputs Inputs, FunctionSetting Setting, IReadOnlyList<VariantCode> Candidates, Verdict[] Verdicts);

    // A batch that the engine does not accept, or dies of, is halved until the candidate to blame is alone.
    private async Task<long> SweepAsync(Session session, List<int> batch, CancellationToken cancellationToken)
    {
        var (verdict, executions) = await TryBatchAsync(session, batch, cancellationToken).ConfigureAwait(false);
        if (verdict is null)
        {
            return executions;
        }

        if (batch.Count == 1)
        {
            session.Verdicts[batch[0]] = verdict;
            return executions;
        }

        var half = batch.Count / 2;
        return executions + await SweepAsync(session, batch[..half], cancellationToken).ConfigureAwait(false)
            + await SweepAsync(session, batch[half..], cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Null where all verdicts of the batch are in; else what is wrong with at least one of its candidates.</summary>
    private async Task<(Verdict? Problem, long Executions)> TryBatchAsync(Session session, List<int> batch, CancellationToken cancellationToken)
    {
        var needs = new SubjectNeeds(original);
        foreach (var index in batch)
        {
            AddNeeds(needs, session.Candidates[index]);
        }

        if (needs.Unsupported is { } unsupported)
        {
            return (new Untestable(unsupported), 0);
        }

        var inputs = session.Inputs.Inputs;
        byte[] harness;
        try
        {
            harness = BuildHarness(session.Function, session.Code, inputs, session.Setting, [.. batch.Select(index => session.Candidates[index])]);
        }
        catch (Exception exception) when (exception is IndexOutOfRangeException or ArgumentOutOfRangeException or KeyNotFoundException or WasmException)
        {
            return (new Inconclusive(InconclusiveKind.InvalidCandidate, $"it refers to something that the module does not have: {exception.Message}"), 0);
        }

        var result = await engine.SweepAsync(new SweepRequest(harness, batch.Count + 1, 0, inputs.Length), cancellationToken).ConfigureAwait(false);
        if (!result.TryGet(out var sweep, out var failure))
        {
            return (new Inconclusive(InconclusiveKind.EngineFailed, failure.ToString()), 0);
        }

        if (sweep.Rejection is { } rejection)
        {
            return (new Inconclusive(InconclusiveKind.InvalidCandidate, rejection), 0);
        }

        for (var i = 0; i < batch.Count; i++)
        {
            session.Verdicts[batch[i]] = Judge(session, sweep.Subjects[i + 1], inputs);
        }

        return (null, sweep.Executions);
    }

    private Verdict Judge(Session session, SubjectReport subject, ImmutableArray<TestInput> inputs)
    {
        if (subject.First is { } difference)
        {
            return new Refuted(Describe(session.Function, inputs[difference.Input], difference));
        }

        var chosen = session.Inputs;
        var coverage = chosen.BranchesTotal == 0 ? 1 : (double)chosen.BranchesCovered / chosen.BranchesTotal;
        if (chosen.Completed >= options.MinimumCompleted)
        {
            return Passed(TestedBasis.Completed);
        }

        if (subject.Compared < options.MinimumCompleted)
        {
            return new Inconclusive(InconclusiveKind.NeverEnds, $"the original runs out of fuel on {inputs.Length - subject.Compared} of {inputs.Length} inputs");
        }

        return chosen.BranchesCovered == chosen.BranchesTotal
            ? Passed(TestedBasis.TrapsOnly)
            : new Inconclusive(InconclusiveKind.AlwaysTraps,
                $"the original runs to its end on {chosen.Completed} of {inputs.Length} inputs, and {chosen.BranchesTotal - chosen.BranchesCovered} of {chosen.BranchesTotal} branch outcomes were not reached");

        Tested Passed(TestedBasis basis) =>
            new(inputs.Length, subject.Compared, chosen.Completed, subject.Compared - chosen.Completed, coverage, basis);
    }

    private byte[] BuildHarness(
        uint function, FunctionCode code, ImmutableArray<TestInput> inputs, FunctionSetting setting, IReadOnlyList<VariantCode> candidates)
    {
        var needs = new SubjectNeeds(original).Add(code);
        foreach (var candidate in candidates)
        {
            AddNeeds(needs, candidate);
        }

        var harness = new Harness(original, function, needs, setting, profile: null);
        var type = original.TypeIndexOf(function);
        harness.Add(type, new VariantCode(code));
        foreach (var candidate in candidates)
        {
            harness.Add(type, candidate);
        }

        return harness.Write(inputs);
    }

    private static void AddNeeds(SubjectNeeds needs, VariantCode candidate)
    {
        needs.Add(candidate.Code);
        foreach (var outlined in candidate.Outlined)
        {
            needs.Add(outlined.Code);
        }
    }

    private static Counterexample Describe(uint function, TestInput input, SweepDifference difference) =>
        new(function, input, Observe(difference.Original), Observe(difference.Subject));

    private static Observation Observe(SweepObservation observation) => new(observation.Digest, (RunEnding)observation.Outcome, observation.Trap);
}
