using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Mewe.Equivalence;

/// <summary>What is known about whether a candidate is the same function as the original. See soundness.md for what "the same" means.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "verdict")]
[JsonDerivedType(typeof(Tested), "tested")]
[JsonDerivedType(typeof(Refuted), "refuted")]
[JsonDerivedType(typeof(Inconclusive), "inconclusive")]
[JsonDerivedType(typeof(Untestable), "untestable")]
public abstract record Verdict
{
    private protected Verdict()
    {
    }
}

/// <summary>What the runs of the original looked like that a <see cref="Tested"/> verdict rests on.</summary>
public enum TestedBasis
{
    /// <summary>Enough inputs ran to the end of the function.</summary>
    Completed,

    /// <summary>
    /// The original hardly ever reaches its end on any input that was tried, yet all of its branches were taken: functions that exit, abort or always trap.
    /// Calls out, memory and the trap itself were compared.
    /// </summary>
    TrapsOnly,
}

/// <summary>Equal to the original on every input that could be compared.</summary>
/// <param name="Inputs">Inputs that it was run on.</param>
/// <param name="Conclusive">Inputs on which both could be compared: neither the original's fuel nor the stack ran out.</param>
/// <param name="Completed">Conclusive inputs on which the original ran to its end.</param>
/// <param name="Trapped">Conclusive inputs on which it trapped, by itself or because a call out did.</param>
/// <param name="BranchCoverage">Share of the original's branch outcomes that the inputs reach, 0 to 1; 1 where there is no branch.</param>
public sealed record Tested(int Inputs, int Conclusive, int Completed, int Trapped, double BranchCoverage, TestedBasis Basis) : Verdict;

/// <summary>Different on an input.</summary>
public sealed record Refuted(Counterexample Counterexample) : Verdict;

/// <summary>Not refuted, and not enough evidence either. It must not be linked.</summary>
public sealed record Inconclusive(InconclusiveKind Kind, string Reason) : Verdict;

/// <summary>Why there is not enough evidence.</summary>
public enum InconclusiveKind
{
    /// <summary>The original ran out of fuel on too many inputs.</summary>
    NeverEnds,

    /// <summary>The original trapped on nearly all inputs, and not all of its branches were reached.</summary>
    AlwaysTraps,

    /// <summary>The inputs reach too few of the original's branch outcomes: see <see cref="TestOptions.MinimumBranchCoverage"/>.</summary>
    LowCoverage,

    /// <summary>The engine does not accept the candidate as a body of this function.</summary>
    InvalidCandidate,

    /// <summary>The engine itself failed.</summary>
    EngineFailed,
}

/// <summary>The harness cannot run this function; it says why.</summary>
public sealed record Untestable(string Reason) : Verdict;

/// <summary>What another engine says of candidates that passed.</summary>
/// <param name="Verdicts">One per candidate, in their order.</param>
/// <param name="Disagreements">Inputs on which the engines disagree about the original. That says nothing of the candidates.</param>
public sealed record EngineConfirmation(ImmutableArray<Verdict> Verdicts, int Disagreements);

/// <summary>The verdicts on all candidates of one function.</summary>
/// <param name="Function">Index in the function index space.</param>
/// <param name="Verdicts">One per candidate, in their order.</param>
/// <param name="Inputs">Inputs that were chosen.</param>
/// <param name="BranchesCovered">Branch outcomes of the original that the inputs reach.</param>
/// <param name="BranchesTotal">Branch outcomes of the original.</param>
/// <param name="Executions">Calls of subjects, those for choosing inputs included.</param>
public sealed record FunctionTestReport(
    uint Function, ImmutableArray<Verdict> Verdicts, int Inputs, int BranchesCovered, int BranchesTotal, long Executions)
{
    /// <summary>Share of the original's branch outcomes that the inputs reach.</summary>
    public double BranchCoverage => BranchesTotal == 0 ? 1 : (double)BranchesCovered / BranchesTotal;
}
