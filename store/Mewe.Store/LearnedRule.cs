namespace Mewe.Store;

/// <summary>A rewrite rule that synthesis found and a checker proved.</summary>
/// <param name="Text">The line, in the syntax of rule files.</param>
/// <param name="Width">32 or 64.</param>
/// <param name="HowProved">The method, in the checker's words.</param>
/// <param name="Origin">The expression, and perhaps the module, that it was found for.</param>
/// <param name="CheckerVersion">The version that proved it. Another version does not see it.</param>
public sealed record LearnedRule(string Text, int Width, string HowProved, string Origin, int CheckerVersion)
{
    public int Width { get; } = Width is 32 or 64 ? Width : throw new ArgumentOutOfRangeException(nameof(Width), Width, "32 or 64");
}

/// <summary>
/// Keeps rules from one job to the next. Which of them a job uses is part of what determines its bytes, so the order is that of the texts, whoever put them when.
/// Safe for any number of threads and processes.
/// </summary>
public interface ILearnedRuleStore
{
    /// <summary>All rules that a checker's version proved, in ordinal order of their texts.</summary>
    Task<StoreAnswer<IReadOnlyList<LearnedRule>>> GetLearnedRulesAsync(int checkerVersion, CancellationToken cancellation);

    /// <summary>Keeps rules, all or none of them. The first put of a text stays as it is.</summary>
    Task<StoreAnswer<PutCount>> PutLearnedRulesAsync(IReadOnlyCollection<LearnedRule> rules, CancellationToken cancellation);
}
