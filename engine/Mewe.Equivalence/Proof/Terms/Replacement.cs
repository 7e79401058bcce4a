namespace Mewe.Equivalence.Proof.Terms;

/// <summary>Puts a term in the place of another, wherever it occurs, and everything around it in normal form again.</summary>
internal sealed class Replacement(TermGraph graph, Term from, Term to)
{
    private readonly Dictionary<Term, Term> known = new() { [from] = to };

    /// <summary>False where a part does not occur for certain: what is older cannot contain it, nor can what lacks one of its symbols.</summary>
    public static bool MayChange(Term term, Term part) =>
        term.Id >= part.Id && (term.Points & part.Points) == part.Points && (part.Width != 1 || term.HasCondition);

    /// <summary>The term with the part replaced; the term itself where it does not occur.</summary>
    public Term In(Term term)
    {
        if (!MayChange(term, from))
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
