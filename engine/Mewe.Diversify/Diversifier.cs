using System.Collections.Immutable;
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

    /// <summary>A stream of distinct candidates, none equal to the original, made only as they are asked for.</summary>
    public CandidateStream Propose(FunctionInput function, DiversifyOptions options) => new(this, function, options);
}
