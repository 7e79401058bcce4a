namespace Mewe.Equivalence;

/// <summary>How hard to test. Everything is counted; nothing depends on time.</summary>
public sealed record TestOptions
{
    /// <summary>Where all pseudorandom choices start.</summary>
    public ulong Seed { get; init; }

    /// <summary>Inputs that every candidate is run on.</summary>
    public int Inputs { get; init; } = 256;

    /// <summary>Inputs per round that the original is tried on to choose the <see cref="Inputs"/> from.</summary>
    public int Pool { get; init; } = 256;

    /// <summary>How often a round of inputs is tried at most; each round builds on what earlier rounds reached.</summary>
    public int Rounds { get; init; } = 32;

    /// <summary>Rounds in a row that reach nothing new end the search.</summary>
    public int IdleRounds { get; init; } = 4;

    /// <summary>Fuel of a run of the original: about one unit per loop iteration. Candidates get four times as much and 1,000.</summary>
    public int Fuel { get; init; } = 20_000;

    /// <summary>Fuel that all chosen inputs together should not exceed on the original; cheaper inputs are preferred to keep it.</summary>
    public long TotalFuel { get; init; } = 50_000;

    /// <summary>Candidates in one harness.</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>With fewer inputs on which the original runs to its end, <see cref="TestedBasis.Completed"/> is not claimed.</summary>
    public int MinimumCompleted { get; init; } = 16;

    /// <summary>
    /// With a smaller share of branch outcomes reached nothing is claimed at all. It is low on purpose: coverage says how much of the function was looked at, not whether
    /// the candidate's changes were, so it goes into the report for people to judge, and only what says next to nothing is refused (3 of 2,000 functions of real
    /// programs).
    /// </summary>
    public double MinimumBranchCoverage { get; init; } = 0.25;

    /// <summary>Pages that a memory has at most in the harness, for original and candidates alike.</summary>
    public int MaximumPages { get; init; } = 1024;

    /// <summary>Bytes of data segments that a harness carries at most; beyond it, the surroundings of the addresses that the function names.</summary>
    public int DataBudget { get; init; } = 256 * 1024;
}
