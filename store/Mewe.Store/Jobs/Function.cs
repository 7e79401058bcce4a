namespace Mewe.Store;

/// <summary>A function that a plan hands over.</summary>
/// <param name="Index">In the module; names the function within its job.</param>
/// <param name="Cost">An estimate in any unit, not negative; the dearest of a job are claimed first, so that nobody waits for one at the end.</param>
public sealed record NewFunction(int Index, string Name, long Cost)
{
    public int Index { get; } = Index >= 0 ? Index : throw new ArgumentOutOfRangeException(nameof(Index), Index, "negative");

    public string Name { get; } = StoredText.Of(Name);

    public long Cost { get; } = Cost >= 0 ? Cost : throw new ArgumentOutOfRangeException(nameof(Cost), Cost, "negative");
}

/// <summary>What work on a function found.</summary>
/// <param name="Content">Everything that linking needs, in the words of who worked on it. The store does not look into it.</param>
/// <param name="Variants">What people query; ordinals are distinct.</param>
public sealed record FunctionResult(ReadOnlyMemory<byte> Content, IReadOnlyList<NewVariant> Variants, CandidateTally Candidates);

/// <summary>A function of a job as it stands.</summary>
/// <param name="Attempt">How often it was claimed.</param>
/// <param name="Failures">How often it failed.</param>
/// <param name="Silo">Who works on it, or did last.</param>
/// <param name="NotBefore">When it may be tried again, after a failure.</param>
/// <param name="Variants">Its variant rows; 0 until it is done.</param>
public sealed record FunctionRecord(
    int Index, string Name, long Cost, FunctionState State, int Attempt, int Failures, string? Silo, DateTimeOffset? StartedAt, DateTimeOffset? FinishedAt, DateTimeOffset? NotBefore, WorkError? Error,
    int Variants, CandidateTally Candidates);

/// <summary>How a function of a job ended, for linking: its content where it is done, its error where it failed.</summary>
public sealed record FinishedFunction(int Index, string Name, FunctionState State, ReadOnlyMemory<byte> Content, WorkError? Error);

/// <summary>Which functions of a job to list, in order of their indices.</summary>
/// <param name="After">The last index of the page before; null for the first page.</param>
public sealed record FunctionQuery(int Limit = JobLimits.Page, int? After = null)
{
    public FunctionState? State { get; init; }

    public int Limit { get; } = JobLimits.CheckPage(Limit);
}
