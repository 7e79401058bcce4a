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
    public static readonly ChoiceCosts Default = new(20, 0.3, 4);
}

/// <summary>
/// Spends a request's time for choices where it buys the most. Every fresh choice opens as many paths as another, but they are not equally dear: beside the jump they cost what it takes to run code
/// that has not run for a while. So short functions that are called seldom come first. Others keep their variant for a number of calls (<see cref="DispatchMode.Periodic"/>), or are
/// <i>bound</i> (<see cref="FunctionDispatch.Bound"/>): their variants follow from the choices made for their callers, which costs nothing but cold code when those change.
/// </summary>
public sealed class DispatchPlanner
{
    /// <summary>The part of the allowance that may go to fresh choices; the rest lets hot functions change their variants now and then.</summary>
    private const double ForFresh = 0.6;

    /// <summary>Calls per request, in its main entry, of a function that runs in as good as every one.</summary>
    private const double Always = 0.95;

    private static readonly ImmutableArray<uint> Periods = [4, 16, 64, 256, 1024, 4096];

    private readonly ImmutableArray<DispatchedFunction> functions;
    private readonly ExecutionProfile profile;
    private readonly ChoiceCosts costs;
    private readonly ILookup<uint, (uint Caller, double Calls)> callers;

    private readonly ImmutableDictionary<uint, double> callsOfMainEntry;

    /// <param name="entries">The functions that the host calls.</param>
    public DispatchPlanner(ImmutableArray<DispatchedFunction> functions, ExecutionProfile profile, IReadOnlyCollection<uint> entries, ChoiceCosts costs)
    {
        (this.functions, this.profile, this.costs) = (functions, profile, costs);

        // The work of a request is below one of its entries; choices in what stands around it (allocating and freeing the request) would not change the path of the work.
        callsOfMainEntry = entries.Where(entry => profile.Of(entry).Calls > 0).Order().Select(entry => profile.CallsBelow([entry]))
            .MaxBy(below => below.Sum(function => function.Value / profile.Of(function.Key).Calls * profile.Of(function.Key).Instructions)) ?? profile.CallsBelow([]);
        var diversified = functions.Select(function => function.Function).ToHashSet();
        callers = profile.Calls.Where(call => diversified.Contains(call.Key.Caller) && diversified.Contains(call.Key.Callee))
            .ToLookup(call => call.Key.Callee, call => (call.Key.Caller, call.Value));
    }

    /// <summary>Decides for all functions.</summary>
    /// <param name="allowance">Nanoseconds per request for choices.</param>
    /// <param name="freshAtLeast">Fresh choices per request that are made whatever they cost, as far as there are functions that are called in every request.</param>
    public ImmutableSortedDictionary<uint, FunctionDispatch> Decide(double allowance, double freshAtLeast)
    {
        var decided = ImmutableSortedDictionary.CreateBuilder<uint, FunctionDispatch>();
        var changes = new Dictionary<uint, double>();
        double spent = 0, fresh = 0;
        var rest = new List<DispatchedFunction>();
        foreach (var function in functions.OrderBy(FreshCost).ThenBy(function => function.Function))
        {
            var calls = profile.Of(function.Function).Calls;
            var inEveryRequest = callsOfMainEntry.GetValueOrDefault(function.Function) >= Always;
            if (calls == 0 || spent + FreshCost(function) <= allowance * ForFresh || (inEveryRequest && fresh + calls <= freshAtLeast))
            {
                spent += FreshCost(function);
                fresh += inEveryRequest ? calls : 0;
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
        var changedByCallers = callers[function.Function].Sum(caller => Math.Min(caller.Calls, changes.GetValueOrDefault(caller.Caller, caller.Calls)));
        var bound = changedByCallers * ColdCost(function);
        var own = Around(calls, left, function);

        // Bound to callers whose choices never change, a function would run the same variant for ever.
        if (changedByCallers > 0 && bound <= left && (own.Dispatch.Mode == DispatchMode.Direct || bound <= own.Cost))
        {
            var (mode, cost) = Around(Math.Max(0, calls - bindable), left - bound, function);
            return (mode with { Bound = true }, bound + cost, changedByCallers);
        }

        return (own.Dispatch, own.Cost, own.Dispatch.Mode == DispatchMode.Periodic ? calls / own.Dispatch.Period : 0);
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
