using System.Collections.Immutable;
using Mewe.Diversify;
using Mewe.Equivalence.Proof;
using Mewe.Equivalence.Testing;
using Mewe.Execution;
using Mewe.Wasm;

namespace Mewe.Equivalence;

/// <summary>
/// Tests candidates of one function. Inputs are chosen at the first use and serve all candidates after it: choosing costs about as much as testing some dozen
/// candidates does. The verdict on a candidate depends neither on the others nor on the order in which they come.
/// </summary>
/// <remarks>To be used by one caller at a time.</remarks>
public sealed class FunctionTester
{
    /// <summary>Inputs that what a proof proposes is tried in: it says only part of an input.</summary>
    private const int ProposalSettings = 8;

    private readonly IWasmEngine engine;
    private readonly OriginalModule original;
    private readonly TestOptions options;
    private readonly uint function;
    private readonly FunctionCode code;
    private readonly RecordedInputs recorded;
    private readonly FunctionSetting setting;
    private readonly SubjectNeeds needs;
    private readonly Dictionary<IWasmEngine, int> disagreements = [];
    private ChosenInputs? chosen;

    internal FunctionTester(IWasmEngine engine, OriginalModule original, TestOptions options, uint function, RecordedInputs? recorded)
    {
        (this.engine, this.original, this.options, this.function) = (engine, original, options, function);
        this.recorded = recorded ?? RecordedInputs.None;
        code = original.CodeOf(function);
        setting = FunctionSetting.Of(original, function, code, this.recorded, options);
        needs = new SubjectNeeds(original).AddSignature(original.TypeOf(function)).Add(code);
    }

    /// <summary>Tests candidates: one verdict each, in their order.</summary>
    public async Task<FunctionTestReport> TestAsync(IReadOnlyList<VariantCode> candidates, CancellationToken cancellationToken)
    {
        if (needs.Unsupported is { } reason)
        {
            return Report(new Untestable(reason));
        }

        var executions = chosen is null ? 0 : -chosen.Executions;
        if (await ChooseAsync(cancellationToken).ConfigureAwait(false) is { } failure)
        {
            return Report(new Inconclusive(InconclusiveKind.EngineFailed, failure.ToString()));
        }

        executions += chosen!.Executions;
        var verdicts = new Verdict[candidates.Count];
        for (var first = 0; first < candidates.Count; first += options.BatchSize)
        {
            var batch = Enumerable.Range(first, Math.Min(options.BatchSize, candidates.Count - first)).ToList();
            executions += await SweepAsync(new Session(engine, chosen, candidates, verdicts), batch, cancellationToken).ConfigureAwait(false);
        }

        return new FunctionTestReport(function, [.. verdicts], chosen.Inputs.Length, chosen.BranchesCovered, chosen.BranchesTotal, executions);

        FunctionTestReport Report(Verdict verdict) => new(function, [.. candidates.Select(_ => verdict)], 0, 0, 0, 0);
    }

    /// <summary>Chooses the inputs at the first use.</summary>
    private async Task<EngineFailure?> ChooseAsync(CancellationToken cancellationToken)
    {
        if (chosen is not null)
        {
            return null;
        }

        var generator = new InputGenerator(original, function, code, options, recorded, setting.Arena);
        var choice = await new InputSelection(original, function, options, engine).ChooseAsync(code, needs, generator, setting, cancellationToken).ConfigureAwait(false);
        return choice.TryGet(out chosen, out var failure) ? null : failure;
    }

    /// <summary>
    /// Tests candidates on another engine, on the inputs that were chosen with the first. Candidates are compared with what the original does on that
    /// engine, so that a disagreement of the engines about the original is never held against a candidate; it is counted instead.
    /// </summary>
    public async Task<EngineConfirmation> ConfirmAsync(IWasmEngine other, IReadOnlyList<VariantCode> candidates, CancellationToken cancellationToken)
    {
        if (needs.Unsupported is { } reason)
        {
            return new EngineConfirmation([.. candidates.Select(_ => new Untestable(reason))], 0);
        }

        if (await ChooseAsync(cancellationToken).ConfigureAwait(false) is { } unchosen)
        {
            return new EngineConfirmation([.. candidates.Select(_ => new Inconclusive(InconclusiveKind.EngineFailed, unchosen.ToString()))], 0);
        }

        var verdicts = new Verdict[candidates.Count];
        for (var first = 0; first < candidates.Count; first += options.BatchSize)
        {
            var batch = Enumerable.Range(first, Math.Min(options.BatchSize, candidates.Count - first)).ToList();
            await SweepAsync(new Session(other, chosen!, candidates, verdicts), batch, cancellationToken).ConfigureAwait(false);
        }

        // What the original does is the same for every candidate: it is asked once for each engine.
        if (!disagreements.TryGetValue(other, out var disagreeing))
        {
            var request = Request(chosen!.Inputs, []) with { KeepDigests = true };
            var here = await engine.SweepAsync(request, cancellationToken).ConfigureAwait(false);
            var there = await other.SweepAsync(request, cancellationToken).ConfigureAwait(false);
            if (!here.TryGet(out var a, out var silent) || !there.TryGet(out var b, out silent))
            {
                return new EngineConfirmation([.. candidates.Select(_ => new Inconclusive(InconclusiveKind.EngineFailed, silent.ToString()))], 0);
            }

            disagreeing = a.Digests.Zip(b.Digests).Count(pair => pair.First != pair.Second);
            disagreements.Add(other, disagreeing);
        }

        return new EngineConfirmation([.. verdicts], disagreeing);
    }

    /// <summary>Runs original and candidate once more on the input of a counterexample; null when they agree on it.</summary>
    public async Task<EngineResult<Counterexample?>> ReplayAsync(Counterexample counterexample, VariantCode candidate, CancellationToken cancellationToken)
    {
        var result = await engine.SweepAsync(Request([counterexample.Input], [candidate]), cancellationToken).ConfigureAwait(false);
        if (!result.TryGet(out var sweep, out var failure))
        {
            return failure;
        }

        if (sweep.Rejection is { } rejection)
        {
            return new EngineFailure(EngineFailureKind.Refused, rejection);
        }

        return sweep.Subjects[1].First is { } difference ? Describe(counterexample.Input, difference) : null!;
    }

    /// <summary>
    /// Runs original and candidate on what a proof that broke off proposes: some of the chosen inputs, changed as proposed. The first on which they differ, or null where they agree on
    /// all of them.
    /// </summary>
    public async Task<EngineResult<Counterexample?>> TryAsync(ProposedInput proposal, VariantCode candidate, CancellationToken cancellationToken)
    {
        if (needs.Unsupported is not null)
        {
            return default(Counterexample)!;
        }

        if (await ChooseAsync(cancellationToken).ConfigureAwait(false) is { } unchosen)
        {
            return unchosen;
        }

        if (chosen!.Inputs.IsEmpty)
        {
            return default(Counterexample)!;
        }

        var count = Math.Min(ProposalSettings, chosen.Inputs.Length);
        var inputs = Enumerable.Range(0, count).Select(i => Changed(chosen.Inputs[i * chosen.Inputs.Length / count], proposal)).ToImmutableArray();
        var result = await engine.SweepAsync(Request(inputs, [candidate]), cancellationToken).ConfigureAwait(false);
        if (!result.TryGet(out var sweep, out var failure))
        {
            return failure;
        }

        return sweep.Rejection is { } rejection ? new EngineFailure(EngineFailureKind.Refused, rejection)
            : sweep.Subjects[1].First is { } difference ? Describe(inputs[difference.Input], difference) : default(Counterexample)!;
    }

    private TestInput Changed(TestInput input, ProposedInput proposal)
    {
        var arguments = input.Arguments.ToArray();
        foreach (var (position, value) in proposal.Arguments)
        {
            arguments[position] = value;
        }

        var globals = input.Globals.Where(known => !proposal.Globals.ContainsKey(known.Global)).Concat(proposal.Globals.Select(pair => new GlobalBits(pair.Key, pair.Value))).ToImmutableArray();
        var end = original.Memories.Length > 0 ? original.Bytes(0) : 0;
        var pokes = input.Pokes.ToBuilder();
        foreach (var read in proposal.Reads)
        {
            var address = read.Offset + (read.Argument is { } argument ? arguments[argument].Low : read.Global is { } global ? GlobalValue(globals, global) : 0);
            // Sums of 32-bit addresses wrap; what does not is no address.
            address = address < end ? address : (uint)address;
            if (input.Fills.Length + pokes.Count + input.Answers.Length < InputGenerator.MostExtras && address < end && (ulong)read.Bytes <= end - address)
            {
                pokes.Add(new MemoryPoke(address, read.Bytes, read.Value));
            }
        }

        return input with { Arguments = [.. arguments], Globals = globals, Pokes = pokes.ToImmutable(), Fuel = options.Fuel };
    }

    private ulong GlobalValue(ImmutableArray<GlobalBits> globals, uint global) =>
        (globals.FirstOrDefault(known => known.Global == global)?.Value ?? original.GlobalValues[(int)global]).Low;

    private sealed record Session(IWasmEngine Engine, ChosenInputs Inputs, IReadOnlyList<VariantCode> Candidates, Verdict[] Verdicts);

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
        var batchNeeds = new SubjectNeeds(original);
        foreach (var index in batch)
        {
            AddNeeds(batchNeeds, session.Candidates[index]);
        }

        if (batchNeeds.Unsupported is { } unsupported)
        {
            return (new Untestable(unsupported), 0);
        }

        var inputs = session.Inputs.Inputs;
        SweepRequest request;
        try
        {
            request = Request(inputs, [.. batch.Select(index => session.Candidates[index])]);
        }
        catch (Exception exception) when (exception is IndexOutOfRangeException or ArgumentOutOfRangeException or KeyNotFoundException or WasmException)
        {
            return (new Inconclusive(InconclusiveKind.InvalidCandidate, $"it refers to something that the module does not have: {exception.Message}"), 0);
        }

        var result = await session.Engine.SweepAsync(request, cancellationToken).ConfigureAwait(false);
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
            session.Verdicts[batch[i]] = Judge(session.Inputs, sweep.Subjects[i + 1]);
        }

        return (null, sweep.Executions);
    }

    private Verdict Judge(ChosenInputs inputs, SubjectReport subject)
    {
        if (subject.First is { } difference)
        {
            return new Refuted(Describe(inputs.Inputs[difference.Input], difference));
        }

        var coverage = inputs.BranchesTotal == 0 ? 1 : (double)inputs.BranchesCovered / inputs.BranchesTotal;
        if (inputs.Completed >= options.MinimumCompleted)
        {
            // On another engine than the one with which the inputs were chosen, the stack may run out on all of them.
            return subject.Status == SubjectStatus.NotCompared ? new Inconclusive(InconclusiveKind.NeverEnds, "the original could not be compared on any input")
                : coverage >= options.MinimumBranchCoverage ? Passed(TestedBasis.Completed)
                : new Inconclusive(InconclusiveKind.LowCoverage, $"the inputs reach {inputs.BranchesCovered} of {inputs.BranchesTotal} branch outcomes");
        }

        if (subject.Compared < options.MinimumCompleted)
        {
            return new Inconclusive(InconclusiveKind.NeverEnds, $"the original runs out of fuel on {inputs.Inputs.Length - subject.Compared} of {inputs.Inputs.Length} inputs");
        }

        return inputs.BranchesCovered == inputs.BranchesTotal
            ? Passed(TestedBasis.TrapsOnly)
            : new Inconclusive(InconclusiveKind.AlwaysTraps,
                $"the original runs to its end on {inputs.Completed} of {inputs.Inputs.Length} inputs, and {inputs.BranchesTotal - inputs.BranchesCovered} of {inputs.BranchesTotal} branch outcomes were not reached");

        Tested Passed(TestedBasis basis) => new(inputs.Inputs.Length, subject.Compared, inputs.Completed, subject.Compared - inputs.Completed, coverage, basis);
    }

    private SweepRequest Request(ImmutableArray<TestInput> inputs, IReadOnlyList<VariantCode> candidates)
    {
        var all = new SubjectNeeds(original).Add(code);
        foreach (var candidate in candidates)
        {
            AddNeeds(all, candidate);
        }

        var harness = new Harness(original, function, all, setting, profile: null);
        var type = original.TypeIndexOf(function);
        harness.Add(type, new VariantCode(code));
        foreach (var candidate in candidates)
        {
            harness.Add(type, candidate);
        }

        return new SweepRequest(harness.Write(inputs.Length), harness.SubjectCount, 0, inputs.Length) { Library = harness.Library, Preload = [harness.Inputs(inputs)] };
    }

    private static void AddNeeds(SubjectNeeds needs, VariantCode candidate)
    {
        needs.Add(candidate.Code);
        foreach (var outlined in candidate.Outlined)
        {
            needs.Add(outlined.Code);
        }
    }

    private Counterexample Describe(TestInput input, SweepDifference difference) => new(function, input, Observe(difference.Original), Observe(difference.Subject));

    private static Observation Observe(SweepObservation observation) => new(observation.Digest, (RunEnding)observation.Outcome, observation.Trap);
}
