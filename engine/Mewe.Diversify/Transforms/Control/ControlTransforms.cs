using System.Collections.Immutable;

namespace Mewe.Diversify.Transforms.Control;

/// <summary>The transforms of control flow with their weights.</summary>
public static class ControlTransforms
{
    public static ImmutableArray<WeightedTransform> All { get; } =
    [
        new(new BlockNesting(), 4),
        new(new IfInversion(), 10),
    ];
}
