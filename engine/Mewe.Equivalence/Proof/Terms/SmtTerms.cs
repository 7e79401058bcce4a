using System.Globalization;
using System.Text;

namespace Mewe.Equivalence.Proof.Terms;

/// <summary>
/// Writes terms as SMT-LIB 2 definitions over bit-vectors. Loads, results of calls and everything that is not reasoned about become constants that may have any value, the same
/// for the same term: what is proved of all their values holds. Names depend on the shape of the terms only, so that equal questions read the same wherever they come from.
/// </summary>
internal sealed class SmtTerms(int mostNodes)
{
    /// <summary>From this width on products of unknowns are unknowns themselves: taking them apart bit by bit takes seconds, whatever the limit.</summary>
    private const int WideProduct = 13;

    private readonly StringBuilder text = new();
    private readonly Dictionary<Term, string> names = [];
    private readonly Dictionary<string, string> products = [];

    /// <summary>Unknowns in the order of their names x0, x1 ...</summary>
    public List<Term> Unknowns { get; } = [];

    /// <summary>Products that were left open.</summary>
    public int OpenProducts => products.Count;

    /// <summary>The declarations and definitions so far.</summary>
    public string Text => text.ToString();

    /// <summary>The name of a term; null where it would take too many definitions.</summary>
    public string? Name(Term term)
    {
        if (names.TryGetValue(term, out var name))
        {
            return name;
        }

        if (names.Count > mostNodes)
        {
            return null;
        }

        if (term.IsConstant)
        {
            return Number(term.Value, term.Width);
        }

        if (Definition(term) is not { } definition)
        {
            return null;
        }

        if (definition.Length == 0)
        {
            name = $"x{Unknowns.Count}";
            Unknowns.Add(term);
            text.Append(CultureInfo.InvariantCulture, $"(declare-const {name} (_ BitVec {term.Width}))\n");
        }
        else
        {
            name = $"t{names.Count}";
            text.Append(CultureInfo.InvariantCulture, $"(define-fun {name} () (_ BitVec {term.Width}) {definition})\n");
        }

        names.Add(term, name);
        return name;
    }

    /// <summary>That two terms differ; null where it would take too many definitions.</summary>
    public string? Distinct(Term left, Term right) => Name(left) is { } a && Name(right) is { } b ? $"(assert (distinct {a} {b}))" : null;

    /// <summary>That a condition has a value; null where it would take too many definitions.</summary>
    public string? Assertion(Term condition, bool value) => Name(condition) is { } name ? $"(assert (= {name} {(value ? "#b1" : "#b0")}))\n" : null;

    /// <summary>That a term lies between two bounds; null where it would take too many definitions.</summary>
    public string? Assertion(Term term, ulong low, ulong high) => Name(term) is { } name
        ? $"(assert (bvule {name} {Number(high, term.Width)}))\n(assert (bvuge {name} {Number(low, term.Width)}))\n" : null;

    /// <summary>Empty for an unknown; null where it is too large.</summary>
    private string? Definition(Term term)
    {
        switch (term.Kind)
        {
            case TermKind.Sum:
                return Sum(term);
            case TermKind.Bits:
                {
                    var inputs = term.Children.Select((atom, i) => new BitInput(atom, (int)term.Numbers[i])).ToArray();
                    return Conjunction(inputs, term.Value) is { } bits ? Narrowed(Shift(bits, -term.Code), term.Width) : null;
                }

            case TermKind.Parity:
                {
                    var all = Number(term.Form!.Constant, 64);
                    foreach (var part in term.Form.Parts)
                    {
                        if (Conjunction(part.Inputs, part.Mask) is not { } conjunction)
                        {
                            return null;
                        }

                        all = $"(bvxor {all} {conjunction})";
                    }

                    return Narrowed(all, term.Width);
                }

            case TermKind.Choice when term.Width is > 0 and <= 64:
                return Apply(term.Children, names => $"(ite (= {names[0]} #b1) {names[1]} {names[2]})");
            case TermKind.IsZero:
                return Apply(term.Children, names => $"(ite (= {names[0]} {Number(0, term.Children[0].Width)}) #b1 #b0)");
            case TermKind.Below:
                return Apply(term.Children, names => $"(ite (bvult {names[0]} {names[1]}) #b1 #b0)");
            case TermKind.Operation when term.Width >= WideProduct && term.Code is ProofOperation.Product or ProofOperation.DivideUnsigned or ProofOperation.DivideSigned:
                return "";
            case TermKind.Operation:
                return Operation(term);
            default:
                return "";
        }
    }

    private string? Operation(Term term)
    {
        var width = term.Width;
        switch (term.Code)
        {
            case ProofOperation.Product:
                return Binary("bvmul");
            case ProofOperation.DivideUnsigned:
                return Binary("bvudiv");
            case ProofOperation.DivideSigned:
                return Binary("bvsdiv");
            case ProofOperation.ShiftLeft:
                return Shifted("bvshl");
            case ProofOperation.ShiftRight:
                return Shifted("bvlshr");
            case ProofOperation.ShiftRightSigned:
                return Shifted("bvashr");
            case ProofOperation.RotateLeft:
                return Apply(term.Children, names =>
                {
                    var count = Resized(names[1], term.Children[1].Width, width);
                    return $"(bvor (bvshl {names[0]} {count}) (bvlshr {names[0]} (bvand (bvneg {count}) {Number((ulong)width - 1, width)})))";
                });
            case ProofOperation.LeadingZeros or ProofOperation.TrailingZeros:
                return Apply(term.Children, names =>
                {
                    var wide = term.Children[0].Width;
                    var count = Number(0, width);
                    for (var i = 0; i < wide; i++)
                    {
                        // The bit that is looked at last decides first.
                        var bit = term.Code == ProofOperation.LeadingZeros ? i : wide - 1 - i;
                        count = $"(ite (= ((_ extract {bit} {bit}) {names[0]}) #b1) {Number((ulong)(wide - 1 - i), width)} {count})";
                    }

                    return count;
                });
            default:
                return "";
        }

        string? Binary(string name) => Apply(term.Children, names => $"({name} {names[0]} {names[1]})");

        string? Shifted(string name) => Apply(term.Children, names => $"({name} {names[0]} {Resized(names[1], term.Children[1].Width, width)})");
    }

    private string? Apply(Term[] children, Func<string[], string> definition)
    {
        var operands = new string[children.Length];
        for (var i = 0; i < children.Length; i++)
        {
            if (children[i].Width is 0 or > 64 || Name(children[i]) is not { } name)
            {
                return null;
            }

            operands[i] = name;
        }

        return definition(operands);
    }

    private string? Sum(Term term)
    {
        var sum = Number(term.Numbers[0], term.Width);
        foreach (var monomial in Monomial.Of(term))
        {
            var product = Number(monomial.Coefficient, term.Width);
            var factors = new List<string>();
            foreach (var factor in monomial.Factors)
            {
                if (Name(factor) is not { } name)
                {
                    return null;
                }

                factors.Add(name);
            }

            if (factors.Count > 1 && term.Width >= WideProduct)
            {
                factors = [Open(term.Width, factors)];
            }

            foreach (var factor in factors)
            {
                product = monomial.Coefficient == 1 && factors.Count == 1 ? factor : $"(bvmul {product} {factor})";
            }

            sum = $"(bvadd {sum} {product})";
        }

        return sum;
    }

    /// <summary>The unknown that stands for a product of some factors at a width.</summary>
    private string Open(int width, List<string> factors)
    {
        var key = string.Create(CultureInfo.InvariantCulture, $"{width}:{string.Join('*', factors)}");
        if (!products.TryGetValue(key, out var name))
        {
            products.Add(key, name = $"p{products.Count}");
            text.Append(CultureInfo.InvariantCulture, $"(declare-const {name} (_ BitVec {width}))\n");
        }

        return name;
    }

    /// <summary>At 64 bits.</summary>
    private string? Conjunction(BitInput[] inputs, ulong mask)
    {
        var all = Number(mask, 64);
        foreach (var (atom, shift) in inputs)
        {
            if (Name(atom) is not { } name)
            {
                return null;
            }

            all = $"(bvand {all} {Shift(Resized(name, atom.Width, 64), shift)})";
        }

        return all;
    }

    private static string Shift(string value, int right) => right switch
    {
        0 => value,
        > 0 => $"(bvlshr {value} {Number((ulong)right, 64)})",
        _ => $"(bvshl {value} {Number((ulong)-right, 64)})",
    };

    private static string Narrowed(string value, int width) => width == 64 ? value : string.Create(CultureInfo.InvariantCulture, $"((_ extract {width - 1} 0) {value})");

    private static string Resized(string value, int from, int to) =>
        from == to ? value : from > to ? Narrowed(value, to) : string.Create(CultureInfo.InvariantCulture, $"((_ zero_extend {to - from}) {value})");

    public static string Number(ulong value, int width) => string.Create(CultureInfo.InvariantCulture, $"(_ bv{value & Term.MaskOf(width)} {width})");
}
