using System.Globalization;
using System.Text;
using Mewe.Wasm;

namespace Mewe.Equivalence.Proof.Terms;

/// <summary>Terms for people: messages and debuggers. What is nested too deep is cut, and so is what gets too long: a term of sums of a hundred parts each would be a text of megabytes.</summary>
internal static class TermText
{
    private const int Deepest = 6;

    /// <summary>Characters from which on nothing is added but what closes what is open.</summary>
    private const int Longest = 1000;

    public static string Of(Term term)
    {
        var text = new StringBuilder();
        Write(text, term, 0);
        return text.ToString();
    }

    private static void Write(StringBuilder text, Term term, int depth)
    {
        if (depth > Deepest || IsFull())
        {
            text.Append('#').Append(term.Id);
            return;
        }

        switch (term.Kind)
        {
            case TermKind.Constant:
                text.Append(term.Value > 0xFFFF ? "0x" + term.Value.ToString("x", CultureInfo.InvariantCulture) : term.Value.ToString(CultureInfo.InvariantCulture));
                break;
            case TermKind.Symbol:
                text.Append(CultureInfo.InvariantCulture, $"s{term.Code}.{term.Value}");
                break;
            case TermKind.Sum:
                text.Append('(').Append(CultureInfo.InvariantCulture, $"{term.Numbers[0]}");
                foreach (var monomial in Monomial.Of(term))
                {
                    if (IsFull())
                    {
                        text.Append(" + ...");
                        break;
                    }

                    text.Append(CultureInfo.InvariantCulture, $" + {(long)monomial.Coefficient}");
                    foreach (var factor in monomial.Factors)
                    {
                        text.Append('*');
                        Write(text, factor, depth + 1);
                    }
                }

                text.Append(')');
                break;
            case TermKind.Bits:
                text.Append("bits(");
                Parts(term.Children.Select((child, i) => (child, (int)term.Numbers[i])));
                text.Append(CultureInfo.InvariantCulture, $" & 0x{term.Value:x} << {term.Code})");
                break;
            case TermKind.Parity:
                text.Append("xor(").Append(CultureInfo.InvariantCulture, $"0x{term.Form!.Constant:x}");
                foreach (var part in term.Form.Parts)
                {
                    if (IsFull())
                    {
                        text.Append(" ^ ...");
                        break;
                    }

                    text.Append(" ^ ");
                    Parts(part.Inputs.Select(input => (input.Atom, input.Shift)));
                    text.Append(CultureInfo.InvariantCulture, $"&0x{part.Mask:x}");
                }

                text.Append(')');
                break;
            default:
                text.Append(term.Kind == TermKind.Operation && term.Code < OpcodeTable.Size ? ((Opcode)term.Code).ToString() : term.Kind.ToString());
                text.Append(term.Width).Append('[').Append(term.Value).Append("](");
                for (var i = 0; i < term.Children.Length && !IsFull(); i++)
                {
                    text.Append(i == 0 ? "" : ", ");
                    Write(text, term.Children[i], depth + 1);
                }

                text.Append(')');
                break;
        }

        bool IsFull() => text.Length > Longest;

        void Parts(IEnumerable<(Term Atom, int Shift)> parts)
        {
            var separator = "";
            foreach (var (atom, shift) in parts)
            {
                text.Append(separator);
                separator = "&";
                if (IsFull())
                {
                    text.Append("...");
                    break;
                }

                Write(text, atom, depth + 1);
                if (shift != 0)
                {
                    text.Append(CultureInfo.InvariantCulture, $">>{shift}");
                }
            }
        }
    }
}
