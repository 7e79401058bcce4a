using System.Collections.Immutable;

namespace Mewe.Diversify;

/// <summary>Every transform with its weight. Forms that optimising compilers leave alone weigh more.</summary>
public static class TransformCatalog
{
    public static ImmutableArray<WeightedTransform> All { get; } =
    [
    ];
}
