namespace Mewe.Diversify;

/// <summary>What decides, beside the function and the seed, which candidates are proposed. Every bound is counted, never timed.</summary>
public sealed record DiversifyOptions
{
    /// <summary>The user's seed.</summary>
    public ulong Seed { get; init; }

    /// <summary>Enough candidates: the stream ends behind this many.</summary>
    public int MaxCandidates { get; init; } = 256;

    /// <summary>Work per function, in instructions walked over; the stream ends when it is spent.</summary>
    public long Fuel { get; init; } = 200_000_000;

    /// <summary>Attempts in a row that gave nothing new before the function counts as exhausted.</summary>
    public int MaxBarrenAttempts { get; init; } = 200;

    /// <summary>Fewest and most transforms composed in a candidate.</summary>
    public int MinSteps { get; init; } = 2;

    /// <inheritdoc cref="MinSteps"/>
    public int MaxSteps { get; init; } = 8;

    /// <summary>A candidate's estimated cost (<see cref="CostModel"/>, weighted by loop depth) is at most this times the original's, plus <see cref="GrowthAllowance"/>.</summary>
    public double MaxGrowth { get; init; } = 1.6;

    /// <summary>So that tiny functions can be diversified too; in the units of <see cref="CostModel"/>.</summary>
    public long GrowthAllowance { get; init; } = 120;

    /// <summary>A candidate has at most this times the original's instructions, plus <see cref="SizeAllowance"/>.</summary>
    public double MaxSizeGrowth { get; init; } = 3.0;

    /// <summary>So that tiny functions can be diversified too; in instructions.</summary>
    public int SizeAllowance { get; init; } = 64;

    /// <summary>The same for a function in which much of the time is spent, as far as is known: candidates that are little longer than it.</summary>
    public DiversifyOptions Lean => this with { MaxGrowth = 1.4, GrowthAllowance = 24, MaxSizeGrowth = 1.5, SizeAllowance = 4 };

    /// <summary>Bodies with more instructions are left alone, and the report says so.</summary>
    public int MaxInstructions { get; init; } = 400_000;

    /// <summary>Transforms that must not be used, by name.</summary>
    public IReadOnlySet<string> Disabled { get; init; } = new HashSet<string>();
}
