using Mewe.Equivalence.Proof.Evaluation;
using Mewe.Equivalence.Proof.Terms;

namespace Mewe.Equivalence.Proof.Product;

/// <summary>Why two functions are not proved equal.</summary>
internal enum DisproofKind
{
    Different,
    Traps,
    Loops,
    Invariant,
    Fuel,
    Unsupported,
}

/// <summary>Why two functions are not proved equal; that does not mean that they differ.</summary>
internal sealed record Disproof(DisproofKind Kind, string Text);

/// <summary>Decides whether two terms have the same value wherever some facts hold.</summary>
internal sealed class Comparison
{
    public bool AreEqual(Term left, Term right, Facts facts) => ReferenceEquals(left, right) || (left.Width == right.Width && ReferenceEquals(facts.Apply(left), facts.Apply(right)));

    public Disproof Unequal(string what, Term left, Term right) => new(DisproofKind.Different, $"{what} could not be shown to be equal: {left} and {right}");
}
