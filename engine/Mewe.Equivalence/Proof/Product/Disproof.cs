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
internal sealed record Disproof(DisproofKind Kind, string Text);
