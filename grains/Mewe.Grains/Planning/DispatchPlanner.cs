using System.Collections.Immutable;
using Mewe.Linking;
using Mewe.Linking.Profiling;

namespace Mewe.Grains;

/// <summary>A function that is to be dispatched.</summary>
/// <param name="Function">Index in the original module.</param>
/// <param name="Choices">The original and its variants; at least 2.</param>
public readonly record struct DispatchedFunction(uint Function, int Choices);

/// <summary>What choosing costs, in nanoseconds on the machine at hand. Only their proportions decide where they are first guesses, for the result is measured.</summary>
/// <param name="Fresh">A fresh choice: a jump that no processor can foresee, with what it delays.</param>
/// <param name="Kept">A choice that stays as it was: a dispatcher that the processor foresees.</param>
public readonly record struct ChoiceCosts(double Fresh, double Kept)
{
    public static readonly ChoiceCosts Default = new(18, 4);
}

/// <summary>
/// Spends a request's time for choices where it buys the most: every fresh choice costs about the same and opens as many paths, so functions that are called seldom come first, each of them with
/// a fresh choice on every call; and among equals those in which more happens. Where that gets too dear a function is <i>bound</i> (<see cref="FunctionDispatch.Bound"/>): its variants are chosen together with those
/// of its callers, at no cost. What still calls it through its index (tables, the host, functions without variants) gets a choice as often as can be paid for.
/// </summary>
public static class DispatchPlanner
{
    /// <summary>A choice that is kept for so many calls costs hardly more than one that is kept for ever.</summary>
    private static readonly ImmutableArray<uint> Periods = [4, 16, 64, 256, 1024, 4096];

    /// <param name="allowance">Nanoseconds per request for choices.</param>
    /// <param name="freshAtLeast">Fresh choices per request that are made whatever they cost, as far as there are calls for them.</param>
    public static ImmutableSortedDictionary<uint, FunctionDispatch> Decide(
        IReadOnlyCollection<DispatchedFunction> functions, ExecutionProfile profile, double allowance, double freshAtLeast, ChoiceCosts costs)
    {
        var diversified = functions.Select(function => function.Function).ToHashSet();
        var bindable = profile.Calls.Where(call => diversified.Contains(call.Key.Caller) && diversified.Contains(call.Key.Callee))
            .GroupBy(call => call.Key.Callee, call => call.Value).ToDictionary(calls => calls.Key, calls => calls.Sum());
        var decided = ImmutableSortedDictionary.CreateBuilder<uint, FunctionDispatch>();
        double spent = 0, fresh = 0;
        foreach (var (function, _) in functions
            .OrderBy(function => profile.Of(function.Function).Calls).ThenByDescending(function => profile.Of(function.Function).Instructions).ThenBy(function => function.Function))
        {
            var calls = profile.Of(function).Calls;
            if (spent + (calls * costs.Fresh) <= allowance || fresh + calls <= freshAtLeast)
            {
                spent += calls * costs.Fresh;
                fresh += calls;
                decided.Add(function, new FunctionDispatch(DispatchMode.Call));
                continue;
            }

            var around = Math.Max(0, calls - bindable.GetValueOrDefault(function));
            var (dispatch, cost) = Around(around, allowance - spent, costs);
            spent += cost;
            decided.Add(function, dispatch with { Bound = true });
        }

        return decided.ToImmutable();
    }

    /// <summary>What calls get that cannot be bound: as fresh a choice as can be paid for, or the original.</summary>
    private static (FunctionDispatch Dispatch, double Cost) Around(double calls, double left, ChoiceCosts costs)
    {
        if (calls * costs.Fresh <= Math.Max(0, left))
        {
            return (new FunctionDispatch(DispatchMode.Call), calls * costs.Fresh);
        }

        foreach (var period in Periods)
        {
            var cost = calls * (costs.Kept + (costs.Fresh / period));
            if (cost <= left)
            {
                return (new FunctionDispatch(DispatchMode.Periodic) { Period = period }, cost);
            }
        }

        return (new FunctionDispatch(DispatchMode.Direct), 0);
    }
}
