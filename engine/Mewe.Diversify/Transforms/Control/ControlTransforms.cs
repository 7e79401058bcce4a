using System.Collections.Immutable;

namespace Mewe.Diversify.Transforms.Control;

/// <summary>The transforms of control flow with their weights.</summary>
public static class ControlTransforms
{
    public static ImmutableArray<WeightedTransform> All { get; } =
    [
        new(new BlockNesting(), 4),
        new(new IfInversion(), 10),
        new(new BrIfInversion(), 8),
        new(new IfToBranches(), 8),
        new(new BranchesToIf(), 8),
        new(new SelectToIf(), 12),
        new(new IfToSelect(), 12),
        new(new BrTableToTree(), 12),
        new(new BranchesToTable(), 8),
        new(new ReturnToBranch(), 3),
        new(new BlockSplitting(), 3),
        new(new TailDuplication(), 10),
        new(new ArmDuplication(), 8),
        new(new OpaqueInsertion(), 12),
        new(new StatementReordering(), 10),
        new(new LoopPeeling(), 6),
        new(new LoopUnrolling(), 6),
        new(new LoopRotation(), 8),
        new(new Flattening(), 3),
        new(new Outlining(), 5),
        new(new Padding(), 1),
    ];
}
