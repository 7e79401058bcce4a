using System.Collections.Immutable;
using Mewe.Linking.Profiling;

namespace Mewe.Grains;

/// <summary>How a workload runs through the functions of a module.</summary>
/// <param name="Whole">Per request, over all requests: what choices cost on the average.</param>
/// <param name="Requests">Of some requests by themselves: which choices each of them meets. A request that is refused early meets few of those that another one meets.</param>
public sealed record WorkloadProfile(ExecutionProfile Whole, ImmutableArray<ExecutionProfile> Requests)
{
    /// <summary>All requests are alike, as far as is known.</summary>
    public static WorkloadProfile Uniform(ExecutionProfile whole) => new(whole, [whole]);
}
