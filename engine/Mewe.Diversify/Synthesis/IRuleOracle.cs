using System.Collections.Immutable;
using Mewe.Diversify.Rules;

namespace Mewe.Diversify.Synthesis;

/// <summary>What an oracle says about a rule.</summary>
public abstract record RuleAnswer
{
    /// <summary>It holds for all values.</summary>
    /// <param name="How">The method, for the store and for <c>mewe explain</c>.</param>
    public sealed record Proved(string How) : RuleAnswer;

    /// <summary>It does not.</summary>
    /// <param name="Values">A value for each variable, in order of first occurrence in the pattern, for which the sides differ.</param>
    public sealed record Refuted(ImmutableArray<ulong> Values) : RuleAnswer;

    /// <summary>Neither within the oracle's (counted) means.</summary>
    public sealed record Unknown(string Reason) : RuleAnswer;
}

/// <summary>
/// Decides whether a rule holds for all values. The engine's real one proves with a solver (Mewe.Equivalence); synthesis only asks. It must be deterministic: its answers decide which rules are
/// learned, and those decide bytes.
/// </summary>
public interface IRuleOracle
{
    /// <param name="rule">For one width, without named constants; <see cref="Rule.Source"/> is its line.</param>
    RuleAnswer Ask(Rule rule);
}
