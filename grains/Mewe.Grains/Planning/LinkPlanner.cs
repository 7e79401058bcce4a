using System.Collections.Frozen;
using System.Collections.Immutable;
using Mewe.Execution;
using Mewe.Linking;
using Mewe.Linking.Profiling;
using Mewe.Wasm;

namespace Mewe.Grains;

/// <summary>
/// Decides by measuring which candidates are linked and how calls are dispatched, and writes it down as a <see cref="LinkPlan"/>.
/// </summary>
/// <remarks>
/// <para>The candidates: those with machine code of their own, furthest apart. Under <see cref="DispatchPolicy.Auto"/> candidates of hot functions that are slower than the original by more than a bound are left out;
/// the bound is drawn tighter where the budget does not hold.</para>
/// <para>The dispatch: the rest of the budget is spent by the <see cref="DispatchPlanner"/>, the module is linked and timed against the original, and what may be spent is lowered until the budget holds with
/// a margin, since the next measurement will not be the same.</para>
/// <para>Without a workload nothing is timed: frequencies and costs are estimated from the code.</para>
/// </remarks>
internal sealed class LinkPlanner(IWasmEngine engine, JobPlan plan)
{
    /// <summary>A fresh choice each opens the original and 16 variants: 83,521 paths.</summary>
    private const double FreshAtLeast = 4;

    /// <summary>The part of the budget that a measurement may use.</summary>
    private const double Margin = 0.85;

    /// <summary>The part of the budget that slower variants may use.</summary>
    private const double ForVariants = 0.5;

    /// <summary>For estimates without a workload: nanoseconds that an instruction takes.</summary>
    private const double PerInstruction = 0.4;

    /// <summary>For estimates without a workload: the part of additional instructions that shows as time.</summary>
    private const double InstructionsThatShow = 0.5;

    private const int MostTries = 6;
    private const int Rounds = 101;

    /// <summary>Every variant must have run often enough for the engine to optimize it.</summary>
    public const int WarmupRounds = 600;

    /// <summary>Bounds on a candidate's own slowdown, from generous to tight.</summary>
    private static readonly ImmutableArray<double> Bounds = [0.25, 0.15, 0.10, 0.06, 0.03];

    private readonly SlowdownBudget budget = new(plan.Request.Options.Slowdown);
    private readonly ImmutableArray<string>.Builder notes = ImmutableArray.CreateBuilder<string>();
    private int mostVariants = plan.Request.Options.Variants;

    private string EngineName => $"{engine.Info.Name} {engine.Info.Version}";

    /// <exception cref="EngineFailedException">The engine failed.</exception>
    public async Task<(LinkPlan Plan, ImmutableArray<string> Notes)> DecideAsync(IReadOnlyList<FunctionCandidates> candidates, CancellationToken cancellationToken)
    {
        var functions = candidates.Where(function => function.Count > 0).OrderBy(function => function.Function).ToList();
        KeepSize(functions);
        var (basis, planned) = plan.Request.Options.Policy != DispatchPolicy.Auto ? (new PlanBasis("none", EngineName), Choose(functions, Unbounded))
            : plan.Request.Workload is null ? Estimate(functions)
            : await MeasureAsync(functions, cancellationToken);
        var decided = new LinkPlan(LinkPlan.CurrentVersion, ToolVersion.Text, Convert.ToHexStringLower(plan.Facts.Sha256.AsSpan()), plan.RecordedOptions, basis, planned);
        return (decided, notes.ToImmutable());
    }

    private IReadOnlyCollection<uint> Entries => [.. plan.Module.Exports.Where(export => export.Kind == ExternKind.Function).Select(export => export.Index).Distinct()];

    private int LengthOf(uint function) => plan.Module.Bodies[(int)function - plan.Facts.ImportedFunctionCount].Decode().Instructions.Length;

    private static readonly Func<FunctionCandidates, int, bool> Unbounded = (_, _) => false;

    private ImmutableArray<PlannedFunction> Choose(IReadOnlyList<FunctionCandidates> functions, Func<FunctionCandidates, int, bool> isTooSlow) =>
        [.. functions.Select(function =>
        {
            var slow = Enumerable.Range(0, function.Count).Where(place => isTooSlow(function, place)).ToHashSet();
            var chosen = function.Select(slow);
            return new PlannedFunction(function.Function, null, null, null, null, null, chosen[..Math.Min(chosen.Length, mostVariants)], slow.Count == 0 ? null : slow.Count);
        }).Where(function => !function.Variants.IsEmpty || function.Slower is not null)];

    /// <summary>Finds the most variants per function with which the module keeps its size budget.</summary>
    private void KeepSize(IReadOnlyList<FunctionCandidates> functions)
    {
        if (plan.Request.Options.SizeBudget is not { } most)
        {
            return;
        }

        // The plan is part of the module and grows a little when dispatch and measurements are added.
        const int planBytesPerFunction = 160;
        var byIndex = functions.ToFrozenDictionary(function => function.Function);
        var (fits, tooMany) = (0, mostVariants + 1);
        while (tooMany - fits > 1)
        {
            mostVariants = (fits + tooMany) / 2;
            var planned = Choose(functions, Unbounded);
            var size = Link(plan, planned, byIndex).Module.LongLength + (planBytesPerFunction * planned.Length) + planned.Sum(function => 4L * function.Variants.Length);
            (fits, tooMany) = size <= most ? (mostVariants, tooMany) : (fits, mostVariants);
        }

        mostVariants = fits;
        if (fits < plan.Request.Options.Variants)
        {
            notes.Add(FormattableString.Invariant($"--size-budget leaves room for {fits} variants per function"));
        }
    }

    private (PlanBasis, ImmutableArray<PlannedFunction>) Estimate(IReadOnlyList<FunctionCandidates> functions)
    {
        notes.Add("no workload: how often functions run is estimated from the code, and the slowdown is not measured; --workload FILE lets it be");
        var profile = StaticProfile.Estimate(plan.Module);
        var total = Math.Max(1, profile.TotalInstructions);
        bool IsHot(uint function) => profile.Of(function).Instructions / total >= VariantTiming.SmallestShare;
        var planned = Choose(functions, (function, place) => IsHot(function.Function) && InstructionsThatShow * (function.LengthRatio(place) - 1) > Bounds[0]);
        var allowance = budget.Of(total * PerInstruction) * (1 - ForVariants);
        return (new PlanBasis("static", EngineName), Dispatched(planned, profile, allowance, Entries, LengthOf));
    }

    private async Task<(PlanBasis, ImmutableArray<PlannedFunction>)> MeasureAsync(IReadOnlyList<FunctionCandidates> functions, CancellationToken cancellationToken)
    {
        if (await new ProfileRecording(engine, plan.Module).RecordAsync(plan.Workload, plan.Request.Options.Seed, cancellationToken) is not { } profile)
        {
            notes.Add("no entry of the workload could be run, so nothing is measured");
            return Estimate(functions);
        }

        var (timed, problem) = await new VariantTiming(engine, plan).RunAsync(functions, profile, cancellationToken);
        if (problem is not null)
        {
            notes.Add($"the workload cannot be timed, so the slowdown is not measured: {problem}");
            return (new PlanBasis("measured", EngineName, plan.Workload.Description), Dispatched(Choose(functions, Unbounded), profile, budget.Of(profile.TotalInstructions * PerInstruction) * (1 - ForVariants), Entries, LengthOf));
        }

        var trial = new Trial(engine, plan, budget, functions, profile, Entries, LengthOf);

        // First the choices that are made whatever they cost, then as many as the rest of the budget allows.
        var bound = 0;
        ImmutableArray<PlannedFunction> Chosen() => Choose(functions, (function, place) => timed.TryGetValue(function.Function, out var times) && times.OwnSlowdown(place) > Bounds[bound]);
        var measured = await trial.TimeAsync(Chosen(), 0, cancellationToken);
        var allowance = Math.Max(0, (Margin * budget.Of(measured.Nanoseconds)) - measured.Added);
        for (var attempt = 0; attempt < MostTries && allowance > 0; attempt++)
        {
            var now = await trial.TimeAsync(Chosen(), allowance, cancellationToken);
            var most = Margin * budget.Of(now.Nanoseconds);
            if (now.Added > most)
            {
                bound = Math.Min(bound + 1, Bounds.Length - 1);
                allowance *= Math.Clamp(most / now.Added, 0.3, 0.8);
            }
            else if (now.Added < most / 2)
            {
                allowance *= 1.6;
            }
            else
            {
                break;
            }
        }

        var (best, dispatched) = trial.Best;
        var within = best.Added <= budget.Of(best.Nanoseconds);
        if (!within)
        {
            notes.Add(FormattableString.Invariant($"the budget of {budget.Ratio:0.###} is not kept: the workload takes {best.Ratio:0.###} times as long, {best.Added:0} ns more of {best.Nanoseconds:0} ns; fewer variants or --exclude of hot functions can help"));
        }

        return (new PlanBasis("measured", EngineName, plan.Workload.Description, Math.Round(best.Nanoseconds, 1), Math.Round(best.Ratio, 4), Math.Round(best.Low, 4), Math.Round(best.High, 4), within), dispatched);
    }

    private static ImmutableArray<PlannedFunction> Dispatched(ImmutableArray<PlannedFunction> planned, ExecutionProfile profile, double allowance, IReadOnlyCollection<uint> entries, Func<uint, int> lengths)
    {
        var dispatch = new DispatchPlanner(
            [.. planned.Where(function => !function.Variants.IsEmpty).Select(function => new DispatchedFunction(function.Function, lengths(function.Function)))], profile, entries, ChoiceCosts.Default)
            .Decide(allowance, FreshAtLeast);
        return [.. planned.Select(function => dispatch.TryGetValue(function.Function, out var own) ? function.With(own, profile.Of(function.Function).Calls) : function)];
    }

    private static LinkResult Link(JobPlan plan, ImmutableArray<PlannedFunction> planned, IReadOnlyDictionary<uint, FunctionCandidates> byIndex) =>
        MultivariantLinker.Link(plan.Module, [.. planned.Select(function =>
            new FunctionVariants(function.Function, [.. function.Variants.Select(byIndex[function.Function].Linked)]) { Dispatch = function.LinkedDispatch })], plan.LinkOptions);

    /// <summary>Links and times plans, and remembers the best: the one with the most fresh choices that keeps the budget with its margin, or where none does the fastest.</summary>
    private sealed class Trial(IWasmEngine engine, JobPlan plan, SlowdownBudget budget, IReadOnlyList<FunctionCandidates> functions, ExecutionProfile profile, IReadOnlyCollection<uint> entries, Func<uint, int> lengths)
    {
        private readonly FrozenDictionary<uint, FunctionCandidates> byIndex = functions.ToFrozenDictionary(function => function.Function);
        private readonly SlowdownTiming timing = new(engine, plan.Workload, plan.Request.Options.Seed);
        private (Slowdown Measured, ImmutableArray<PlannedFunction> Plan, bool Keeps, double Fresh)? best;

        public (Slowdown Measured, ImmutableArray<PlannedFunction> Plan) Best => (best!.Value.Measured, best.Value.Plan);

        public async Task<Slowdown> TimeAsync(ImmutableArray<PlannedFunction> planned, double allowance, CancellationToken cancellationToken)
        {
            var dispatched = Dispatched(planned, profile, allowance, entries, lengths);
            var linked = Link(plan, dispatched, byIndex);
            var (slowdowns, problem) = await timing.CompareAsync([plan.Request.Module, linked.Module], [new TimingSubject(0, []), new TimingSubject(1, [])], TimingTier.Settled, Rounds, WarmupRounds, cancellationToken);
            var measured = slowdowns?[1] ?? throw new EngineFailedException($"the multivariant module could not be timed: {problem}");
            var keeps = measured.Added <= Margin * budget.Of(measured.Nanoseconds);
            var fresh = dispatched.Where(function => function is { Dispatch: DispatchMode.Call, Bound: null }).Sum(function => profile.Of(function.Function).Calls);
            if (best is not { } before || (keeps && (!before.Keeps || fresh >= before.Fresh)) || (!keeps && !before.Keeps && measured.Ratio < before.Measured.Ratio))
            {
                best = (measured, dispatched, keeps, fresh);
            }

            return measured;
        }
    }
}
