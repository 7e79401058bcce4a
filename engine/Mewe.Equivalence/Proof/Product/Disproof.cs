using Mewe.Equivalence.Proof.Evaluation;
using Mewe.Equivalence.Proof.Terms;

namespace Mewe.Equivalence.Proof.Product;

/// <summary>What kept a proof from being found.</summary>
internal enum DisproofKind
{
    /// <summary>Events, results or states that could not be shown to be equal.</summary>
    Different,

    /// <summary>Checks that may trap could not be matched.</summary>
    Traps,

    /// <summary>Loops of the two sides could not be matched.</summary>
    Loops,

    /// <summary>No invariant of a loop was found.</summary>
    Invariant,

    /// <summary>The counted work of a proof is done.</summary>
    Fuel,
}

/// <summary>Why two functions are not proved equal; that does not mean that they differ.</summary>
internal sealed record Disproof(DisproofKind Kind, string Text)
{
    /// <summary>Where an input that tells them apart might be looked for; null where the proof broke off without any.</summary>
    public Suspicion? Suspicion { get; init; }
}

/// <summary>A path on which two terms could not be shown to be equal; without terms, a path that one side alone seems to take.</summary>
internal sealed record Suspicion(Facts Facts, Term? Left, Term? Right);
