using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Mewe.Diversify.Rules;

namespace Mewe.Diversify.Synthesis;

/// <summary>
/// Rules beyond the rule files, as lines in their syntax. They are part of what determines a job's bytes: the order is stable whatever order they came in, and <see cref="Hash"/> names the set.
/// </summary>
public sealed class LearnedRules
{
    private LearnedRules(ImmutableArray<string> lines, ImmutableArray<Rule> rules)
    {
        (Lines, Rules) = (lines, rules);
        Hash = lines.IsEmpty ? "" : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', lines))));
    }

    public static LearnedRules None { get; } = new([], []);

    /// <summary>Distinct, in ordinal order.</summary>
    public ImmutableArray<string> Lines { get; }

    /// <summary>In the order of <see cref="Lines"/>.</summary>
    public ImmutableArray<Rule> Rules { get; }

    /// <summary>SHA-256 of the lines, in hex; empty for none.</summary>
    public string Hash { get; }

    /// <summary>The rules of some lines, in any order.</summary>
    /// <exception cref="FormatException">With the line that is no rule.</exception>
    public static LearnedRules Of(IEnumerable<string> lines)
    {
        ImmutableArray<string> ordered = [.. lines.Select(line => line.Trim()).Where(line => line.Length > 0).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        return ordered.IsEmpty ? None : new LearnedRules(ordered, [.. ordered.SelectMany(RuleParser.Parse)]);
    }
}
