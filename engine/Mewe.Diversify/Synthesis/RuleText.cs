using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Mewe.Diversify.Terms;
using Mewe.Wasm;

namespace Mewe.Diversify.Synthesis;

/// <summary>Writes terms in the syntax of rule files (RULES.md).</summary>
internal static class RuleText
{
    private static readonly string[] VariableNames = ["x", "y", "z", "u", "v", "s", "t", "r"];

    /// <summary>A term with instruction names in full; variables are x, y, z ... by number.</summary>
    public static string Of(Term term)
    {
        var text = new StringBuilder();
        Write(term, text);
        return text.ToString();
    }

    /// <summary>The line of a rule, named after its content.</summary>
    public static string Line(int width, string pattern, string replacement)
    {
        var name = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{pattern} => {replacement}"))[..6]);
        return $"{name}@{width}: {pattern} => {replacement}";
    }

    private static void Write(Term term, StringBuilder text)
    {
        if (term.IsVariable)
        {
            text.Append(VariableNames[term.VariableIndex]);
            return;
        }

        switch (term.Instruction.Opcode)
        {
            case Opcode.I32Const:
                text.Append(((int)term.Instruction.Bits).ToString(CultureInfo.InvariantCulture));
                return;
            case Opcode.I64Const:
                text.Append(((long)term.Instruction.Bits).ToString(CultureInfo.InvariantCulture));
                return;
        }

        text.Append('(').Append(OpcodeTable.Get(term.Instruction.Opcode).Name);
        foreach (var child in term.Children)
        {
            text.Append(' ');
            Write(child, text);
        }

        text.Append(')');
    }
}
