using System.Collections.Immutable;

namespace Mewe.Diversify.Transforms.Locals;

/// <summary>The transforms of locals with their weights.</summary>
public static class LocalsTransforms
{
    public static ImmutableArray<WeightedTransform> All { get; } =
    [
        new(new LocalRenumbering(), 4),
    ];
}
