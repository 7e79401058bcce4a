
namespace Mewe.Equivalence.Proof.Terms;

/// <summary>Recognises zero- and sign-extended terms in a sum.</summary>
internal static class Extension
{
    /// <summary>
    /// The extended terms that a sum consists of but for its constant, each with its factor, 1 or -1; null where there is anything else, or more than two.
    /// </summary>
    public static List<(Term Atom, ulong Factor, bool Signed)>? Of(Term sum)
    {
        if (sum.Kind is not (TermKind.Sum or TermKind.Bits))
        {
            return null;
        }

        var found = new List<(Term, ulong, bool)>();
        var monomials = Monomial.Of(sum).ToArray();
        for (var i = 0; i < monomials.Length; i++)
        {
            if (found.Count == 2 || monomials[i].Factors.Length != 1 || monomials[i].Factors[0] is not { Kind: TermKind.Bits, Code: 0, Children: [var atom] } low || atom.Width >= sum.Width)
            {
                return null;
            }

            var factor = monomials[i].Coefficient;
            if (factor != 1 && factor != sum.Mask)
            {
                return null;
            }

            if (low.Value == atom.Mask)
            {
                found.Add((atom, factor, false));
                continue;
            }

            // Signed: the highest bit weighs -2^(n-1) instead of 2^(n-1).
            var sign = 1UL << (atom.Width - 1);
            if (low.Value != atom.Mask >> 1 || i + 1 == monomials.Length || monomials[i + 1].Factors is not [{ Kind: TermKind.Bits, Children: [var same] } high]
                || !ReferenceEquals(same, atom) || high.Value != sign)
            {
                return null;
            }

            var shift = high.Code + atom.Width - 1;
            var weight = (monomials[i + 1].Coefficient << shift) & sum.Mask;
            if (weight != ((0 - (factor * sign)) & sum.Mask))
            {
                return null;
            }

            found.Add((atom, factor, true));
            i++;
        }

        return found.Count == 0 ? null : found;
    }

    /// <summary>True where a value is the extension of its low bits.</summary>
    public static bool Fits(ulong value, int narrow, int wide, bool signed)
    {
        var low = value & Term.MaskOf(narrow);
        return value == (signed && low > Term.MaskOf(narrow) >> 1 ? low | (Term.MaskOf(wide) & ~Term.MaskOf(narrow)) : low);
    }
}
