using System.Collections.Immutable;

namespace Mewe.Equivalence.Proof.Rules;

/// <summary>How a rule was proved, cheapest first.</summary>
public enum ProofMethod
{
    /// <summary>Both sides are linear mixed boolean-arithmetic over the variables with the same coefficients.</summary>
    LinearMixedArithmetic,
    /// <summary>Both sides have the same polynomial over conjunctions of atoms.</summary>
    Polynomial,
    /// <summary>The solver finds no counterexample.</summary>
    Solver,
    /// <summary>The solver finds no counterexample, whatever function unsigned division is.</summary>
    SolverWithAnyDivision,
    /// <summary>One of the others for each value that a constant can have; the solver shows that there is no other value.</summary>
    Cases,
}

/// <summary>What became of a proof.</summary>
public abstract record RuleProofResult
{
    private RuleProofResult()
    {
    }

    /// <summary>One sentence for people.</summary>
    public string Describe() => this switch
    {
        Proved proved => $"proved for all {proved.Width}-bit values: {proved.Detail}",
        Refuted refuted => $"wrong for {string.Join(", ", refuted.Values.OrderBy(static pair => pair.Key, StringComparer.Ordinal).Select(static pair => $"{pair.Key} = 0x{pair.Value:x}"))}",
        NotProved open => $"not proved: {open.Reason}",
        _ => "",
    };

    /// <summary>The rule holds for all values of its variables and all constants that its clauses accept.</summary>
    /// <param name="Width">The rule's width, 32 or 64.</param>
    /// <param name="Detail">One line for people.</param>
    public sealed record Proved(ProofMethod Method, int Width, string Detail) : RuleProofResult;

    /// <summary>The rule is wrong.</summary>
    /// <param name="Values">Variables and constants by their names in the rule, for which the two sides differ, or trap differently.</param>
    public sealed record Refuted(ImmutableDictionary<string, UInt128> Values) : RuleProofResult;

    /// <summary>Neither a proof nor a counterexample was found; the rule must not be used.</summary>
    public sealed record NotProved(string Reason) : RuleProofResult;
}
