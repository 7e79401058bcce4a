namespace Mewe.Equivalence.Proof.Terms;

/// <summary>A constant times a product of factors; see <see cref="TermKind.Sum"/>.</summary>
internal readonly record struct Monomial(ulong Coefficient, ReadOnlyMemory<Term> Product)
{
    public ReadOnlySpan<Term> Factors => Product.Span;

    /// <summary>The monomials of a sum; of any other term that is no constant, the term itself once.</summary>
    public static IEnumerable<Monomial> Of(Term term)
    {
        if (term.Kind != TermKind.Sum)
        {
            yield return new Monomial(1, new[] { term });
            yield break;
        }

        var start = 0;
        for (var i = 1; i < term.Numbers.Length; i += 2)
        {
            var degree = (int)term.Numbers[i + 1];
            yield return new Monomial(term.Numbers[i], term.Children.AsMemory(start, degree));
            start += degree;
        }
    }
}
