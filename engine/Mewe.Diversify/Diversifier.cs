using System.Collections.Immutable;
using Mewe.Diversify.Synthesis;
using Mewe.Diversify.Transforms;

namespace Mewe.Diversify;

/// <summary>A transform and how often it is chosen, relative to the others.</summary>
public sealed record WeightedTransform(ITransform Transform, int Weight);

/// <summary>
/// Proposes candidates for one function at a time. Stateless and thread-safe: what it proposes is a function of the function, its module's bytes, the options and
/// the list of transforms.
/// </summary>
public sealed class Diversifier(ImmutableArray<WeightedTransform> transforms)
{
    /// <summary>With every transform that there is.</summary>
    public static Diversifier Default { get; } = new(TransformCatalog.All);

    public ImmutableArray<WeightedTransform> Transforms { get; } = transforms;

    /// <summary>With every transform and rules that were learned; they are part of what determines the candidates.</summary>
    public static Diversifier With(LearnedRules learned) => learned.Lines.IsEmpty ? Default : new Diversifier(TransformCatalog.With(learned)) { Learned = learned };

    /// <summary>The rules beyond the rule files; <see cref="LearnedRules.Hash"/> belongs into whatever names the inputs of a result.</summary>
    public LearnedRules Learned { get; private init; } = LearnedRules.None;

    /// <summary>A stream of distinct candidates, none equal to the original, made only as they are asked for.</summary>
    public CandidateStream Propose(FunctionInput function, DiversifyOptions options) => new(this, function, options);
}
