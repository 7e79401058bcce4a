using System.Collections.Immutable;
using Mewe.Diversify.Transforms.Control;
using Mewe.Diversify.Transforms.Locals;

namespace Mewe.Diversify;

/// <summary>Every transform with its weight. Forms that optimising compilers leave alone weigh more.</summary>
public static class TransformCatalog
{
    public static ImmutableArray<WeightedTransform> All { get; } =
    [
        .. ControlTransforms.All,
        .. LocalsTransforms.All,
    ];
}
