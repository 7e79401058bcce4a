namespace Mewe.Equivalence.Proof.Terms;

/// <summary>
/// Finds out whether a sum is a bitwise function, as x + y - 2 (x &amp; y) is: it is evaluated at all-zero and all-one inputs, which gives the only function that it can be, and
/// is that function exactly when both have the same normal form (Zhou et al. 2007; MBA-Blast 2021). Which inputs it is a function of is guessed: a wrong guess finds nothing.
/// </summary>
internal sealed class SumForm(TermGraph graph, Term sum)
{
    private readonly record struct Summand(ulong Coefficient, Term[] Atoms, int[] Shifts, ulong Mask, int Exponent);

    /// <summary>The form, or null.</summary>
    public BitForm? Find()
    {
        if (Summands(sum) is not { } summands)
        {
            return null;
        }

        if (Disjoint(summands) is { } disjoint)
        {
            return disjoint;
        }

        if (Evaluate(summands) is { } form)
        {
            return form;
        }

        // A sum that is an input of a conjunction was written out where it stood alone: x + 1 in (x + 1) + y - 2 ((x + 1) & y).
        var inner = summands.SelectMany(summand => summand.Atoms).Where(atom => atom.Kind == TermKind.Sum && atom.Width == sum.Width).Distinct().ToArray();
        if (inner.Length is 0 or > 2)
        {
            return null;
        }

        ulong[] factors = [1, ulong.MaxValue, 0];
        foreach (var first in factors)
        {
            foreach (var second in inner.Length == 2 ? factors : [0])
            {
                if ((first != 0 || second != 0) && WithInputs(inner, [first, second]) is { } found)
                {
                    return found;
                }
            }
        }

        return null;
    }

    private BitForm? WithInputs(Term[] inner, ulong[] factors)
    {
        var rest = new SumBuilder(graph, sum.Width);
        rest.Add(1, sum);
        for (var i = 0; i < inner.Length; i++)
        {
            rest.Add(0 - factors[i], inner[i]);
        }

        var remainder = rest.Finish();
        if (Summands(remainder) is not { } summands)
        {
            return null;
        }

        for (var i = 0; i < inner.Length; i++)
        {
            if (factors[i] != 0)
            {
                summands.Add(new Summand(factors[i] & sum.Mask, [inner[i]], [0], inner[i].Mask, 0));
            }
        }

        return Evaluate(summands, remainder.Kind == TermKind.Sum ? remainder.Numbers[0] : remainder.IsConstant ? remainder.Value : 0);
    }

    private static List<Summand>? Summands(Term term)
    {
        var summands = new List<Summand>();
        if (term.IsConstant)
        {
            return summands;
        }

        foreach (var monomial in Monomial.Of(term))
        {
            if (monomial.Factors.Length != 1)
            {
                return null;
            }

            var factor = monomial.Factors[0];
            summands.Add(factor.Kind == TermKind.Bits
                ? new Summand(monomial.Coefficient, factor.Children, [.. factor.Numbers.Select(shift => (int)shift)], factor.Value, factor.Code)
                : new Summand(monomial.Coefficient, [factor], [0], factor.Mask, 0));
        }

        return summands;
    }

    /// <summary>Bits that are only placed side by side.</summary>
    private BitForm? Disjoint(List<Summand> summands)
    {
        var used = sum.Numbers[0];
        var parts = new List<BitPart>();
        foreach (var summand in summands)
        {
            var part = TermGraph.FormPart(summand.Atoms, [.. summand.Shifts.Select(shift => (ulong)shift)], summand.Mask, summand.Exponent);
            if (summand.Coefficient != 1 || (used & part.Mask) != 0)
            {
                return null;
            }

            used |= part.Mask;
            parts.Add(part);
        }

        return BitForm.Of(sum.Numbers[0], parts);
    }

    private BitForm? Evaluate(List<Summand> summands) => Evaluate(summands, sum.Numbers[0]);

    private BitForm? Evaluate(List<Summand> summands, ulong constant)
    {
        if (Alignment(summands) is not { } aligned)
        {
            return null;
        }

        var order = aligned.Select(pair => new BitInput(pair.Key, pair.Value)).ToArray();
        Array.Sort(order);
        var values = new ulong[1 << order.Length];
        Array.Fill(values, constant);
        foreach (var summand in summands)
        {
            // Bit j of the first atom stands at position i = j - shift of the result.
            var shift = aligned[summand.Atoms[0]] - summand.Shifts[0];
            var power = shift + summand.Exponent;
            if (power is < 0 or > 63)
            {
                return null;
            }

            var mask = shift >= 0 ? summand.Mask >> shift : summand.Mask << -shift;
            var subset = 0;
            foreach (var atom in summand.Atoms)
            {
                subset |= 1 << Array.FindIndex(order, input => ReferenceEquals(input.Atom, atom));
            }

            for (var assignment = 0; assignment < values.Length; assignment++)
            {
                values[assignment] += (assignment & subset) == subset ? (summand.Coefficient << power) * mask : 0;
            }
        }

        // The exclusive-or Möbius transform, on all bit positions at once.
        for (var step = 1; step < values.Length; step <<= 1)
        {
            for (var assignment = 0; assignment < values.Length; assignment++)
            {
                values[assignment] ^= (assignment & step) != 0 ? values[assignment ^ step] : 0;
            }
        }

        var parts = new List<BitPart>();
        for (var subset = 1; subset < values.Length; subset++)
        {
            if ((values[subset] & sum.Mask) != 0)
            {
                parts.Add(new BitPart([.. order.Where((_, i) => (subset >> i & 1) != 0)], values[subset] & sum.Mask));
            }
        }

        var form = BitForm.Of(values[0] & sum.Mask, parts);
        return ReferenceEquals(graph.FromForm(form, sum.Width), sum) ? form : null;
    }

    /// <summary>By how much each atom is shifted: as where it stands alone, or else as its neighbours in a conjunction say. Null for none, or too many atoms.</summary>
    private static Dictionary<Term, int>? Alignment(List<Summand> summands)
    {
        var aligned = new Dictionary<Term, int>();
        foreach (var summand in summands)
        {
            if (summand.Atoms.Length == 1 && !aligned.TryAdd(summand.Atoms[0], -summand.Exponent))
            {
                aligned[summand.Atoms[0]] = Math.Max(aligned[summand.Atoms[0]], -summand.Exponent);
            }
        }

        foreach (var summand in summands)
        {
            var known = Array.FindIndex(summand.Atoms, aligned.ContainsKey);
            var offset = known < 0 ? 0 : aligned[summand.Atoms[known]] - summand.Shifts[known];
            for (var i = 0; i < summand.Atoms.Length; i++)
            {
                if (aligned.GetValueOrDefault(summand.Atoms[i], offset + summand.Shifts[i]) != offset + summand.Shifts[i])
                {
                    return null;
                }

                aligned[summand.Atoms[i]] = offset + summand.Shifts[i];
            }
        }

        return aligned.Count > TermGraph.MostInputs ? null : aligned;
    }
}
