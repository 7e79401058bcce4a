using System.Collections.Frozen;
using System.Collections.Immutable;
using Mewe.Execution;
using Mewe.Linking;

namespace Mewe.Grains;

/// <summary>
/// Links and times plans, and remembers the best: of those that keep the budget with a margin, the one with the most fresh choices; where none does, the one that comes nearest.
/// </summary>
internal sealed class PlanTrial(IWasmEngine engine, JobPlan plan, SlowdownBudget budget, IReadOnlyList<FunctionCandidates> functions, WorkloadProfile profile)
{
    /// <summary>The part of the budget that a measurement may use, since the next one will not be the same.</summary>
    public const double Margin = 0.75;

    private const int Rounds = 101;

    private readonly FrozenDictionary<uint, FunctionCandidates> byIndex = functions.ToFrozenDictionary(function => function.Function);
    private readonly SlowdownTiming timing = new(engine, plan.Workload, plan.Request.Options.Seed);
    private (Slowdown Measured, double Use, ImmutableArray<PlannedFunction> Plan, bool Keeps, double Fresh)? best;

    /// <summary>Functions that a request calls are measured by themselves where the budget has room for no more fresh choices than this.</summary>
    private const int FewChoices = 24, MostTimed = 10;

    private ImmutableDictionary<uint, double> freshCosts = ImmutableDictionary<uint, double>.Empty;

    public (Slowdown Measured, double Use, ImmutableArray<PlannedFunction> Plan) Best => (best!.Value.Measured, best.Value.Use, best.Value.Plan);

    /// <summary>Measures fresh choices one by one, where a request is so short that its budget has room for a few only.</summary>
    public async Task TimeChoicesAsync(ImmutableArray<PlannedFunction> chosen, double nanoseconds, CancellationToken cancellationToken)
    {
        if (budget.Of(nanoseconds) > FewChoices * ChoiceCosts.Default.Jump)
        {
            return;
        }

        var cheapest = Dispatching.Planner(plan, chosen, profile, freshCosts).CheapestInRequests().Take(MostTimed).ToList();
        var inlined = Dispatching.Inlined(plan, chosen, byIndex, profile);
        freshCosts = await new ChoiceTiming(timing, plan).RunAsync(cheapest, fresh => Link(
            [.. chosen.Select(function => Dispatching.With(function, new FunctionDispatch(function.Function == fresh ? DispatchMode.Call : DispatchMode.Direct), inlined, profile))]), cancellationToken);
    }

    /// <summary>Links and times.</summary>
    /// <param name="chosen">With the variants chosen.</param>
    /// <returns>The part of the budget that is used.</returns>
    public async Task<double> TimeAsync(ImmutableArray<PlannedFunction> chosen, double allowance, PathFloor floor, CancellationToken cancellationToken)
    {
        var dispatched = Dispatching.Decide(plan, chosen, byIndex, profile, freshCosts, allowance, floor);
        var module = Link(dispatched).Module;
        var (measured, use) = await TimeAsync(module, cancellationToken);
        var keeps = use <= Margin + 0.1;
        var fresh = dispatched.Where(function => function is { Dispatch: DispatchMode.Call, Bound: null }).Sum(function => profile.Whole.Of(function.Function).Calls);
        if (best is not { } before || (keeps && (!before.Keeps || fresh >= before.Fresh)) || (!keeps && !before.Keeps && use < before.Use))
        {
            best = (measured, use, dispatched, keeps, fresh);
        }

        return use;
    }

    /// <summary>How long a request takes, in nanoseconds.</summary>
    public async Task<double> TimeOriginalAsync(CancellationToken cancellationToken) => (await TimeAsync(plan.Request.Module, cancellationToken)).Measured.Nanoseconds;

    private async Task<(Slowdown Measured, double Use)> TimeAsync(ReadOnlyMemory<byte> module, CancellationToken cancellationToken)
    {
        var (slowdowns, problem) = await timing.CompareRequestsAsync(plan.Request.Module, module, Rounds, LinkPlanner.WarmupRounds, cancellationToken);
        if (slowdowns.IsEmpty)
        {
            throw new EngineFailedException($"the multivariant module could not be timed: {problem}");
        }

        var worst = slowdowns.MaxBy(slowdown => slowdown.UseOf(budget));
        return (worst, worst.UseOf(budget));
    }

    private LinkResult Link(ImmutableArray<PlannedFunction> planned) => Dispatching.Link(plan, planned, byIndex);
}
