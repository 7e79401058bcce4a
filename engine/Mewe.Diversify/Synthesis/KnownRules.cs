using System.Collections.Immutable;
using Mewe.Diversify.Rules;
using Mewe.Diversify.Terms;
using Mewe.Wasm;

namespace Mewe.Diversify.Synthesis;

/// <summary>Answers whether an equality is news: not an instance of a rule that is there, and not found by a small saturation with those rules.</summary>
internal sealed class KnownRules
{
    private readonly ImmutableArray<Rule> rules;
    private readonly Saturation saturation;

    public KnownRules(IEnumerable<(string File, ImmutableArray<Rule> Rules)> files)
    {
        var all = files.ToList();
        rules = [.. all.SelectMany(file => file.Rules).Where(rule => rule.FreshCount == 0)];
        saturation = new Saturation(new RewriteSet(all), new SaturationLimits { Nodes = 256, Iterations = 3 });
    }

    /// <summary>True where rules give the right side from the left one, or the left one from the right.</summary>
    public bool Imply(Term left, Term right, int width) => ByOneRule(left, right, width) || ByOneRule(left, Commuted(right), width)
        || BySaturation(left, right, width);

    /// <summary>The same with its operands in the other order, where that is the same: a rule and a commutation need no saturation, which many rules fill up before it meets them.</summary>
    private static Term Commuted(Term term) => !term.IsVariable && term.Children.Length == 2 && term.Instruction.Opcode
        is Opcode.I32Add or Opcode.I32Mul or Opcode.I32And or Opcode.I32Or or Opcode.I32Xor or Opcode.I32Eq or Opcode.I32Ne
        or Opcode.I64Add or Opcode.I64Mul or Opcode.I64And or Opcode.I64Or or Opcode.I64Xor or Opcode.I64Eq or Opcode.I64Ne
        ? Term.Of(term.Instruction, term.Children[1], term.Children[0]) : term;

    /// <summary>An instance of one rule, at the root or at one operand below equal ones.</summary>
    private bool ByOneRule(Term left, Term right, int width)
    {
        foreach (var rule in rules)
        {
            if (rule.Width == width && (new Instance(rule).Fits(left, right) || new Instance(rule).Fits(right, left)))
            {
                return true;
            }
        }

        if (left.IsVariable || right.IsVariable || left.Instruction != right.Instruction || left.Children.Length == 0)
        {
            return false;
        }

        var differing = Enumerable.Range(0, left.Children.Length).Where(k => RuleText.Of(left.Children[k]) != RuleText.Of(right.Children[k])).ToList();
        return differing.TrueForAll(k => ByOneRule(left.Children[k], right.Children[k], width));
    }

    private bool BySaturation(Term left, Term right, int width)
    {
        saturation.Reset(_ => true, SeededRandom.For(0, [], (uint)width, "implied"));
        var graph = saturation.Graph;
        var (a, b) = (Add(graph, left, width), Add(graph, right, width));
        if (a < 0 || b < 0)
        {
            return false;
        }

        var stop = saturation.Run();
        return stop != SaturationStop.Contradiction && graph.Find(a) == graph.Find(b);
    }

    private static int Add(EGraph graph, Term term, int width)
    {
        if (term.IsVariable)
        {
            return graph.Variable(term.VariableIndex, width == 32 ? TermType.I32 : TermType.I64);
        }

        if (term.Children.Length == 0)
        {
            return graph.Constant(term.Instruction.Opcode, term.Instruction.Opcode == Opcode.I32Const ? (uint)term.Instruction.Bits : term.Instruction.Bits);
        }

        var a = Add(graph, term.Children[0], width);
        var b = term.Children.Length > 1 ? Add(graph, term.Children[1], width) : EGraph.None;
        return a < 0 || (term.Children.Length > 1 && b < 0) ? EGraph.None : graph.Operation(term.Instruction.Opcode, a, b);
    }

    /// <summary>One attempt to see two terms as the two sides of a rule.</summary>
    private sealed class Instance(Rule rule)
    {
        private readonly string?[] variables = new string?[rule.VariableTypes.Length];
        private readonly ulong[] constants = new ulong[rule.ConstantCount];
        private readonly bool[] bound = new bool[rule.ConstantCount];
        private readonly List<(ConstantFormula Formula, int Width, ulong Value)> computed = [];

        public bool Fits(Term left, Term right) => Match(rule.Pattern, left) && Match(rule.Replacement, right)
            && Array.TrueForAll(bound, known => known)
            && computed.TrueForAll(item => item.Formula.Evaluate(constants, item.Width) == item.Value)
            && rule.Clauses.OfType<Holds>().All(holds => holds.Formula.Evaluate(constants, rule.Width) != 0);

        private bool Match(RuleNode node, Term term)
        {
            switch (node)
            {
                case RuleVariable variable:
                    var text = RuleText.Of(term);
                    variables[variable.Index] ??= text;
                    return variables[variable.Index] == text;
                case RuleConstant constant:
                    return !term.IsVariable && MatchConstant(constant, term.Instruction);
                default:
                    var operation = (RuleOperation)node;
                    if (term.IsVariable || term.Instruction.Opcode != operation.Opcode || term.Children.Length != operation.Operands.Length)
                    {
                        return false;
                    }

                    for (var k = 0; k < operation.Operands.Length; k++)
                    {
                        if (!Match(operation.Operands[k], term.Children[k]))
                        {
                            return false;
                        }
                    }

                    return true;
            }
        }

        private bool MatchConstant(RuleConstant constant, in Instruction instruction)
        {
            if (instruction.Opcode != (constant.Type == ValueType.I32 ? Opcode.I32Const : Opcode.I64Const))
            {
                return false;
            }

            var (width, value) = constant.Type == ValueType.I32 ? (32, (uint)instruction.Bits) : (64, instruction.Bits);
            if (constant.Formula is not ConstantFormula.Named named)
            {
                computed.Add((constant.Formula, width, value));
                return true;
            }

            if (bound[named.Index])
            {
                return constants[named.Index] == value;
            }

            (bound[named.Index], constants[named.Index]) = (true, value);
            return true;
        }
    }
}
