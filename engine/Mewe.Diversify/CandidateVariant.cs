using System.Collections.Immutable;

namespace Mewe.Diversify;

/// <summary>A transform that was applied, and at how many places.</summary>
public readonly record struct AppliedTransform(string Name, int Sites)
{
    private readonly ImmutableArray<string> rules;

    /// <summary>
    /// The rules that the step rests on, <c>file/rule@width</c>, in order of first use; some may be read from right to left. Empty for a transform that is no collection of rules.
    /// </summary>
    public ImmutableArray<string> Rules
    {
        get => rules.IsDefault ? [] : rules;
        init => rules = value;
    }

    public bool Equals(AppliedTransform other) => Name == other.Name && Sites == other.Sites && Rules.AsSpan().SequenceEqual(other.Rules.AsSpan());

    public override int GetHashCode() => HashCode.Combine(Name, Sites, Rules.Length);

    public override string ToString() => $"{Name}*{Sites}";
}

/// <summary>A proposed version of a function. Nothing has tested it yet.</summary>
/// <param name="Steps">The transforms in the order they were applied.</param>
/// <param name="Cost">Estimated cost of a run, by <see cref="CostModel"/>.</param>
/// <param name="Hash">Of the code; equal code has equal hashes, and so have blinded bodies that step the blind word differently and are equal otherwise.</param>
public sealed record CandidateVariant(VariantCode Code, ImmutableArray<AppliedTransform> Steps, long Cost, UInt128 Hash);

/// <summary>Why no more candidates are proposed for a function.</summary>
public enum StopKind
{
    /// <summary>As many as asked for.</summary>
    EnoughCandidates,
    /// <summary>The work allowed for the function is done.</summary>
    FuelSpent,
    /// <summary>No transform has a site in the function.</summary>
    NoSites,
    /// <summary>Further attempts gave only what was there already, or nothing within the cost budget.</summary>
    Exhausted,
    /// <summary>The function has something that the rewriter does not understand; see the text.</summary>
    Unsupported,
}

/// <summary>Why the stream ended, with a text for the report.</summary>
public sealed record StopReason(StopKind Kind, string Text);

/// <summary>A candidate that does not validate: a bug of one of its transforms. It is never handed out.</summary>
public sealed record InvalidCandidate(CandidateVariant Candidate, string Error);
