using System.Text;

namespace Mewe.Equivalence.Proof.Rules;

/// <summary>Writes terms for a solver: SMT-LIB 2.6 over fixed-size bit-vectors. Every node becomes a definition, so a shared one is written once.</summary>
/// <param name="divisionIsAnyFunction">
/// Unsigned division is left open, and what else divides is said in terms of it: what holds for every function holds for division, and is far easier to show.
/// </param>
public sealed class SmtScript(bool divisionIsAnyFunction = false)
{
    private readonly StringBuilder declarations = new();
    private readonly StringBuilder definitions = new();
    private readonly Dictionary<BitTerm, string> names = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<string> declared = [];

    /// <summary>Demands that a term of one bit is set.</summary>
    public SmtScript Assert(BitTerm condition)
    {
        // Named first: writing the name may write definitions.
        var name = Name(condition);
        definitions.Append($"(assert (= {name} #b1))\n");
        return this;
    }

    public override string ToString() => declarations.ToString() + definitions;

    private string Name(BitTerm term)
    {
        if (term.Operation == BitOperation.Constant)
        {
            return Number(term.Value, term.Width);
        }

        if (term.Operation == BitOperation.Variable)
        {
            if (declared.Add(term.Name))
            {
                declarations.Append($"(declare-const {term.Name} (_ BitVec {term.Width}))\n");
            }

            return term.Name;
        }

        if (!names.TryGetValue(term, out var name))
        {
            name = Define(term.Width, Write(term, [.. term.Operands.Select(Name)]));
            names.Add(term, name);
        }

        return name;
    }

    private string Define(int width, string body)
    {
        var name = $"t!{names.Count}!{definitions.Length}";
        definitions.Append($"(define-fun {name} () (_ BitVec {width}) {body})\n");
        return name;
    }

    private static string Number(UInt128 value, int width) => $"(_ bv{value} {width})";

    private static string Number(int value, int width) => Number((UInt128)value, width);

    private string Write(BitTerm term, string[] names)
    {
        var width = term.Operands[0].Width;
        return term.Operation switch
        {
            BitOperation.Add => $"(bvadd {names[0]} {names[1]})",
            BitOperation.Subtract => $"(bvsub {names[0]} {names[1]})",
            BitOperation.Multiply => $"(bvmul {names[0]} {names[1]})",
            BitOperation.And => $"(bvand {names[0]} {names[1]})",
            BitOperation.Or => $"(bvor {names[0]} {names[1]})",
            BitOperation.Xor => $"(bvxor {names[0]} {names[1]})",
            BitOperation.Not => $"(bvnot {names[0]})",
            BitOperation.ShiftLeft => $"(bvshl {names[0]} {Count(term, names[1])})",
            BitOperation.ShiftRight => $"(bvlshr {names[0]} {Count(term, names[1])})",
            BitOperation.ShiftRightSigned => $"(bvashr {names[0]} {Count(term, names[1])})",
            BitOperation.RotateLeft => Rotation(term, names, "bvshl", "bvlshr"),
            BitOperation.RotateRight => Rotation(term, names, "bvlshr", "bvshl"),
            BitOperation.Divide => Divide(names[0], names[1], width),
            BitOperation.Remainder => divisionIsAnyFunction
                ? $"(bvsub {names[0]} (bvmul {names[1]} {Divide(names[0], names[1], width)}))" : $"(bvurem {names[0]} {names[1]})",
            BitOperation.DivideSigned => divisionIsAnyFunction ? SignedQuotient(names, width) : $"(bvsdiv {names[0]} {names[1]})",
            BitOperation.RemainderSigned => divisionIsAnyFunction
                ? $"(bvsub {names[0]} (bvmul {names[1]} {SignedQuotient(names, width)}))" : $"(bvsrem {names[0]} {names[1]})",
            BitOperation.LeadingZeros => FirstSet(names[0], width, fromTop: true),
            BitOperation.TrailingZeros => FirstSet(names[0], width, fromTop: false),
            BitOperation.Ones => Ones(names[0], width),
            BitOperation.Equal => $"(ite (= {names[0]} {names[1]}) #b1 #b0)",
            BitOperation.Less => $"(ite (bvult {names[0]} {names[1]}) #b1 #b0)",
            BitOperation.LessSigned => $"(ite (bvslt {names[0]} {names[1]}) #b1 #b0)",
            BitOperation.Choose => $"(ite (= {names[0]} #b1) {names[1]} {names[2]})",
            BitOperation.ExtendZero => $"((_ zero_extend {term.Width - width}) {names[0]})",
            BitOperation.ExtendSign => $"((_ sign_extend {term.Width - width}) {names[0]})",
            BitOperation.Extract => $"((_ extract {term.Low + term.Width - 1} {term.Low}) {names[0]})",
            BitOperation.Concatenate => $"(concat {names[0]} {names[1]})",
            _ => throw new InvalidOperationException($"{term.Operation} has no SMT-LIB form"),
        };
    }

    /// <summary>The count modulo the width, a power of two; SMT-LIB shifts by the number as it is.</summary>
    private static string Count(BitTerm term, string count)
    {
        var width = term.Width;
        return term.Operands[1].IsConstant ? Number(term.Operands[1].Value % (UInt128)width, width) : $"(bvand {count} {Number(width - 1, width)})";
    }

    /// <summary>Two shifts joined by or; a shift by the whole width, which comes with a count of zero, gives zero in SMT-LIB.</summary>
    private string Rotation(BitTerm term, string[] names, string forth, string back)
    {
        var count = Define(term.Width, Count(term, names[1]));
        return $"(bvor ({forth} {names[0]} {count}) ({back} {names[0]} (bvsub {Number(term.Width, term.Width)} {count})))";
    }

    private string Divide(string a, string b, int width)
    {
        if (!divisionIsAnyFunction)
        {
            return $"(bvudiv {a} {b})";
        }

        if (declared.Add($"divide{width}"))
        {
            declarations.Append($"(declare-fun divide{width} ((_ BitVec {width}) (_ BitVec {width})) (_ BitVec {width}))\n");
        }

        return $"(divide{width} {a} {b})";
    }

    /// <summary>The definition of bvsdiv in the theory of SMT-LIB: the quotient of the magnitudes, negated where the signs differ.</summary>
    private string SignedQuotient(string[] names, int width)
    {
        string Negative(string x) => $"(bvslt {x} {Number(0, width)})";
        string Magnitude(string x) => $"(ite {Negative(x)} (bvneg {x}) {x})";
        var quotient = Define(width, Divide(Magnitude(names[0]), Magnitude(names[1]), width));
        return $"(ite (xor {Negative(names[0])} {Negative(names[1])}) (bvneg {quotient}) {quotient})";
    }

    private static string FirstSet(string x, int width, bool fromTop)
    {
        var text = new StringBuilder();
        for (var i = 0; i < width; i++)
        {
            var bit = fromTop ? width - 1 - i : i;
            text.Append($"(ite (= ((_ extract {bit} {bit}) {x}) #b1) {Number(i, width)} ");
        }

        return text.Append(Number(width, width)).Append(')', width).ToString();
    }

    /// <summary>The sum of the bits, pairs first.</summary>
    private string Ones(string x, int width)
    {
        var sums = new List<string>();
        for (var bit = 0; bit < width; bit++)
        {
            sums.Add($"((_ zero_extend 7) ((_ extract {bit} {bit}) {x}))");
        }

        while (sums.Count > 1)
        {
            sums = [.. sums.Chunk(2).Select(pair => pair.Length == 1 ? pair[0] : Define(8, $"(bvadd {pair[0]} {pair[1]})"))];
        }

        return width > 8 ? $"((_ zero_extend {width - 8}) {sums[0]})" : $"((_ extract {width - 1} 0) {sums[0]})";
    }
}
