using System.Numerics;

namespace Mewe.Equivalence.Proof.Terms;

/// <summary>
/// Collects a polynomial modulo 2^w and gives its normal form. Of degree one, the form is unique: a sum of weighed conjunctions of bits is zero for all bits exactly when all
/// weights are (by Möbius inversion; the theorem on linear mixed boolean-arithmetic of Zhou et al. 2007 follows from it). Of higher degree it is only the obvious one.
/// </summary>
internal sealed class SumBuilder(TermGraph graph, int width)
{
    private readonly ulong mask = Term.MaskOf(width);
    private readonly List<Part> parts = [];
    private readonly List<(ulong Coefficient, Term[] Factors)> products = [];
    private ulong constant;

    /// <summary>The sum over the bits j of Mask of Coefficient * 2^(j + Exponent) where bit j + Shifts[k] of all atoms k is 1; Shifts[0] is zero.</summary>
    private record struct Part(ulong Coefficient, Term[] Atoms, ulong[] Shifts, ulong Mask, int Exponent);

    public void AddConstant(ulong value) => constant += value;

    /// <summary>Adds a multiple of a term, read as an unsigned number of its own width.</summary>
    public void Add(ulong coefficient, Term term)
    {
        coefficient &= mask;
        if (coefficient == 0)
        {
            return;
        }

        switch (term.Kind)
        {
            case TermKind.Constant:
                constant += coefficient * term.Value;
                break;
            case TermKind.Sum when term.Width >= width || graph.Highest(term) <= term.Mask:
                AddSum(coefficient, term);
                break;
            case TermKind.Sum when term.Width < width && graph.FormOf(term) is { } form:
                Add(coefficient, graph.FromForm(form, width));
                break;
            case TermKind.Bits:
                AddPart(coefficient, term.Children, term.Numbers, term.Value, term.Code);
                break;
            default:
                AddPart(coefficient, [term], [0], term.Mask, 0);
                break;
        }
    }

    private void AddSum(ulong coefficient, Term sum)
    {
        constant += coefficient * sum.Numbers[0];
        var start = 0;
        for (var i = 1; i < sum.Numbers.Length; i += 2)
        {
            var degree = (int)sum.Numbers[i + 1];
            if (degree == 1)
            {
                Add(coefficient * sum.Numbers[i], sum.Children[start]);
            }
            else
            {
                AddProduct(coefficient * sum.Numbers[i], sum.Children.AsSpan(start, degree));
            }

            start += degree;
        }
    }

    /// <summary>Adds a multiple of a product of factors of a sum; each is read modulo 2^w.</summary>
    public void AddProduct(ulong coefficient, ReadOnlySpan<Term> factors)
    {
        if (factors.Length == 1)
        {
            Add(coefficient, factors[0]);
            return;
        }

        if (width == 1)
        {
            // Modulo 2 a product is a conjunction, and the square of a bit the bit.
            var conjunction = graph.Truncate(factors[0], 1);
            foreach (var factor in factors[1..])
            {
                conjunction = graph.And(conjunction, graph.Truncate(factor, 1));
            }

            Add(coefficient, conjunction);
            return;
        }

        coefficient &= mask;
        if (coefficient == 0)
        {
            return;
        }

        // What is multiplied by 2^t counts modulo 2^(w - t) only.
        var modulus = width - BitOperations.TrailingZeroCount(coefficient);
        if (modulus == 1)
        {
            var bit = new SumBuilder(graph, 1);
            bit.AddProduct(1, factors);
            Add(coefficient, bit.Finish());
            return;
        }

        var resized = new Term[factors.Length];
        for (var i = 0; i < factors.Length; i++)
        {
            var factor = factors[i];
            if (factor.Kind != TermKind.Bits)
            {
                resized[i] = graph.BitsOf(width, [factor], [0], factor.Mask & Term.MaskOf(modulus), 0);
                continue;
            }

            // A positive exponent is a factor of its own.
            var lost = Math.Max(factor.Code, 0);
            coefficient = lost >= 64 ? 0 : coefficient << lost;
            var kept = factor.Value & Term.MaskOf(Math.Min(modulus - Math.Min(factor.Code, 0), 64));
            resized[i] = graph.BitsOf(width, factor.Children, factor.Numbers, kept, Math.Min(factor.Code, 0));
        }

        coefficient &= mask;
        if (coefficient != 0 && width - BitOperations.TrailingZeroCount(coefficient) < modulus)
        {
            AddProduct(coefficient, resized);
            return;
        }

        if (coefficient != 0 && !resized.Any(static factor => factor.IsZero))
        {
            Array.Sort(resized, static (left, right) => left.Id.CompareTo(right.Id));
            products.Add((coefficient, resized));
        }
    }

    /// <summary>Adds weighed bits; see <see cref="TermKind.Bits"/>.</summary>
    /// <param name="isCut">True where sums among the atoms have been cut to the bits that are used, as far as that goes.</param>
    public void AddPart(ulong coefficient, Term[] atoms, ulong[] shifts, ulong bits, int exponent, bool isCut = false)
    {
        coefficient &= mask;
        if (coefficient == 0)
        {
            return;
        }

        // Bits whose weight is zero modulo 2^w.
        var top = width - exponent - BitOperations.TrailingZeroCount(coefficient);
        bits &= top <= 0 ? 0 : Term.MaskOf(Math.Min(top, 64));
        if (bits == 0)
        {
            return;
        }

        if (atoms.Length == 1 && atoms[0] is { Kind: TermKind.Sum } sum && exponent >= 0 && AddBitsOfSum(coefficient << exponent, sum, bits, Math.Min(top, 64)))
        {
            return;
        }

        if (atoms.Length > 1 && Array.Exists(atoms, static atom => atom.Kind == TermKind.Sum) && AddConjunctionOfSums(coefficient, atoms, shifts, bits, exponent, top, isCut))
        {
            return;
        }

        parts.Add(new Part(coefficient, atoms, shifts, bits, exponent));
    }

    private void AddCut(ulong coefficient, Term term)
    {
        if (term.IsConstant)
        {
            constant += coefficient * term.Value;
            return;
        }

        constant += term.Kind == TermKind.Sum ? coefficient * term.Numbers[0] : 0;
        foreach (var monomial in Monomial.Of(term))
        {
            if (monomial.Factors is [{ Kind: TermKind.Bits } bits])
            {
                AddPart(coefficient * monomial.Coefficient, bits.Children, bits.Numbers, bits.Value, bits.Code, isCut: true);
            }
            else
            {
                AddProduct(coefficient * monomial.Coefficient, monomial.Factors);
            }
        }
    }

    /// <summary>The same for sums in conjunctions: they are cut to the bits that are used, and a mask with holes becomes one without, less the holes.</summary>
    private bool AddConjunctionOfSums(ulong coefficient, Term[] atoms, ulong[] shifts, ulong bits, int exponent, int top, bool isCut)
    {
        var length = 64 - BitOperations.LeadingZeroCount(bits);
        var whole = Term.MaskOf(length);
        var cut = false;
        for (var i = 0; i < atoms.Length; i++)
        {
            whole &= new BitInput(atoms[i], (int)shifts[i]).Valid;
            cut |= !isCut && length < top && atoms[i].Kind == TermKind.Sum && length - 1 + (int)shifts[i] < atoms[i].Width - 1
                && TermGraph.IsWorthCutting(length + (int)shifts[i]);
        }

        if (exponent < 0)
        {
            whole &= ~Term.MaskOf(-exponent);
        }

        if (cut)
        {
            AddCut(coefficient, graph.FromForm(BitForm.Of(0, [TermGraph.FormPart(atoms, shifts, bits, exponent)]), width));
            return true;
        }

        if (bits == whole)
        {
            return false;
        }

        parts.Add(new Part(coefficient, atoms, shifts, whole, exponent));
        AddPart(0 - coefficient, atoms, shifts, whole & ~bits, exponent);
        return true;
    }

    /// <summary>
    /// Bits of a sum are written by what the sum is modulo powers of two, from the highest bit down: <c>s &amp; 12</c> is s modulo 16 less s modulo 4. Where the mask reaches to
    /// the last bit that counts, that is the sum itself. False where nothing is left to be done.
    /// </summary>
    private bool AddBitsOfSum(ulong coefficient, Term sum, ulong bits, int top)
    {
        var length = 64 - BitOperations.LeadingZeroCount(bits);
        if (length < sum.Width && length < top && TermGraph.IsWorthCutting(length))
        {
            var narrow = graph.Narrow(sum, length);
            if (narrow.Parts is [{ Inputs: [{ Shift: 0, Atom: { Kind: TermKind.Sum } atom }] }] && narrow.Constant == 0)
            {
                AddPart(coefficient, [atom], [0], bits & narrow.Parts[0].Mask, 0);
            }
            else
            {
                Add(coefficient, graph.FromForm(narrow.Masked(bits), width));
            }

            return true;
        }

        var whole = Term.MaskOf(Math.Min(length, sum.Width));
        if (length == top && top <= sum.Width)
        {
            AddSum(coefficient, sum);
        }
        else if (bits != whole)
        {
            parts.Add(new Part(coefficient, [sum], [0], whole, 0));
        }
        else
        {
            return false;
        }

        if (bits != whole)
        {
            AddPart(0 - coefficient, [sum], [0], whole & ~bits, 0);
        }

        return true;
    }

    public Term Finish()
    {
        var monomials = new List<(ulong Coefficient, Term[] Factors)>(parts.Count + products.Count);
        FinishParts(monomials);
        FinishProducts(monomials);
        constant &= mask;
        if (monomials.Count == 0)
        {
            return graph.Constant(width, constant);
        }

        if (constant == 0 && monomials is [{ Coefficient: 1, Factors: [var only] }])
        {
            return only;
        }

        var numbers = new ulong[1 + (2 * monomials.Count)];
        numbers[0] = constant;
        var factors = new List<Term>(monomials.Count);
        for (var i = 0; i < monomials.Count; i++)
        {
            (numbers[1 + (2 * i)], numbers[2 + (2 * i)]) = (monomials[i].Coefficient, (ulong)monomials[i].Factors.Length);
            factors.AddRange(monomials[i].Factors);
        }

        return graph.Intern(TermKind.Sum, width, 0, 0, [.. factors], numbers);
    }

    private void FinishParts(List<(ulong, Term[])> monomials)
    {
        if (parts.Count > 1)
        {
            parts.Sort(static (left, right) => Compare(left, right));
            JoinLoads();
        }

        for (var i = 0; i < parts.Count;)
        {
            var end = i + 1;
            while (end < parts.Count && Compare(parts[end], parts[i]) == 0)
            {
                end++;
            }

            if (end == i + 1)
            {
                Emit(monomials, parts[i], BitOperations.TrailingZeroCount(parts[i].Mask), parts[i].Coefficient, parts[i].Exponent, parts[i].Mask);
            }
            else
            {
                EmitWeights(monomials, i, end);
            }

            i = end;
        }
    }

    /// <summary>Several parts over the same bits: their weights are added bit by bit, and bits in proportion become one part again, from the lowest up.</summary>
    private void EmitWeights(List<(ulong, Term[])> monomials, int start, int end)
    {
        Span<ulong> weights = stackalloc ulong[64];
        weights.Clear();
        for (var i = start; i < end; i++)
        {
            var part = parts[i];
            for (var rest = part.Mask; rest != 0; rest &= rest - 1)
            {
                var bit = BitOperations.TrailingZeroCount(rest);
                weights[bit] += part.Coefficient << (bit + part.Exponent);
            }
        }

        for (var low = 0; low < 64; low++)
        {
            var weight = weights[low] & mask;
            if (weight == 0)
            {
                continue;
            }

            var bits = 0UL;
            for (var bit = low; bit < 64; bit++)
            {
                var expected = (weight << (bit - low)) & mask;
                if (expected != 0 && (weights[bit] & mask) == expected)
                {
                    bits |= 1UL << bit;
                    weights[bit] = 0;
                }
            }

            var zeros = BitOperations.TrailingZeroCount(weight);
            Emit(monomials, parts[start], low, weight >> zeros, zeros - low, bits);
        }
    }

    /// <summary>Writes a part with an odd coefficient, reduced by what the lowest weight leaves of it.</summary>
    private void Emit(List<(ulong, Term[])> monomials, Part part, int low, ulong coefficient, int exponent, ulong bits)
    {
        var zeros = BitOperations.TrailingZeroCount(coefficient);
        coefficient >>= zeros;
        exponent += zeros;
        coefficient &= Term.MaskOf(Math.Clamp(width - low - exponent, 1, 64));
        monomials.Add((coefficient, [graph.BitsOf(width, part.Atoms, part.Shifts, bits, exponent)]));
    }

    private void FinishProducts(List<(ulong Coefficient, Term[] Factors)> monomials)
    {
        products.Sort(static (left, right) => Compare(left.Factors, right.Factors));
        for (var i = 0; i < products.Count;)
        {
            var factors = products[i].Factors;
            var sum = 0UL;
            for (; i < products.Count && Compare(products[i].Factors, factors) == 0; i++)
            {
                sum += products[i].Coefficient;
            }

            if ((sum & mask) != 0)
            {
                monomials.Add((sum & mask, factors));
            }
        }
    }

    /// <summary>Bytes of one memory that lie side by side and are joined in their order are one access.</summary>
    private void JoinLoads()
    {
        var joined = false;
        for (var i = 0; i < parts.Count; i++)
        {
            if (WholeLoad(parts[i]) is not { } low)
            {
                continue;
            }

            for (var j = 0; j < parts.Count; j++)
            {
                if (i != j && WholeLoad(parts[j]) is { } high && ReferenceEquals(low.Children[0], high.Children[0]) && ReferenceEquals(low.Children[1], high.Children[1])
                    && high.Value == low.Value + (ulong)(low.Width / 8) && low.Width == high.Width && Weight(parts[j]) == ((Weight(parts[i]) << low.Width) & mask))
                {
                    var whole = graph.Load(low.Children[0], low.Children[1], low.Value, 2 * low.Width / 8);
                    var weight = Weight(parts[i]);
                    parts.RemoveAt(Math.Max(i, j));
                    parts.RemoveAt(Math.Min(i, j));
                    Add(weight, whole);
                    joined = true;
                    i = -1;
                    break;
                }
            }
        }

        if (joined)
        {
            parts.Sort(static (left, right) => Compare(left, right));
        }
    }

    private ulong Weight(Part part) => (part.Coefficient << part.Exponent) & mask;

    /// <summary>The load of which a part takes all bits that count.</summary>
    private Term? WholeLoad(Part part)
    {
        if (part.Atoms is not [{ Kind: TermKind.Load, Width: <= 32 } load] || part.Exponent < 0)
        {
            return null;
        }

        var top = width - part.Exponent - BitOperations.TrailingZeroCount(part.Coefficient);
        return part.Mask == (load.Mask & Term.MaskOf(Math.Min(top, 64))) ? load : null;
    }

    private static int Compare(Part left, Part right)
    {
        var order = Compare(left.Atoms, right.Atoms);
        return order != 0 ? order : left.Shifts.AsSpan().SequenceCompareTo(right.Shifts);
    }

    private static int Compare(Term[] left, Term[] right)
    {
        for (var i = 0; i < left.Length && i < right.Length; i++)
        {
            if (left[i].Id != right[i].Id)
            {
                return left[i].Id.CompareTo(right[i].Id);
            }
        }

        return left.Length.CompareTo(right.Length);
    }
}
