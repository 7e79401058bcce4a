using System.Collections.Immutable;
using Mewe.Diversify.Rules;
using Mewe.Diversify.Transforms.Arithmetic;
using Mewe.Diversify.Transforms.Control;
using Mewe.Diversify.Transforms.Locals;
using Mewe.Diversify.Transforms.Memory;

namespace Mewe.Diversify;

/// <summary>
/// Every transform with its weight. What optimising compilers leave alone weighs more (measured: TurboFan folds commuted operands and chained constants, Cranelift the textbook
/// identities; neither sees through longer linear expressions over values at hand).
/// </summary>
public static class TransformCatalog
{
    public static ImmutableArray<WeightedTransform> All { get; } =
    [
        new(RuleTransform.Load("commute"), 4),
        new(RuleTransform.Load("reassociate"), 4),
        new(RuleTransform.Load("mba"), 8),
        new(RuleTransform.Load("blind"), 6),
        new(RuleTransform.Load("strength"), 4),
        new(RuleTransform.Load("compare"), 8),
        new(RuleTransform.Load("shift"), 6),
        new(RuleTransform.Load("extend"), 8),
        new(RuleTransform.Load("select"), 5),
        new(RuleTransform.Load("float-bits"), 3),
        new(RuleTransform.Load("vector"), 4),
        new(new LinearMbaTransform(), 12),
        new(new IdentityMbaTransform(), 12),
        new(new OpaqueConstantTransform(), 8),
        new(new ConstantSplitTransform(), 3),
        new(new OpaqueSelectTransform(), 6),
        new(new OpaqueBranchTransform(), 8),
        new(new ConditionFormTransform(), 6),
        new(new FloatDetourTransform(), 4),
        new(new LoadFormTransform(), 6),
        new(new StoreFormTransform(), 6),
        new(new LoadSplitTransform(), 4),
        new(new AddressTransform(), 3),
        .. ControlTransforms.All,
        .. LocalsTransforms.All,
    ];
}
