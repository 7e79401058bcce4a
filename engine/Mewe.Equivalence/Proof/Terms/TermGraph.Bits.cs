using System.Numerics;

namespace Mewe.Equivalence.Proof.Terms;

/// <content>Bitwise operations, shifts by constants, truncation and extension.</content>
internal sealed partial class TermGraph
{
    /// <summary>Inputs of a boolean function that is still written as a sum: the sum has up to 2^n - 1 monomials.</summary>
    internal const int MostInputs = 4;

    /// <summary>Parts of a form that products may have.</summary>
    private const int MostParts = 48;

    /// <summary>
    /// Parts of a form that is worked with. An exclusive or has as many as its operands together, so that mixing in a loop that is unrolled (hashes, generators) would make forms of
    /// many thousands; a value with more is an input of its own, as the values of sums are.
    /// </summary>
    private const int LongestForm = 192;

    public Term Not(Term term) => Xor(term, Constant(term.Width, ulong.MaxValue));

    public Term And(Term left, Term right)
    {
        if (left.IsZero || right.IsZero)
        {
            return left.IsZero ? left : right;
        }

        return ReferenceEquals(left, right) || IsOnes(right) ? left : IsOnes(left) ? right : Bitwise('&', left, right);
    }

    public Term Or(Term left, Term right)
    {
        if (left.IsZero || right.IsZero)
        {
            return left.IsZero ? right : left;
        }

        return ReferenceEquals(left, right) || IsOnes(left) ? left : IsOnes(right) ? right : Bitwise('|', left, right);
    }

    public Term Xor(Term left, Term right)
    {
        if (left.IsZero || right.IsZero)
        {
            return left.IsZero ? right : left;
        }

        return ReferenceEquals(left, right) ? Constant(left.Width, 0) : Bitwise('^', left, right);
    }

    /// <summary>Shifts by a constant below the width.</summary>
    public Term ShiftLeft(Term term, int by) => Scale(1UL << by, term);

    /// <summary>Unsigned.</summary>
    public Term ShiftRight(Term term, int by)
    {
        if (by == 0)
        {
            return term;
        }

        return FromForm(FormOrOpaque(term).ShiftRight(by, term.Mask), term.Width);
    }

    /// <summary>Signed: the unsigned shift, less 2^(w - by) where the sign is set.</summary>
    public Term ShiftRightSigned(Term term, int by)
    {
        if (by == 0)
        {
            return term;
        }

        var sum = new SumBuilder(this, term.Width);
        sum.Add(1, ShiftRight(term, by));
        sum.Add(0 - (1UL << (term.Width - by)), SignBit(term));
        return sum.Finish();
    }

    public Term RotateLeft(Term term, int by)
    {
        if (by == 0)
        {
            return term;
        }

        var form = FormOrOpaque(term);
        return FromForm(BitForm.Xor(form.ShiftRight(-by, term.Mask), form.ShiftRight(term.Width - by, term.Mask)), term.Width);
    }

    /// <summary>The highest bit, of width 1.</summary>
    public Term SignBit(Term term) => Truncate(ShiftRight(term, term.Width - 1), 1);

    /// <summary>The low bits.</summary>
    public Term Truncate(Term term, int width)
    {
        if (width == term.Width)
        {
            return term;
        }

        if (term.Kind == TermKind.Parity)
        {
            return FromForm(term.Form!.Masked(Term.MaskOf(width)), width);
        }

        var sum = new SumBuilder(this, width);
        sum.Add(1, term);
        return sum.Finish();
    }

    public Term ZeroExtend(Term term, int width)
    {
        var sum = new SumBuilder(this, width);
        sum.Add(1, term);
        return sum.Finish();
    }

    public Term SignExtend(Term term, int width)
    {
        var sum = new SumBuilder(this, width);
        sum.Add(1, term);
        sum.Add(0 - (1UL << term.Width), SignBit(term));
        return sum.Finish();
    }

    /// <summary>The bits of a term as boolean functions of bits of atoms; null where they depend on each other, as those of a sum do.</summary>
    internal BitForm? FormOf(Term term)
    {
        if (!term.FormIsKnown)
        {
            term.Form = term.Kind switch
            {
                TermKind.Constant => BitForm.Of(term.Value),
                TermKind.Bits => BitForm.Of(0, [FormPart(term.Children, term.Numbers, term.Value, term.Code)]),
                TermKind.Sum => new SumForm(this, term).Find(),
                _ => BitForm.Of(new BitInput(term, 0), term.Mask),
            };
            term.FormIsKnown = true;
        }

        return term.Form;
    }

    /// <summary>The form of a term's bits; where they depend on each other or the form is too long, the term (or its complement, whichever is made of positive numbers) is an input of its own.</summary>
    private BitForm FormOrOpaque(Term term)
    {
        if (FormOf(term) is { } form && form.Parts.Length <= LongestForm)
        {
            return form;
        }

        if (term.Kind == TermKind.Sum && term.Numbers[1] > term.Mask >> 1)
        {
            var complement = Combine(ulong.MaxValue, term, 1, Constant(term.Width, ulong.MaxValue));
            if (complement.Kind == TermKind.Sum && complement.Numbers[1] <= term.Mask >> 1)
            {
                return BitForm.Xor(BitForm.Of(new BitInput(complement, 0), term.Mask), BitForm.Of(term.Mask));
            }
        }

        return BitForm.Of(new BitInput(term, 0), term.Mask);
    }

    internal static BitPart FormPart(Term[] atoms, ulong[] shifts, ulong bits, int exponent)
    {
        var inputs = new BitInput[atoms.Length];
        for (var i = 0; i < atoms.Length; i++)
        {
            inputs[i] = new BitInput(atoms[i], (int)shifts[i] - exponent);
        }

        Array.Sort(inputs);
        return new BitPart(inputs, exponent >= 0 ? bits << exponent : bits >> -exponent);
    }

    internal static int Subset(BitInput[] order, BitInput[] inputs)
    {
        var subset = 0;
        foreach (var input in inputs)
        {
            subset |= 1 << Array.BinarySearch(order, input);
        }

        return subset;
    }

    /// <summary>The term whose bits a form describes.</summary>
    internal Term FromForm(BitForm form, int width)
    {
        form = WithNarrowAtoms(form.Masked(Term.MaskOf(width)));
        var term = form.Constant == 0 && form.Parts is [var single] ? Conjunction(single, width) : TryLinear(form, width) ?? Parity(form, width);
        if (term.Form is null && term.Kind == TermKind.Sum)
        {
            (term.Form, term.FormIsKnown) = (form, true);
        }

        return term;
    }

    private Term Conjunction(BitPart part, int width)
    {
        var sum = new SumBuilder(this, width);
        AddConjunction(sum, 1, part.Inputs, part.Mask);
        return sum.Finish();
    }

    /// <summary>As a sum: the bit positions where the same parts take part are one boolean function, whose integer Möbius transform has the coefficients.</summary>
    private Term? TryLinear(BitForm form, int width)
    {
        var groups = new List<(ulong Mask, ulong Parts)> { (Term.MaskOf(width) & ~form.Constant, 0), (form.Constant, 1UL << 63) };
        if (form.Parts.Length > 62)
        {
            return null;
        }

        for (var i = 0; i < form.Parts.Length; i++)
        {
            for (var g = groups.Count - 1; g >= 0; g--)
            {
                var (mask, parts) = groups[g];
                var (inside, outside) = (mask & form.Parts[i].Mask, mask & ~form.Parts[i].Mask);
                if (inside != 0)
                {
                    groups[g] = (inside, parts | 1UL << i);
                    if (outside != 0)
                    {
                        groups.Add((outside, parts));
                    }
                }
            }
        }

        var sum = new SumBuilder(this, width);
        foreach (var (mask, parts) in groups)
        {
            if (mask == 0 || parts == 0)
            {
                continue;
            }

            var inputs = new SortedSet<BitInput>();
            for (var rest = parts & ~(1UL << 63); rest != 0; rest &= rest - 1)
            {
                inputs.UnionWith(form.Parts[BitOperations.TrailingZeroCount(rest)].Inputs);
            }

            if (inputs.Count > MostInputs)
            {
                return null;
            }

            var order = inputs.ToArray();
            var table = new long[1 << order.Length];
            Array.Fill(table, parts >> 63 != 0 ? 1 : 0);
            for (var rest = parts & ~(1UL << 63); rest != 0; rest &= rest - 1)
            {
                var subset = Subset(order, form.Parts[BitOperations.TrailingZeroCount(rest)].Inputs);
                for (var assignment = 0; assignment < table.Length; assignment++)
                {
                    table[assignment] ^= (assignment & subset) == subset ? 1 : 0;
                }
            }

            for (var step = 1; step < table.Length; step <<= 1)
            {
                for (var assignment = 0; assignment < table.Length; assignment++)
                {
                    table[assignment] -= (assignment & step) != 0 ? table[assignment ^ step] : 0;
                }
            }

            sum.AddConstant((ulong)table[0] * mask);
            for (var subset = 1; subset < table.Length; subset++)
            {
                if (table[subset] != 0)
                {
                    AddConjunction(sum, (ulong)table[subset], [.. order.Where((_, i) => (subset >> i & 1) != 0)], mask);
                }
            }
        }

        return sum.Finish();
    }

    private static void AddConjunction(SumBuilder sum, ulong coefficient, BitInput[] inputs, ulong mask)
    {
        foreach (var input in inputs)
        {
            mask &= input.Valid;
        }

        var first = inputs[0].Shift;
        sum.AddPart(coefficient, [.. inputs.Select(input => input.Atom)], [.. inputs.Select(input => (ulong)(input.Shift - first))],
            first >= 0 ? mask << first : mask >> -first, -first, isCut: true);
    }

    private Term Parity(BitForm form, int width)
    {
        var atoms = new List<Term>();
        var numbers = new List<ulong> { form.Constant };
        foreach (var part in form.Parts)
        {
            numbers.Add(part.Mask);
            numbers.Add((ulong)part.Inputs.Length);
            foreach (var input in part.Inputs)
            {
                atoms.Add(input.Atom);
                numbers.Add((ulong)input.Shift);
            }
        }

        var term = Intern(TermKind.Parity, width, 0, 0, [.. atoms], [.. numbers]);
        (term.Form, term.FormIsKnown) = (form, true);
        return term;
    }

    /// <summary>Sums of which a part uses only low bits are cut to these, so that <c>(x + 256) &amp; 255</c> and <c>x &amp; 255</c> are the same.</summary>
    private BitForm WithNarrowAtoms(BitForm form)
    {
        if (!Array.Exists(form.Parts, static part => Cuttable(part) is not null))
        {
            return form;
        }

        var (constant, parts) = (form.Constant, new List<BitPart>());
        foreach (var part in form.Parts)
        {
            if (Cuttable(part) is var (sum, bits) && Replaced(BitForm.Of(0, [part]), sum, Narrow(sum, bits)) is { } narrower)
            {
                narrower = WithNarrowAtoms(narrower);
                constant ^= narrower.Constant;
                parts.AddRange(narrower.Parts);
            }
            else
            {
                parts.Add(part);
            }
        }

        return BitForm.Of(constant, parts);
    }

    /// <summary>A sum of which a part uses only low bits, and how many.</summary>
    private static (Term Sum, int Bits)? Cuttable(BitPart part)
    {
        foreach (var input in part.Inputs)
        {
            if (input.Atom.Kind != TermKind.Sum)
            {
                continue;
            }

            var highest = 0;
            foreach (var other in part.Inputs)
            {
                highest = ReferenceEquals(other.Atom, input.Atom) ? Math.Max(highest, 63 - BitOperations.LeadingZeroCount(part.Mask) + other.Shift) : highest;
            }

            if (highest < input.Atom.Width - 1 && IsWorthCutting(highest + 1))
            {
                return (input.Atom, highest + 1);
            }
        }

        return null;
    }

    /// <summary>Sums are cut to few bits, or to what wrapping and masking cut them to; cutting them everywhere, at every rotation say, would copy all that they are made of.</summary>
    internal static bool IsWorthCutting(int bits) => bits is <= 8 or 32;

    /// <summary>The low bits of a sum, less those that are the same for all values.</summary>
    internal BitForm Narrow(Term sum, int width)
    {
        var low = Truncate(sum, width);
        var form = FormOrOpaque(low);
        return low.Kind == TermKind.Sum && Residues.KnownBits(low) is var (known, value) ? BitForm.Xor(form.Masked(~known), BitForm.Of(value)) : form;
    }

    private static BitForm? Replaced(BitForm form, Term atom, BitForm by)
    {
        var result = BitForm.Of(form.Constant);
        foreach (var part in form.Parts)
        {
            var product = BitForm.Of(0, [new BitPart([.. part.Inputs.Where(input => !ReferenceEquals(input.Atom, atom))], part.Mask)]);
            if (product.Parts is [{ Inputs.Length: 0 }])
            {
                product = BitForm.Of(part.Mask);
            }

            foreach (var input in part.Inputs)
            {
                if (ReferenceEquals(input.Atom, atom))
                {
                    if (BitForm.And(product, by.ShiftRight(input.Shift, ulong.MaxValue), MostParts) is not { } next)
                    {
                        return null;
                    }

                    product = next;
                }
            }

            result = BitForm.Xor(result, product);
        }

        return result;
    }

    private Term Bitwise(char operation, Term left, Term right)
    {
        var width = left.Width;
        if (Lifted(operation, left, right) is { } choice)
        {
            return choice;
        }

        var (a, b) = (FormOrOpaque(left), FormOrOpaque(right));
        if (operation == '^')
        {
            return FromForm(BitForm.Xor(a, b), width);
        }

        var product = BitForm.And(a, b, MostParts)
            ?? BitForm.And(a = Opaque(left, a, b.Parts.Length), b = Opaque(right, b, a.Parts.Length), MostParts)
            ?? BitForm.And(a = BitForm.Of(new BitInput(left, 0), left.Mask), b = BitForm.Of(new BitInput(right, 0), right.Mask), MostParts)!;
        return FromForm(operation == '&' ? product : BitForm.Xor(BitForm.Xor(a, b), product), width);

        static BitForm Opaque(Term term, BitForm form, int other) => form.Parts.Length >= other ? BitForm.Of(new BitInput(term, 0), term.Mask) : form;
    }

    /// <summary>
    /// A condition spread over a word, as in <c>x ^ ((x ^ y) &amp; -c)</c>: what has two values only, or is a choice with a constant, becomes a choice of results.
    /// </summary>
    private Term? Lifted(char operation, Term left, Term right)
    {
        if (left.Width == 1)
        {
            return null;
        }

        for (var turn = 0; turn < 2; turn++, (left, right) = (right, left))
        {
            if (left.Kind == TermKind.Choice && (left.Children[1].IsConstant || left.Children[2].IsConstant || ReferenceEquals(left.Children[1], right) || ReferenceEquals(left.Children[2], right)))
            {
                return Choice(left.Children[0], Apply(left.Children[1]), Apply(left.Children[2]));
            }

            if (FormOf(left) is null && TwoValues(left) is var (condition, set, clear))
            {
                return Choice(condition, Apply(Constant(left.Width, set)), Apply(Constant(left.Width, clear)));
            }

            Term Apply(Term value) => operation switch { '&' => And(value, right), '|' => Or(value, right), _ => Xor(value, right) };
        }

        return null;
    }

    /// <summary>The bit that a sum depends on alone, and its values where the bit is 1 and 0.</summary>
    private (Term Condition, ulong Set, ulong Clear)? TwoValues(Term term)
    {
        if (term.Kind is not (TermKind.Sum or TermKind.Bits) || term.Width > 64)
        {
            return null;
        }

        var monomials = Monomial.Of(term).ToArray();
        if (monomials is not [{ Product.Length: 1 } only])
        {
            return null;
        }

        var factor = only.Factors[0];
        var clear = term.Kind == TermKind.Sum ? term.Numbers[0] : 0;
        if (factor.Kind == TermKind.Bits && BitOperations.IsPow2(factor.Value))
        {
            var bit = BitOperations.TrailingZeroCount(factor.Value);
            return (BitsOf(1, factor.Children, factor.Numbers, factor.Value, -bit), (clear + (only.Coefficient << (bit + factor.Code))) & term.Mask, clear);
        }

        return null;
    }

    /// <summary>Makes a <see cref="TermKind.Bits"/> term, or what it is the same as.</summary>
    internal Term BitsOf(int width, Term[] atoms, ulong[] shifts, ulong bits, int exponent)
    {
        if (bits == 0)
        {
            return Constant(width, 0);
        }

        return atoms.Length == 1 && exponent == 0 && atoms[0].Width == width && bits == atoms[0].Mask
            ? atoms[0]
            : Intern(TermKind.Bits, width, exponent, bits, atoms, shifts);
    }

    /// <summary>The largest value as an integer that the parts of a term can add up to, before it is reduced modulo 2^w.</summary>
    internal UInt128 Highest(Term term)
    {
        switch (term.Kind)
        {
            case TermKind.Constant:
                return term.Value;
            case TermKind.Bits:
                return term.Code >= 0 ? (UInt128)term.Value << term.Code : term.Value >> -term.Code;
            case TermKind.Sum:
                var sum = (UInt128)term.Numbers[0];
                foreach (var monomial in Monomial.Of(term))
                {
                    var product = (UInt128)monomial.Coefficient;
                    foreach (var factor in monomial.Factors)
                    {
                        var highest = Highest(factor);
                        if (highest > ulong.MaxValue || (highest != 0 && product > UInt128.MaxValue / highest))
                        {
                            return UInt128.MaxValue;
                        }

                        product *= highest;
                    }

                    if (sum > UInt128.MaxValue - product)
                    {
                        return UInt128.MaxValue;
                    }

                    sum += product;
                }

                return sum;
            case TermKind.Choice:
                return UInt128.Max(Highest(term.Children[1]), Highest(term.Children[2]));
            case TermKind.Parity:
                return term.Mask;
            default:
                return term.Mask;
        }
    }

    /// <summary>An upper bound of the value itself.</summary>
    internal ulong Bound(Term term) => (ulong)UInt128.Min(Highest(term), term.Mask);

    private static bool IsOnes(Term term) => term.IsConstant && term.Value == term.Mask;
}
