namespace Mewe.Equivalence.Proof.Rules;

/// <summary>What a <see cref="BitTerm"/> does with its operands.</summary>
public enum BitOperation
{
    Constant, Variable,
    Add, Subtract, Multiply, And, Or, Xor, Not,
    /// <summary>Shifts and rotations: the count has the width of the value and is taken modulo it, as in WebAssembly; unlike in SMT-LIB.</summary>
    ShiftLeft, ShiftRight, ShiftRightSigned, RotateLeft, RotateRight,
    /// <summary>Division and remainder as in SMT-LIB, total: by zero all ones, and the dividend; the smallest number by -1 is itself. Traps are told separately.</summary>
    Divide, DivideSigned, Remainder, RemainderSigned,
    LeadingZeros, TrailingZeros, Ones,
    /// <summary>Comparisons give one bit.</summary>
    Equal, Less, LessSigned,
    /// <summary>The second operand where the first, one bit, is set, else the third.</summary>
    Choose,
    ExtendZero, ExtendSign,
    /// <summary>The bits from <see cref="BitTerm.Low"/> on, as many as the result is wide.</summary>
    Extract,
    /// <summary>The first operand's bits above the second's.</summary>
    Concatenate,
}

/// <summary>
/// A term over bit-vectors of 1 to 128 bits: what instructions mean, written down once, for evaluation (<see cref="BitTermEvaluator"/>), for the algebra (<see cref="NormalForm"/>)
/// and for the solver (<see cref="SmtScript"/>). Terms without variables are computed when they are made.
/// </summary>
public sealed class BitTerm
{
    private BitTerm(BitOperation operation, int width, BitTerm[] operands, UInt128 value = default, string name = "", int low = 0) =>
        (Operation, Width, Operands, Value, Name, Low) = (operation, width, operands, value, name, low);

    public BitOperation Operation { get; }

    /// <summary>In bits.</summary>
    public int Width { get; }

    public IReadOnlyList<BitTerm> Operands { get; }

    /// <summary>Of a constant; below 2^width.</summary>
    public UInt128 Value { get; }

    /// <summary>Of a variable.</summary>
    public string Name { get; }

    /// <summary>Of an extraction: the number of bits below it.</summary>
    public int Low { get; }

    public bool IsConstant => Operation == BitOperation.Constant;

    public static UInt128 Mask(int width) => width == 128 ? UInt128.MaxValue : (UInt128.One << width) - 1;

    public static BitTerm Number(UInt128 value, int width) => new(BitOperation.Constant, width, [], value & Mask(width));

    public static BitTerm Bit(bool set) => Number(set ? UInt128.One : 0, 1);

    public static BitTerm Variable(string name, int width) => new(BitOperation.Variable, width, [], name: name);

    public static BitTerm Of(BitOperation operation, BitTerm a, BitTerm b)
    {
        if (a.Width != b.Width && operation != BitOperation.Concatenate)
        {
            throw new ArgumentException($"{operation} of {a.Width} and {b.Width} bits");
        }

        // So that the trap of a division by a known number goes away.
        if (operation == BitOperation.And && (a.IsConstant ? a : b) is { IsConstant: true } mask)
        {
            var other = ReferenceEquals(mask, a) ? b : a;
            if (mask.Value == 0 || mask.Value == Mask(a.Width))
            {
                return mask.Value == 0 ? mask : other;
            }
        }

        var width = operation switch
        {
            BitOperation.Equal or BitOperation.Less or BitOperation.LessSigned => 1,
            BitOperation.Concatenate => a.Width + b.Width,
            _ => a.Width,
        };
        return Folded(new BitTerm(operation, width, [a, b]));
    }

    public static BitTerm Of(BitOperation operation, BitTerm a) => Folded(new BitTerm(operation, a.Width, [a]));

    public static BitTerm Choose(BitTerm condition, BitTerm whenSet, BitTerm otherwise)
    {
        if (condition.Width != 1 || whenSet.Width != otherwise.Width)
        {
            throw new ArgumentException($"a choice between {whenSet.Width} and {otherwise.Width} bits by {condition.Width}");
        }

        return condition.IsConstant ? condition.Value == 1 ? whenSet : otherwise
            : new BitTerm(BitOperation.Choose, whenSet.Width, [condition, whenSet, otherwise]);
    }

    public BitTerm Extended(int width, bool signed) => width == Width ? this
        : Folded(new BitTerm(signed ? BitOperation.ExtendSign : BitOperation.ExtendZero, width, [this]));

    /// <summary>Bits of this term; of what is put together bit by bit, the same of its parts, so that lanes come apart again.</summary>
    public BitTerm Extract(int low, int width)
    {
        if (low == 0 && width == Width)
        {
            return this;
        }

        switch (Operation)
        {
            case BitOperation.Not:
                return ~Operands[0].Extract(low, width);
            case BitOperation.And or BitOperation.Or or BitOperation.Xor:
                return Of(Operation, Operands[0].Extract(low, width), Operands[1].Extract(low, width));
            case BitOperation.Extract:
                return Operands[0].Extract(Low + low, width);
            case BitOperation.Concatenate when low + width <= Operands[1].Width:
                return Operands[1].Extract(low, width);
            case BitOperation.Concatenate when low >= Operands[1].Width:
                return Operands[0].Extract(low - Operands[1].Width, width);
            default:
                return Folded(new BitTerm(BitOperation.Extract, width, [this], low: low));
        }
    }

    /// <summary>One bit: this is not zero.</summary>
    public BitTerm IsNotZero() => ~Of(BitOperation.Equal, this, Number(0, Width));

    public BitTerm IsEqual(BitTerm other) => Of(BitOperation.Equal, this, other);

    public BitTerm IsLess(BitTerm other, bool signed) => Of(signed ? BitOperation.LessSigned : BitOperation.Less, this, other);

    public static BitTerm operator +(BitTerm a, BitTerm b) => Of(BitOperation.Add, a, b);

    public static BitTerm operator -(BitTerm a, BitTerm b) => Of(BitOperation.Subtract, a, b);

    public static BitTerm operator *(BitTerm a, BitTerm b) => Of(BitOperation.Multiply, a, b);

    public static BitTerm operator &(BitTerm a, BitTerm b) => Of(BitOperation.And, a, b);

    public static BitTerm operator |(BitTerm a, BitTerm b) => Of(BitOperation.Or, a, b);

    public static BitTerm operator ^(BitTerm a, BitTerm b) => Of(BitOperation.Xor, a, b);

    public static BitTerm operator ~(BitTerm a) => Of(BitOperation.Not, a);

    public override string ToString() => Operation switch
    {
        BitOperation.Constant => $"0x{Value:x}:{Width}",
        BitOperation.Variable => Name,
        BitOperation.Extract => $"(Extract{Low}:{Width} {Operands[0]})",
        BitOperation.ExtendSign or BitOperation.ExtendZero => $"({Operation}{Width} {Operands[0]})",
        _ => $"({Operation} {string.Join(' ', Operands)})",
    };

    private static BitTerm Folded(BitTerm term)
    {
        foreach (var operand in term.Operands)
        {
            if (!operand.IsConstant)
            {
                return term;
            }
        }

        return Number(BitTermEvaluator.Evaluate(term, static _ => throw new InvalidOperationException("a variable in a term without any")), term.Width);
    }
}
