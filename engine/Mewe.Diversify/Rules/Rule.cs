using Mewe.Diversify.Terms;
using Mewe.Wasm;

namespace Mewe.Diversify.Rules;

/// <summary>A node of a rule's pattern or replacement, for one width.</summary>
public abstract record RuleNode;

/// <summary>An instruction with its operands.</summary>
public sealed record RuleOperation(Opcode Opcode, RuleNode[] Operands) : RuleNode;

/// <summary>A variable: an operand that may be any expression.</summary>
/// <param name="Index">Position in the rule's order of first occurrence; those that the pattern does not bind come last.</param>
public sealed record RuleVariable(int Index) : RuleNode;

/// <summary>A constant of an integer type whose value is computed when the rule is applied.</summary>
public sealed record RuleConstant(ValueType Type, ConstantFormula Formula) : RuleNode;

/// <summary>What a rule demands of its constants (all true), or how a free one is drawn.</summary>
public abstract record RuleClause;

/// <summary>The formula must not be zero.</summary>
public sealed record Holds(ConstantFormula Formula) : RuleClause;

/// <summary>How a constant that the pattern does not bind is chosen.</summary>
public enum Draw { Any, Odd, Shift, Small }

/// <summary>A constant that the pattern does not bind.</summary>
public sealed record Free(int Constant, Draw Draw) : RuleClause;

/// <summary>
/// A rewrite rule for one width: <c>pattern => replacement when clauses</c>. It holds for all values of the variables and for all constants that the
/// clauses accept; see RULES.md in this folder for the syntax. The tests evaluate every rule on boundary and random values.
/// </summary>
/// <param name="Source">The line it was read from.</param>
/// <param name="Width">32 or 64: what the unprefixed instruction names mean.</param>
/// <param name="VariableTypes">Type of each variable.</param>
/// <param name="VariableNames">Its name in the rule.</param>
/// <param name="ConstantNames">Of the constants, bound and free, with their $.</param>
/// <param name="Feature">The feature that the replacement needs beyond the pattern's.</param>
public sealed record Rule(string Name, string Source, int Width, RuleOperation Pattern, RuleNode Replacement, RuleClause[] Clauses,
    ValueType[] VariableTypes, string[] VariableNames, string[] ConstantNames, Feature Feature)
{
    /// <summary>
    /// What steps call the rule: <c>file/rule@width</c>. A learned rule is in no file that others have, so its whole line stands behind the file's name, and a multivariant module says by itself what it
    /// was made with.
    /// </summary>
    public string NameIn(string file) => file == TransformCatalog.LearnedFile ? $"{file}/{Source}" : $"{file}/{Name}@{Width}";

    /// <summary>
    /// How many variables, the last ones, stand in the replacement only (<c>?r</c>): any value that is the same wherever the variable stands. Such a rule is applied in blinded candidates, with the blind word.
    /// </summary>
    public int FreshCount { get; init; }

    /// <summary>Number of named constants.</summary>
    public int ConstantCount => ConstantNames.Length;

    /// <summary>Draws the free constants and checks the clauses.</summary>
    /// <param name="constants">The bound ones are filled in.</param>
    public bool Accepts(Span<ulong> constants, SeededRandom random)
    {
        foreach (var clause in Clauses)
        {
            switch (clause)
            {
                case Free free:
                    constants[free.Constant] = DrawConstant(free.Draw, random);
                    break;
                case Holds holds when holds.Formula.Evaluate(constants, Width) == 0:
                    return false;
            }
        }

        return true;
    }

    /// <summary>The replacement with its constants computed.</summary>
    public Term Instantiate(ReadOnlySpan<ulong> constants) => Instantiate(Replacement, constants);

    private Term Instantiate(RuleNode node, ReadOnlySpan<ulong> constants)
    {
        switch (node)
        {
            case RuleVariable variable:
                return Term.Variable(variable.Index);
            case RuleConstant constant:
                return Term.Constant(constant.Type, constant.Formula.Evaluate(constants, constant.Type == ValueType.I32 ? 32 : 64));
            default:
                var operation = (RuleOperation)node;
                var children = new Term[operation.Operands.Length];
                for (var i = 0; i < children.Length; i++)
                {
                    children[i] = Instantiate(operation.Operands[i], constants);
                }

                return Term.Of(Instruction.Of(operation.Opcode), children);
        }
    }

    private ulong DrawConstant(Draw draw, SeededRandom random)
    {
        var mask = Width == 32 ? uint.MaxValue : ulong.MaxValue;
        return draw switch
        {
            Draw.Shift => (ulong)random.Between(1, Width - 1),
            Draw.Small => (ulong)random.Between(1, 127),
            Draw.Odd => (random.OneIn(2) ? random.NextBits() : (ulong)random.Between(3, 127)) & mask | 1,
            _ => (random.Below(3) switch { 0 => random.NextBits(), 1 => (ulong)random.Between(1, 8191), _ => (ulong)-(long)random.Between(1, 8191) }) & mask,
        };
    }
}
