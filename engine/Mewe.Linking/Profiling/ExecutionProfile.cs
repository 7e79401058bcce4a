using System.Collections.Immutable;

namespace Mewe.Linking.Profiling;

/// <summary>How often the functions of a module run, per request of a workload or by estimate. Indices are those of the original module.</summary>
/// <param name="Functions">Only functions that run at all.</param>
/// <param name="Calls">Direct calls, by caller and callee.</param>
public sealed record ExecutionProfile(ImmutableSortedDictionary<uint, FunctionFrequency> Functions, ImmutableSortedDictionary<(uint Caller, uint Callee), double> Calls)
{
    /// <summary>How a function runs; zeros for one that does not.</summary>
    public FunctionFrequency Of(uint function) => Functions.GetValueOrDefault(function);

    /// <summary>Instructions executed in a request, all functions together.</summary>
    public double TotalInstructions => Functions.Values.Sum(function => function.Instructions);
}

/// <param name="Calls">Times that it is called.</param>
/// <param name="Instructions">Instructions that run in its own body, without its callees: its length, with the bodies of loops as often as they run.</param>
public readonly record struct FunctionFrequency(double Calls, double Instructions);
