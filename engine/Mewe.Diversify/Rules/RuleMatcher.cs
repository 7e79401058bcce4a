using Mewe.Diversify.Terms;
using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Rules;

/// <summary>
/// Matches a rule's pattern against the expression that ends at an instruction, from right to left. Instructions and constants of the pattern must stand directly there;
/// variables match any tree. The leftmost variables may also be values that are held on the stack. A variable that occurs twice must be the same pure instructions twice.
/// One matcher serves one thread.
/// </summary>
public sealed class RuleMatcher
{
    private readonly int[] variableOf = new int[16];
    private readonly ulong[] constants = new ulong[16];
    private readonly bool[] bound = new bool[16];
    private int firstFresh;

    /// <summary>The region that the latest match covers; its operands are the pattern's variable occurrences in order.</summary>
    public Region Region { get; } = new();

    /// <summary>The edit that applies the rule at an instruction, or null where it does not match or its clauses refuse.</summary>
    public Transforms.Edit? Apply(FunctionView view, Rule rule, int root, Transforms.RewriteContext context)
    {
        Region.Begin(root);
        Array.Clear(bound, 0, rule.ConstantCount);
        if (!Match(view, rule, rule.Pattern, root))
        {
            return null;
        }

        Region.Finish();
        variableOf.AsSpan(0, Region.Count).Reverse();
        if (!RepeatedVariablesAgree(view) || !rule.Accepts(constants.AsSpan(0, rule.ConstantCount), context.Random))
        {
            return null;
        }

        firstFresh = rule.VariableTypes.Length - rule.FreshCount;
        var fresh = rule.FreshCount == 0 ? [] : new Term[rule.FreshCount];
        for (var i = 0; i < fresh.Length; i++)
        {
            if (BlindValue.Draw(view, rule.VariableTypes[firstFresh + i], ValuesAtHand.EffectsOf(view, Region), context.Random) is not { } value)
            {
                return null;
            }

            fresh[i] = value;
        }

        return TermEmitter.Emit(view, Region, Renumber(rule.Instantiate(constants), fresh), context);
    }

    private bool Match(FunctionView view, Rule rule, RuleOperation pattern, int at)
    {
        if (view[at].Opcode != pattern.Opcode || !view.IsReachable(at) || view.ResultCount(at) != 1)
        {
            return false;
        }

        if (pattern.Opcode == Opcode.Select && view.ResultType(at) != (rule.Width == 32 ? ValueType.I32 : ValueType.I64))
        {
            return false;
        }

        Region.Step(at);
        for (var k = pattern.Operands.Length - 1; k >= 0; k--)
        {
            var operand = Region.Start - 1;
            switch (pattern.Operands[k])
            {
                case RuleVariable variable:
                    variableOf[Region.Count] = variable.Index;
                    if (!Region.Take(view, at, rule.VariableTypes[variable.Index]))
                    {
                        return false;
                    }

                    break;
                case RuleConstant constant:
                    if (!Follows(view, at, operand) || !MatchConstant(constant, view[operand]))
                    {
                        return false;
                    }

                    Region.Step(operand);
                    break;
                case RuleOperation operation:
                    if (!Follows(view, at, operand) || !Match(view, rule, operation, operand))
                    {
                        return false;
                    }

                    break;
            }
        }

        return true;
    }

    /// <summary>True where <paramref name="operand"/> pushes what <paramref name="consumer"/> takes next, and nothing to the right was a held value.</summary>
    private bool Follows(FunctionView view, int consumer, int operand) =>
        Region.HeldCount == 0 && operand >= 0 && view.ResultCount(operand) == 1 && view.Consumer(operand) == consumer;

    private bool MatchConstant(RuleConstant pattern, in Instruction instruction)
    {
        if (instruction.Opcode != (pattern.Type == ValueType.I32 ? Opcode.I32Const : Opcode.I64Const))
        {
            return false;
        }

        var value = pattern.Type == ValueType.I32 ? (uint)instruction.Bits : instruction.Bits;
        if (pattern.Formula is not ConstantFormula.Named { Index: var index })
        {
            return pattern.Formula.Evaluate(constants, pattern.Type == ValueType.I32 ? 32 : 64) == value;
        }

        if (bound[index])
        {
            return constants[index] == value;
        }

        (bound[index], constants[index]) = (true, value);
        return true;
    }

    private bool RepeatedVariablesAgree(FunctionView view)
    {
        for (var i = 0; i < Region.Count; i++)
        {
            for (var j = i + 1; j < Region.Count; j++)
            {
                if (variableOf[i] == variableOf[j] && !Region.SamePure(view, i, j))
                {
                    return false;
                }
            }
        }

        return true;
    }

    /// <summary>From the rule's variables to the region's operands (the first occurrence of each); from those that the pattern does not bind, the last ones, to <paramref name="fresh"/>.</summary>
    private Term Renumber(Term term, ReadOnlySpan<Term> fresh)
    {
        if (term.IsVariable)
        {
            var at = Array.IndexOf(variableOf, term.VariableIndex, 0, Region.Count);
            return at >= 0 ? Term.Variable(at) : fresh[term.VariableIndex - firstFresh];
        }

        var children = term.Children;
        for (var i = 0; i < children.Length; i++)
        {
            children[i] = Renumber(children[i], fresh);
        }

        return term;
    }
}
