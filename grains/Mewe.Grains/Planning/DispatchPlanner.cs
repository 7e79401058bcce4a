using System.Collections.Immutable;
using Mewe.Linking;
using Mewe.Linking.Profiling;

namespace Mewe.Grains;

/// <summary>A function that is to be dispatched.</summary>
/// <param name="Function">Index in the original module.</param>
/// <param name="Length">Its instructions.</param>
public readonly record struct DispatchedFunction(uint Function, int Length);

/// <summary>What choosing costs, in nanoseconds on the machine at hand. Only their proportions matter, for the result is measured.</summary>
/// <param name="Jump">A jump that no processor can foresee.</param>
/// <param name="Cold">For each instruction that runs after such a jump: code that ran a moment ago is in the processor's caches and its branches are known, that of another variant is not.</param>
/// <param name="Kept">A choice that stays as it was: a dispatcher that the processor foresees.</param>
public readonly record struct ChoiceCosts(double Jump, double Cold, double Kept)
{
    public static readonly ChoiceCosts Default = new(16, 0.25, 4);
}

/// <summary>
/// Spends a request's time for choices where it buys the most. Every fresh choice opens as many paths as another, but they are not equally dear: beside the jump they cost what it takes to run code
/// that has not run for a while. So short functions that are called seldom come first. Others keep their variant for a number of calls (<see cref="DispatchMode.Periodic"/>), or are
/// <i>bound</i> (<see cref="FunctionDispatch.Bound"/>): their variants follow from the choices made for their callers, which costs nothing but cold code when those change.
/// </summary>
public sealed class DispatchPlanner
{
    private static readonly ImmutableArray<uint> Periods = [4, 16, 64, 256, 1024, 4096];

    private readonly ImmutableArray<DispatchedFunction> functions;
    private readonly ExecutionProfile profile;
    private readonly ChoiceCosts costs;
    private readonly ILookup<uint, (uint Caller, double Calls)> callers;

    public DispatchPlanner(ImmutableArray<DispatchedFunction> functions, ExecutionProfile profile, ChoiceCosts costs)
    {
        (this.functions, this.profile, this.costs) = (functions, profile, costs);
        var diversified = functions.Select(function => function.Function).ToHashSet();
        callers = profile.Calls.Where(call => diversified.Contains(call.Key.Caller) && diversified.Contains(call.Key.Callee))
            .ToLookup(call => call.Key.Callee, call => (call.Key.Caller, call.Value));
    }

    /// <summary>Decides for all functions.</summary>
    /// <param name="allowance">Nanoseconds per request for choices.</param>
    /// <param name="freshAtLeast">Fresh choices per request that are made whatever they cost, as far as there are calls for them.</param>
    public ImmutableSortedDictionary<uint, FunctionDispatch> Decide(double allowance, double freshAtLeast)
    {
        var decided = ImmutableSortedDictionary.CreateBuilder<uint, FunctionDispatch>();
        var changes = new Dictionary<uint, double>();
        double spent = 0, fresh = 0;
        var rest = new List<DispatchedFunction>();
        foreach (var function in functions.OrderBy(FreshCost).ThenBy(function => function.Function))
        {
            var calls = profile.Of(function.Function).Calls;
            if (spent + FreshCost(function) <= allowance || (calls > 0 && fresh + calls <= freshAtLeast) || calls == 0)
            {
                spent += FreshCost(function);
                fresh += calls;
                decided.Add(function.Function, new FunctionDispatch(DispatchMode.Call));
                changes[function.Function] = calls;
            }
            else
            {
                rest.Add(function);
            }
        }

        // Callers are mostly called less often than what they call, so their changes are known by then.
        foreach (var function in rest.OrderBy(function => profile.Of(function.Function).Calls).ThenBy(function => function.Function))
        {
            var (dispatch, cost, changed) = Cheaper(function, allowance - spent, changes);
            spent += cost;
            changes[function.Function] = changed;
            decided.Add(function.Function, dispatch);
        }

        return decided.ToImmutable();
    }

    /// <summary>What it costs to choose anew on every call of a function, in nanoseconds per request.</summary>
    private double FreshCost(DispatchedFunction function) => profile.Of(function.Function).Calls * (costs.Jump + ColdCost(function));

    /// <summary>What it costs to run another variant than the time before: as much as there is code that runs once, loops not counted again.</summary>
    private double ColdCost(DispatchedFunction function)
    {
        var (calls, instructions) = profile.Of(function.Function);
        return calls == 0 ? 0 : costs.Cold * Math.Min(function.Length, instructions / calls);
    }

    private (FunctionDispatch Dispatch, double Cost, double Changes) Cheaper(DispatchedFunction function, double left, Dictionary<uint, double> changes)
    {
        var calls = profile.Of(function.Function).Calls;
        var bindable = callers[function.Function].Sum(caller => caller.Calls);
        var around = Math.Max(0, calls - bindable);
        var changedByCallers = callers[function.Function].Sum(caller => Math.Min(caller.Calls, changes.GetValueOrDefault(caller.Caller, caller.Calls)));
        var bound = changedByCallers * ColdCost(function);
        var kept = calls * costs.Kept;
        if (bindable > 0 && (bound <= kept || kept > left))
        {
            var (mode, cost) = Around(around, left - bound, function);
            return (mode with { Bound = true }, bound + cost, changedByCallers);
        }

        var (dispatch, price) = Around(calls, left, function);
        return (dispatch, price, dispatch.Mode == DispatchMode.Periodic ? calls / dispatch.Period : 0);
    }

    /// <summary>As fresh a choice as can be paid for, or the original.</summary>
    private (FunctionDispatch Dispatch, double Cost) Around(double calls, double left, DispatchedFunction function)
    {
        var jump = costs.Jump + ColdCost(function);
        if (calls == 0)
        {
            return (new FunctionDispatch(DispatchMode.Call), 0);
        }

        foreach (var period in Periods)
        {
            var cost = calls * (costs.Kept + (jump / period));
            if (cost <= left)
            {
                return (new FunctionDispatch(DispatchMode.Periodic) { Period = period }, cost);
            }
        }

        return (new FunctionDispatch(DispatchMode.Direct), 0);
    }
}
