using System.Collections.Immutable;
using Mewe.Diversify.Rules;
using Mewe.Diversify.Synthesis;
using Mewe.Diversify.Terms;
using Mewe.Diversify.Transforms.Arithmetic;
using Mewe.Diversify.Transforms.Control;
using Mewe.Diversify.Transforms.Locals;
using Mewe.Diversify.Transforms.Memory;

namespace Mewe.Diversify;

/// <summary>
/// Every transform with its weight: what an optimising compiler leaves alone weighs more. Measured in V8 14.6 (TurboFan) on the encrypt service, each transform alone, share of variants whose machine
/// code differs from the original's: linear MBA, extensions, opaque choices, split loads, reassociation over 95 %; comparisons, blinding, opaque constants, conditions 84 to 88 %; shifts 73 %;
/// other forms of loads and stores 48 %, commuting 45 %, strength 33 %, split constants 18 %. Compositions: 98 %.
/// </summary>
public static class TransformCatalog
{
    /// <summary>The file that learned rules count as.</summary>
    public const string LearnedFile = "learned";

    private const int EGraphWeight = 10, LearnedWeight = 5;

    private static readonly ImmutableArray<WeightedTransform> Files =
    [
        new(RuleTransform.Load("commute"), 3),
        new(RuleTransform.Load("reassociate"), 5),
        new(RuleTransform.Load("mba"), 9),
        new(RuleTransform.Load("polynomial"), 7),
        new(RuleTransform.Load("ternary"), 6),
        new(RuleTransform.Load("blind"), 5),
        new(RuleTransform.Load("blinded"), 14),
        new(RuleTransform.Load("strength"), 2),
        new(RuleTransform.Load("compare"), 8),
        new(RuleTransform.Load("shift"), 5),
        new(RuleTransform.Load("extend"), 9),
        new(RuleTransform.Load("select"), 6),
        new(RuleTransform.Load("float-bits"), 3),
        new(RuleTransform.Load("vector"), 4),
    ];

    private static readonly ImmutableArray<WeightedTransform> Others =
    [
        new(new LinearMbaTransform(), 12),
        new(new IdentityMbaTransform(), 12),
        new(new OpaqueConstantTransform(), 8),
        new(new ConstantSplitTransform(), 2),
        new(new BlindedConstantTransform(), 8),
        new(new OpaqueSelectTransform(), 6),
        new(new OpaqueBranchTransform(), 8),
        new(new ConditionFormTransform(), 6),
        new(new FloatDetourTransform(), 4),
        new(new LoadFormTransform(), 4),
        new(new StoreFormTransform(), 4),
        new(new LoadSplitTransform(), 6),
        new(new AddressTransform(), 3),
        .. ControlTransforms.All,
        .. LocalsTransforms.All,
    ];

    /// <summary>The rule files with their names, in the order that is part of what determines candidates.</summary>
    public static ImmutableArray<(string File, ImmutableArray<Rule> Rules)> RuleFiles { get; } =
        [.. Files.Select(item => (RuleTransform)item.Transform).Select(file => (file.Name, file.Rules))];

    public static ImmutableArray<WeightedTransform> All { get; } = With(LearnedRules.None);

    /// <summary>All transforms, with rules that were learned as one more file.</summary>
    public static ImmutableArray<WeightedTransform> With(LearnedRules learned)
    {
        if (learned.Rules.IsEmpty)
        {
            return [.. Files, new(new EGraphTransform(new RewriteSet(RuleFiles)), EGraphWeight), .. Others];
        }

        return
        [
            .. Files,
            new(new RuleTransform(LearnedFile, learned.Rules), LearnedWeight),
            new(new EGraphTransform(new RewriteSet([.. RuleFiles, (LearnedFile, learned.Rules)])), EGraphWeight),
            .. Others,
        ];
    }
}
