namespace Mewe.Equivalence.Proof.Terms;

/// <summary>Puts a term in the place of another, wherever it occurs, and everything around it in normal form again.</summary>
internal sealed class Replacement(TermGraph graph, Term from, Term to)
{
    private readonly Dictionary<Term, Term> known = new() { [from] = to };

    /// <summary>The term with the part replaced; the term itself where it does not occur.</summary>
    public Term In(Term term)
    {
        // What is older cannot contain it, nor can what lacks one of its symbols.
        if (term.Id < from.Id || (term.Points & from.Points) != from.Points || (from.Width == 1 && !term.HasCondition))
        {
            return term;
        }

        if (known.TryGetValue(term, out var replaced))
        {
            return replaced;
        }

        Term[]? changed = null;
        for (var i = 0; i < term.Children.Length; i++)
        {
            var child = In(term.Children[i]);
            if (!ReferenceEquals(child, term.Children[i]))
            {
                changed ??= [.. term.Children];
                changed[i] = child;
            }
        }

        var result = changed is null ? term : graph.Rebuild(term, changed);
        known[term] = result;
        return result;
    }
}
