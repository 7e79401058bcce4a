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

/// <summary>What was done to check one variant. The numbers are counts, so that the same check always writes the same bytes.</summary>
/// <param name="Inputs">Inputs on which original and variant were run and compared.</param>
/// <param name="Branches">Branch outcomes in the variant's code.</param>
/// <param name="BranchesCovered">Those of them that some input took.</param>
public sealed record Evidence(EvidenceKind Kind, uint Inputs, uint Branches, uint BranchesCovered)
{
    /// <summary>Of <see cref="Inputs"/>, those that ended without an answer that could be compared (out of fuel, out of stack).</summary>
    public uint Inconclusive { get; init; }
}

/// <summary>A checked variant, ready to be linked.</summary>
/// <param name="Transforms">Names of the transforms that made it, in the order in which they were applied.</param>
public sealed record LinkedVariant(VariantCode Code, ImmutableArray<string> Transforms, Evidence Evidence);

/// <summary>The variants of one function of the original module, which beside them stays a choice of its own.</summary>
/// <param name="Function">Index in the original module's function index space; not an import.</param>
public sealed record FunctionVariants(uint Function, ImmutableArray<LinkedVariant> Variants)
{
    /// <summary>Why there are fewer variants than were asked for; null where there are as many.</summary>
    public string? Reason { get; init; }
}
