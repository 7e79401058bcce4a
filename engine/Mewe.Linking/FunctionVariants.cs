using System.Collections.Immutable;
using Mewe.Diversify;

namespace Mewe.Linking;

/// <summary>How a variant is known to be the same function as its original.</summary>
public enum EvidenceKind : byte
{
    /// <summary>Equal on a number of inputs, run on a real engine; none differed.</summary>
    Tested = 0,

    /// <summary>Equal for all inputs and all memories, by translation validation; tested as well.</summary>
    Proved = 1,
}

/// <summary>How reports and people call a kind of evidence.</summary>
public static class EvidenceWords
{
    public static string Word(this EvidenceKind kind) => kind switch
    {
        EvidenceKind.Proved => "proved",
        EvidenceKind.Tested => "tested",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "no such evidence"),
    };
}

/// <summary>What was done to check one variant. The numbers are counts, so that the same check always writes the same bytes.</summary>
/// <param name="Inputs">Inputs on which original and variant were run and compared.</param>
/// <param name="Branches">Branch outcomes in the variant's code.</param>
/// <param name="BranchesCovered">Those of them that some input took.</param>
public sealed record Evidence(EvidenceKind Kind, uint Inputs, uint Branches, uint BranchesCovered)
{
    /// <summary>Of <see cref="Inputs"/>, those that ended without an answer that could be compared (out of fuel, out of stack).</summary>
    public uint Inconclusive { get; init; }

    /// <summary>Why a tested variant is not proved, as the checker names the category; null for a proved one, or where no proof was attempted.</summary>
    public string? NotProved { get; init; }
}

/// <summary>A step from the original to a variant.</summary>
/// <param name="Transform">The transform, with the number of places: <c>commute*3</c>.</param>
/// <param name="Rules">The rules that the step rests on, <c>file/rule@width</c>, or <c>learned/</c> and the whole line; empty for a transform that is no collection of rules.</param>
public sealed record VariantStep(string Transform, ImmutableArray<string> Rules)
{
    /// <summary>A step that names no rules.</summary>
    public static implicit operator VariantStep(string transform) => new(transform, []);

    /// <summary>What the generator says that it did.</summary>
    public static VariantStep Of(AppliedTransform applied) => new(applied.ToString(), applied.Rules);

    public bool Equals(VariantStep? other) => other is not null && Transform == other.Transform && Rules.AsSpan().SequenceEqual(other.Rules.AsSpan());

    public override int GetHashCode() => HashCode.Combine(Transform, Rules.Length);
}

/// <summary>A checked variant, ready to be linked.</summary>
/// <param name="Steps">What made it of the original, in the order in which it was done.</param>
public sealed record LinkedVariant(VariantCode Code, ImmutableArray<VariantStep> Steps, Evidence Evidence)
{
    /// <summary>The steps without their rules.</summary>
    public ImmutableArray<string> Transforms => [.. Steps.Select(step => step.Transform)];
}

/// <summary>The variants of one function of the original module, which beside them stays a choice of its own.</summary>
/// <param name="Function">Index in the original module's function index space; not an import.</param>
public sealed record FunctionVariants(uint Function, ImmutableArray<LinkedVariant> Variants)
{
    /// <summary>Why there are fewer variants than were asked for; null where there are as many.</summary>
    public string? Reason { get; init; }

    /// <summary>
    /// What its calls get under <see cref="DispatchPolicy.Auto"/>; null for a fresh choice on every call. The other policies say when to choose for all functions alike and take only the
    /// <see cref="FunctionDispatch.Form"/> from here, and those that keep choices also <see cref="FunctionDispatch.Bound"/>.
    /// </summary>
    public FunctionDispatch? Dispatch { get; init; }

    /// <summary>
    /// Functions of the original module that are small and called often from here: direct calls to them have one of their bodies in their place (<see cref="Mewe.Linking.Dispatch.InlinedCalls"/>), so the
    /// choice that is made for this function is made for these calls as well. One without variants, or that cannot be inlined, is called as before.
    /// </summary>
    public ImmutableArray<uint> Inlines { get; init; } = [];
}
