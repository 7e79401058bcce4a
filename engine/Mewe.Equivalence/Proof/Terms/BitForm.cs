namespace Mewe.Equivalence.Proof.Terms;

/// <summary>Bit i of it is bit i + <paramref name="Shift"/> of the atom, and zero outside of the atom's width.</summary>
internal readonly record struct BitInput(Term Atom, int Shift) : IComparable<BitInput>
{
    public int CompareTo(BitInput other) => Atom.Id != other.Atom.Id ? Atom.Id.CompareTo(other.Atom.Id) : Shift.CompareTo(other.Shift);

    /// <summary>The bit positions below 64 where the input is a bit of its atom.</summary>
    public ulong Valid
    {
        get
        {
            var bits = Term.MaskOf(Math.Min(Atom.Width, 64));
            return Shift switch { >= 64 or <= -64 => 0, >= 0 => bits >> Shift, _ => bits << -Shift };
        }
    }
}

/// <summary>The conjunction of some inputs at the bit positions of a mask; inputs ascend and differ.</summary>
internal readonly record struct BitPart(BitInput[] Inputs, ulong Mask);

/// <summary>
/// A value whose bits are boolean functions of bits of atoms, in algebraic normal form: the exclusive or of a constant and of conjunctions. Parts ascend by their inputs, no
/// two have the same, and no mask is zero: equal functions have equal forms (Zhegalkin polynomials are unique).
/// </summary>
internal sealed class BitForm
{
    private BitForm(ulong constant, BitPart[] parts) => (Constant, Parts) = (constant, parts);

    public ulong Constant { get; }

    public BitPart[] Parts { get; }

    public static BitForm Of(ulong constant) => new(constant, []);

    /// <summary>The bits of an atom, moved and masked.</summary>
    public static BitForm Of(BitInput input, ulong mask)
    {
        mask &= input.Valid;
        return new BitForm(0, mask == 0 ? [] : [new BitPart([input], mask)]);
    }

    /// <summary>Parts in any order, equal ones included, which cancel out bit by bit.</summary>
    public static BitForm Of(ulong constant, List<BitPart> parts)
    {
        if (parts is [var only])
        {
            var bits = only.Mask;
            foreach (var input in only.Inputs)
            {
                bits &= input.Valid;
            }

            return new BitForm(constant, bits == 0 ? [] : [only with { Mask = bits }]);
        }

        parts.Sort(static (left, right) => Compare(left.Inputs, right.Inputs));
        var count = 0;
        for (var i = 0; i < parts.Count;)
        {
            var mask = 0UL;
            var first = parts[i];
            for (; i < parts.Count && Compare(parts[i].Inputs, first.Inputs) == 0; i++)
            {
                mask ^= parts[i].Mask;
            }

            foreach (var input in first.Inputs)
            {
                mask &= input.Valid;
            }

            if (mask != 0)
            {
                parts[count++] = first with { Mask = mask };
            }
        }

        return new BitForm(constant, [.. parts.Take(count)]);
    }

    public static BitForm Xor(BitForm left, BitForm right) => Of(left.Constant ^ right.Constant, [.. left.Parts, .. right.Parts]);

    /// <summary>Null where the product has more than <paramref name="limit"/> parts.</summary>
    public static BitForm? And(BitForm left, BitForm right, int limit)
    {
        if ((left.Parts.Length + 1) * (right.Parts.Length + 1) > limit)
        {
            return null;
        }

        var parts = new List<BitPart>();
        foreach (var part in left.Parts)
        {
            Add(part.Inputs, part.Mask & right.Constant);
            foreach (var other in right.Parts)
            {
                if ((part.Mask & other.Mask) != 0)
                {
                    Add(Union(part.Inputs, other.Inputs), part.Mask & other.Mask);
                }
            }
        }

        foreach (var part in right.Parts)
        {
            Add(part.Inputs, part.Mask & left.Constant);
        }

        return Of(left.Constant & right.Constant, parts);

        void Add(BitInput[] inputs, ulong mask)
        {
            if (mask != 0)
            {
                parts.Add(new BitPart(inputs, mask));
            }
        }
    }

    /// <summary>Positive: towards bit zero. Bits that leave the mask are dropped.</summary>
    public BitForm ShiftRight(int by, ulong mask)
    {
        var parts = new List<BitPart>(Parts.Length);
        foreach (var part in Parts)
        {
            parts.Add(new BitPart([.. part.Inputs.Select(input => input with { Shift = input.Shift + by })], Move(part.Mask) & mask));
        }

        return Of(Move(Constant) & mask, parts);

        ulong Move(ulong bits) => by switch { >= 64 or <= -64 => 0, >= 0 => bits >> by, _ => bits << -by };
    }

    public BitForm Masked(ulong mask)
    {
        var parts = new List<BitPart>(Parts.Length);
        foreach (var part in Parts)
        {
            parts.Add(part with { Mask = part.Mask & mask });
        }

        return Of(Constant & mask, parts);
    }

    public bool IsSame(BitForm other) => Constant == other.Constant && Parts.Length == other.Parts.Length
        && Parts.Zip(other.Parts).All(pair => pair.First.Mask == pair.Second.Mask && Compare(pair.First.Inputs, pair.Second.Inputs) == 0);

    private static BitInput[] Union(BitInput[] left, BitInput[] right)
    {
        var union = new List<BitInput>(left.Length + right.Length);
        int i = 0, j = 0;
        while (i < left.Length || j < right.Length)
        {
            var order = i == left.Length ? 1 : j == right.Length ? -1 : left[i].CompareTo(right[j]);
            union.Add(order <= 0 ? left[i] : right[j]);
            i += order <= 0 ? 1 : 0;
            j += order >= 0 ? 1 : 0;
        }

        return [.. union];
    }

    internal static int Compare(BitInput[] left, BitInput[] right)
    {
        for (var i = 0; i < left.Length && i < right.Length; i++)
        {
            var order = left[i].CompareTo(right[i]);
            if (order != 0)
            {
                return order;
            }
        }

        return left.Length.CompareTo(right.Length);
    }
}
