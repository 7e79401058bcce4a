using System.Collections.Immutable;

namespace Mewe.Linking.Profiling;

/// <summary>How often the functions of a module run, per request of a workload or by estimate. Indices are those of the original module.</summary>
/// <param name="Functions">Only functions that run at all.</param>
/// <param name="Calls">Direct calls, by caller and callee.</param>
public sealed record ExecutionProfile(ImmutableSortedDictionary<uint, FunctionFrequency> Functions, ImmutableSortedDictionary<(uint Caller, uint Callee), double> Calls)
{
    /// <summary>How a function runs; zeros for one that does not.</summary>
    public FunctionFrequency Of(uint function) => Functions.GetValueOrDefault(function);

    /// <summary>
    /// Calls of each function that come from one of the given functions or from what these call, directly or not, through direct calls.
    /// </summary>
    public ImmutableDictionary<uint, double> CallsBelow(IReadOnlyCollection<uint> entries)
    {
        var reached = new HashSet<uint>(entries);
        var open = new Stack<uint>(entries);
        var callees = Calls.ToLookup(call => call.Key.Caller, call => call.Key.Callee);
        while (open.TryPop(out var caller))
        {
            foreach (var callee in callees[caller].Where(reached.Add))
            {
                open.Push(callee);
            }
        }

        var direct = Calls.GroupBy(call => call.Key.Callee).ToDictionary(calls => calls.Key, calls => (All: calls.Sum(call => call.Value), Below: calls.Where(call => reached.Contains(call.Key.Caller)).Sum(call => call.Value)));
        return Functions.ToImmutableDictionary(function => function.Key, function =>
        {
            var (all, below) = direct.GetValueOrDefault(function.Key);
            return entries.Contains(function.Key) ? function.Value.Calls : below + (all == 0 && reached.Contains(function.Key) ? function.Value.Calls : 0);
        });
    }

    /// <summary>What is left of this profile without another one that is a part of it.</summary>
    public ExecutionProfile Minus(ExecutionProfile part) => new(
        Functions.Select(function => KeyValuePair.Create(function.Key, new FunctionFrequency(function.Value.Calls - part.Of(function.Key).Calls, function.Value.Instructions - part.Of(function.Key).Instructions)))
            .Where(function => function.Value.Calls > 0).ToImmutableSortedDictionary(),
        Calls.Select(call => KeyValuePair.Create(call.Key, call.Value - part.Calls.GetValueOrDefault(call.Key))).Where(call => call.Value > 0).ToImmutableSortedDictionary());

    /// <summary>Instructions executed in a request, all functions together.</summary>
    public double TotalInstructions => Functions.Values.Sum(function => function.Instructions);
}

/// <param name="Calls">Times that it is called.</param>
/// <param name="Instructions">Instructions that run in its own body, without its callees: its length, with the bodies of loops as often as they run.</param>
public readonly record struct FunctionFrequency(double Calls, double Instructions);
