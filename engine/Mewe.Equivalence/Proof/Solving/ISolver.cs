using System.Collections.Immutable;

namespace Mewe.Equivalence.Proof.Solving;

/// <summary>Decides whether a set of assertions over bit-vectors, arrays and uninterpreted functions can be met.</summary>
public interface ISolver
{
    /// <summary>
    /// Whether all assertions of a script can be true at once. The answer is a function of the two arguments alone: it depends neither on what was asked before, nor on time.
    /// </summary>
    /// <param name="script">Declarations, definitions and assertions in SMT-LIB 2.6; no <c>check-sat</c>, no options.</param>
    /// <param name="resourceLimit">How many of the solver's own counted steps it may take; above 0.</param>
    SolverAnswer Check(string script, uint resourceLimit);
}

/// <summary>What a solver says.</summary>
public abstract record SolverAnswer
{
    private SolverAnswer()
    {
    }

    /// <summary>No values make all assertions true.</summary>
    public sealed record Unsatisfiable : SolverAnswer
    {
        public static Unsatisfiable Instance { get; } = new();
    }

    /// <summary>These values make all assertions true.</summary>
    /// <param name="Values">Of each declared bit-vector constant of up to 128 bits with a plain name (not in bars).</param>
    public sealed record Satisfiable(ImmutableDictionary<string, UInt128> Values) : SolverAnswer;

    /// <summary>The solver gave up, or did not understand the script.</summary>
    public sealed record Undecided(string Reason) : SolverAnswer;
}
