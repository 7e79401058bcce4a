using Orleans;
using Orleans.Metadata;
using Orleans.Placement;
using Orleans.Runtime;
using Orleans.Runtime.Placement;

namespace Mewe.Silo.Orleans.Placement;

/// <summary>
/// Grains go to the silo with the least to do (<see cref="ClusterLoads"/>). Orleans' own default looks at memory and processors, as they were a while ago, and prefers the silo that asks: it put 40 of 40 new grains on one
/// silo.
/// </summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class ScatteredPlacementAttribute() : PlacementAttribute(new ScatteredPlacement());

/// <summary>Names the strategy.</summary>
[Serializable, GenerateSerializer, Immutable, Alias("mewe.ScatteredPlacement")]
internal sealed class ScatteredPlacement : PlacementStrategy;

internal sealed class ScatteredPlacementDirector(ClusterLoads loads) : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context) => Task.FromResult(loads.Choose(context.GetCompatibleSilos(target)));
}
