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
/// <para>The candidates: those with machine code of their own, furthest apart. Candidates of hot functions that are slower than the original by more than a bound are left out;
/// the bound is drawn tighter where the budget does not hold.</para>
/// <para>The dispatch under <see cref="DispatchPolicy.Auto"/>: the rest of the budget is spent by the <see cref="DispatchPlanner"/>, the module is linked and timed against the original
/// (<see cref="PlanTrial"/>), and what may be spent is lowered until the budget holds. Where it does not hold with no more than the choices that every request gets, there are fewer of
/// these, and others that change every few calls (<see cref="PathFloor"/>).</para>
/// <para>Without a workload nothing is timed: frequencies and costs are estimated from the code.</para>
/// </remarks>
internal sealed class LinkPlanner(IWasmEngine engine, JobPlan plan)
{
    /// <summary>The part of the budget that slower variants may use.</summary>
    private const double ForVariants = 0.5;

    /// <summary>For estimates without a workload: nanoseconds that an instruction takes.</summary>
    private const double PerInstruction = 0.4;

    /// <summary>For estimates without a workload: the part of additional instructions that shows as time.</summary>
    private const double InstructionsThatShow = 0.5;

    /// <summary>For estimates without a workload: how many instructions a call costs beside those of the body.</summary>
    private const int InstructionsPerCall = 8;

    private const int MostTries = 10;

    /// <summary>An allowance below that buys nothing, in nanoseconds.</summary>
    private const double LeastAllowance = 10;

    /// <summary>Every variant must have run often enough for the engine to optimize it.</summary>
    public const int WarmupRounds = 600;

    /// <summary>Bounds on a candidate's own slowdown, from generous to tight.</summary>
    private static readonly ImmutableArray<double> Bounds = [0.25, 0.15, 0.10, 0.06, 0.03];

    /// <summary>Tighter bounds than the widest leave as many variants as that.</summary>
    private const int FewestVariants = 8;

    /// <summary>The bound where nothing is adjusted: where all functions are dispatched alike, and for functions whose variants no call reaches under this plan.</summary>
    private const double FixedBound = 0.03;

    private readonly SlowdownBudget budget = new(plan.Request.Options.Slowdown);
    private readonly ImmutableArray<string>.Builder notes = ImmutableArray.CreateBuilder<string>();
    private int mostVariants = plan.Request.Options.Variants;

    private string EngineName => $"{engine.Info.Name} {engine.Info.Version}";

    /// <exception cref="EngineFailedException">The engine failed.</exception>
    public async Task<(LinkPlan Plan, ImmutableArray<string> Notes)> DecideAsync(IReadOnlyList<FunctionCandidates> candidates, CancellationToken cancellationToken)
    {
        var functions = candidates.Where(function => function.Count > 0).OrderBy(function => function.Function).ToList();
        KeepSize(functions);
        var (basis, planned) = plan.Request.Options.Policy != DispatchPolicy.Auto ? await ForPolicyAsync(functions, cancellationToken)
            : plan.Request.Workload is null ? Estimate(functions)
            : await MeasureAsync(functions, cancellationToken);
        planned = Fitting(planned, functions.ToFrozenDictionary(function => function.Function));
        var decided = new LinkPlan(LinkPlan.CurrentVersion, ToolVersion.Text, Convert.ToHexStringLower(plan.Facts.Sha256.AsSpan()), plan.RecordedOptions, basis, planned);
        return (decided, notes.ToImmutable());
    }

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

        var byIndex = functions.ToFrozenDictionary(function => function.Function);
        var (fits, tooMany) = (0, mostVariants + 1);
        while (tooMany - fits > 1)
        {
            mostVariants = (fits + tooMany) / 2;
            (fits, tooMany) = SizeOf(Choose(functions, Unbounded), byIndex) <= most ? (mostVariants, tooMany) : (fits, mostVariants);
        }

        mostVariants = fits;
        if (fits < plan.Request.Options.Variants)
        {
            notes.Add(FormattableString.Invariant($"--size-budget leaves room for {fits} variants per function"));
        }
    }

    /// <summary>Which variants are fast enough changes which are linked, and others may be longer: where they do not fit, every function gives up its last ones.</summary>
    private ImmutableArray<PlannedFunction> Fitting(ImmutableArray<PlannedFunction> planned, IReadOnlyDictionary<uint, FunctionCandidates> candidates)
    {
        if (plan.Request.Options.SizeBudget is not { } most)
        {
            return planned;
        }

        for (var limit = mostVariants - 1; limit >= 0 && SizeOf(planned, candidates) > most; limit--)
        {
            planned = [.. planned.Select(function => function.Variants.Length <= limit ? function
                : limit > 0 ? function with { Variants = function.Variants[..limit] }
                : new PlannedFunction(function.Function, null, null, null, null, null, [], function.Slower))];
        }

        return planned;
    }

    private long SizeOf(ImmutableArray<PlannedFunction> planned, IReadOnlyDictionary<uint, FunctionCandidates> candidates)
    {
        // The plan is part of the module and grows a little when dispatch and measurements are added.
        const int planBytesPerFunction = 160;
        return Dispatching.Link(plan, planned, candidates).Module.LongLength + (planBytesPerFunction * planned.Length) + planned.Sum(function => 4L * function.Variants.Length);
    }

    private (PlanBasis, ImmutableArray<PlannedFunction>) Estimate(IReadOnlyList<FunctionCandidates> functions)
    {
        notes.Add("no workload: how often functions run is estimated from the code, and the slowdown is not measured; --workload FILE lets it be");
        var profile = StaticProfile.Estimate(plan.Module);
        var (total, hot) = (Math.Max(1, profile.TotalInstructions), HotFunctions.Of(profile));
        var planned = Choose(functions, (function, place) => hot.Contains(function.Function)
            && InstructionsThatShow * (function.LengthOf(place) - function.OriginalLength) > Bounds[0] * (function.OriginalLength + InstructionsPerCall));
        var allowance = budget.Of(total * PerInstruction) * (1 - ForVariants);
        return (new PlanBasis("static", EngineName), Dispatched(functions, planned, WorkloadProfile.Uniform(profile), allowance));
    }

    private ImmutableArray<PlannedFunction> Dispatched(IReadOnlyList<FunctionCandidates> functions, ImmutableArray<PlannedFunction> planned, WorkloadProfile profile, double allowance) =>
        Dispatching.Decide(plan, planned, functions.ToFrozenDictionary(function => function.Function), profile, ImmutableDictionary<uint, double>.Empty, allowance, PathFloor.Levels[0]);

    /// <summary>For policies that say of all functions alike when to choose: which variants are too slow follows from times, and the rest from what the workload calls (<see cref="UniformDispatch"/>), where there is one.</summary>
    private async Task<(PlanBasis, ImmutableArray<PlannedFunction>)> ForPolicyAsync(IReadOnlyList<FunctionCandidates> functions, CancellationToken cancellationToken)
    {
        if (plan.Request.Workload is null || await new ProfileRecording(engine, plan.Module).RecordAsync(plan.Workload, plan.Request.Options.Seed, cancellationToken) is not { } profile)
        {
            return (new PlanBasis("none", EngineName), Choose(functions, Unbounded));
        }

        var (timed, problem) = await new VariantTiming(engine, plan).RunAsync(functions, profile.Whole, cancellationToken);
        if (problem is not null)
        {
            notes.Add($"the workload cannot be timed, so slow variants are not left out: {problem}");
        }

        var chosen = Choose(functions, (function, place) => timed.TryGetValue(function.Function, out var times) && times.IsTooSlow(place, FixedBound, Bounds[0], FewestVariants));
        var lengths = Dispatching.Lengths(chosen, functions.ToFrozenDictionary(function => function.Function));
        var dispatch = new UniformDispatch(plan.Request.Options.Policy, plan.Module, plan.Workload, lengths, profile, repeats: plan.Request.Options.SizeBudget is null);
        return (new PlanBasis("measured", EngineName, plan.Workload.Description),
            [.. chosen.Select(function => function.Variants.IsEmpty ? function : function with
            {
                Inlines = dispatch.InlinedInto(function.Function), Form = dispatch.Form(function.Function), Bound = dispatch.Bound(function.Function),
                Calls = Math.Round(profile.Whole.Of(function.Function).Calls, 3),
            })]);
    }

    private async Task<(PlanBasis, ImmutableArray<PlannedFunction>)> MeasureAsync(IReadOnlyList<FunctionCandidates> functions, CancellationToken cancellationToken)
    {
        if (await new ProfileRecording(engine, plan.Module).RecordAsync(plan.Workload, plan.Request.Options.Seed, cancellationToken) is not { } profile)
        {
            notes.Add("no entry of the workload could be run, so nothing is measured");
            return Estimate(functions);
        }

        var (timed, problem) = await new VariantTiming(engine, plan).RunAsync(functions, profile.Whole, cancellationToken);
        if (problem is not null)
        {
            notes.Add($"the workload cannot be timed, so the slowdown is not measured: {problem}");
            var estimated = budget.Of(profile.Whole.TotalInstructions * PerInstruction) * (1 - ForVariants);
            return (new PlanBasis("measured", EngineName, plan.Workload.Description), Dispatched(functions, Choose(functions, Unbounded), profile, estimated));
        }

        var trial = new PlanTrial(engine, plan, budget, functions, profile);
        ImmutableArray<PlannedFunction> Chosen(double bound) => Choose(functions, (function, place) => timed.TryGetValue(function.Function, out var times) && times.IsTooSlow(place, bound, Bounds[0], FewestVariants));
        await SearchAsync(trial, Chosen, cancellationToken);
        var (best, use, dispatched) = trial.Best;

        // Variants that no call reaches now are there for whoever links them with another policy.
        var most = Chosen(FixedBound).ToFrozenDictionary(function => function.Function);
        dispatched = [.. dispatched.Select(function => function is { Dispatch: DispatchMode.Direct, Bound: null } ? function with { Variants = most[function.Function].Variants, Slower = most[function.Function].Slower } : function)];
        if (use > 1)
        {
            notes.Add(FormattableString.Invariant($"the budget of {budget.Ratio:0.###} is not kept: the workload takes {best.Ratio:0.###} times as long, {best.Added:0} ns more of {best.Nanoseconds:0} ns; fewer variants or --exclude of hot functions can help"));
        }

        return (new PlanBasis("measured", EngineName, plan.Workload.Description, Math.Round(best.Nanoseconds, 1), Math.Round(best.Ratio, 4), Math.Round(best.Low, 4), Math.Round(best.High, 4), use <= 1), dispatched);
    }

    /// <summary>First the choices that every request gets, then as many as the rest of the budget allows; where that is too much, less of each until the budget holds.</summary>
    private async Task SearchAsync(PlanTrial trial, Func<double, ImmutableArray<PlannedFunction>> chosen, CancellationToken cancellationToken)
    {
        var (bound, level, grown) = (0, 0, true);
        var nanoseconds = await trial.TimeOriginalAsync(cancellationToken);
        await trial.TimeChoicesAsync(chosen(Bounds[0]), nanoseconds, cancellationToken);
        var use = await trial.TimeAsync(chosen(Bounds[0]), 0, PathFloor.Levels[0], cancellationToken);
        var allowance = Math.Max(0, (PlanTrial.Margin - use) * budget.Of(nanoseconds));
        for (var attempt = 0; attempt < MostTries; attempt++)
        {
            if (allowance > LeastAllowance)
            {
                use = await trial.TimeAsync(chosen(Bounds[bound]), allowance, PathFloor.Levels[level], cancellationToken);
                if (use > PlanTrial.Margin)
                {
                    grown = false;
                    bound = Math.Min(bound + 1, Bounds.Length - 1);
                    allowance *= Math.Clamp(PlanTrial.Margin / use, 0.2, 0.8);
                }
                else if (use < PlanTrial.Margin / 2 && grown)
                {
                    allowance *= 1.6;
                }
                else
                {
                    break;
                }
            }
            else if (use > PlanTrial.Margin && (bound < Bounds.Length - 1 || level < PathFloor.Levels.Length - 1))
            {
                bound = Math.Min(bound + 1, Bounds.Length - 1);
                level = Math.Min(level + 1, PathFloor.Levels.Length - 1);
                allowance = 0;
                use = await trial.TimeAsync(chosen(Bounds[bound]), 0, PathFloor.Levels[level], cancellationToken);
            }
            else
            {
                break;
            }
        }
    }
}
