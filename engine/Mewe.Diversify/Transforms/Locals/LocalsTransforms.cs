using System.Collections.Immutable;

namespace Mewe.Diversify.Transforms.Locals;

/// <summary>The transforms of locals with their weights.</summary>
public static class LocalsTransforms
{
    public static ImmutableArray<WeightedTransform> All { get; } =
    [
        new(new LocalRenumbering(), 4),
        new(new ParameterCopy(), 3),
        new(new MaskedLocal(), 10),
        new(new BlindedLocal(), 8),
        new(new WidenedLocal(), 6),
        new(new SpillToLocal(), 4),
        new(new TeeSplitting(), 4),
        new(new LocalSplitting(), 8),
        new(new LocalMerging(), 8),
        new(new ForwardToUse(), 6),
        new(new RegionCopy(), 6),
        new(new LocalPacking(), 4),
        new(new HeldValueSpill(), 4),
    ];
}
