namespace Mewe.Equivalence.Proof;

/// <summary>The outcome of an attempt to prove a variant equal to its original for all inputs and all memories.</summary>
public abstract record ProofResult
{
    private protected ProofResult()
    {
    }
}

/// <summary>Equal for all inputs and all memories.</summary>
/// <param name="Nodes">Pairs of program points that were compared.</param>
/// <param name="Questions">Questions that the solver had to answer, or had answered before.</param>
public sealed record ProvedEqual(int Nodes, int Questions) : ProofResult;

/// <summary>Not proved, which does not mean that it differs.</summary>
/// <param name="Category">A short name for statistics: unsupported, different, traps, loops, invariant or fuel.</param>
public sealed record NotProved(string Category, string Reason) : ProofResult
{
    /// <summary>Where the solver was asked and found values: what an engine should be tried on. Null where there is nothing to try.</summary>
    public ProposedInput? Proposal { get; init; }
}
