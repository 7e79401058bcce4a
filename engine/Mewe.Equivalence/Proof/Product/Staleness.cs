using Mewe.Equivalence.Proof.Terms;

namespace Mewe.Equivalence.Proof.Product;

/// <summary>
/// Symbols stand for the latest visit of the program point that defines them: a state must not keep those of an earlier one. Looks for the symbols of one point.
/// </summary>
internal sealed class Staleness(int point)
{
    private readonly HashSet<Term> clean = [];

    /// <summary>True where the term has a symbol of the point.</summary>
    public bool IsIn(Term term)
    {
        if ((term.Points & (1UL << (point & 63))) == 0)
        {
            return false;
        }

        if (term.Kind == TermKind.Symbol)
        {
            return term.Code == point;
        }

        if (clean.Contains(term))
        {
            return false;
        }

        foreach (var child in term.Children)
        {
            if (IsIn(child))
            {
                return true;
            }
        }

        clean.Add(term);
        return false;
    }
}
