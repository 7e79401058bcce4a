using Mewe.Diversify.Rules;
using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Terms;

/// <summary>What a step of a <see cref="Rewrite"/>'s matching program does.</summary>
internal enum MatchKind : byte
{
    /// <summary>Some node of the class in the register must have the opcode; its operands go to the registers from <see cref="MatchStep.Out"/>.</summary>
    Node,
    /// <summary>The class in the register is bound to a variable.</summary>
    Bind,
    /// <summary>The class in the register must be the one that a variable is bound to.</summary>
    Same,
    /// <summary>The class in the register must have a constant, which a named constant is bound to (or must be equal to).</summary>
    Constant,
    /// <summary>The class in the register must have a constant, whose value the formula gives; at the end of a program, when all names are bound.</summary>
    Formula,
}

/// <summary>One step of a matching program.</summary>
internal readonly record struct MatchStep(MatchKind Kind, int Register, Opcode Opcode = default, int Out = 0, int Index = 0, TermType Type = TermType.None, ConstantFormula? Formula = null);

/// <summary>
/// A rule read in one direction, ready to be matched in an <see cref="EGraph"/>. The left side is a small program over registers as in egg and in de Moura and Bjorner, "Efficient
/// E-Matching for SMT Solvers" (2007). Rules that draw constants or values are not here: a graph has no end of them.
/// </summary>
internal sealed class Rewrite
{
    /// <summary>Enough registers, bindings and constants for every rule; <see cref="TryCompile"/> refuses what needs more.</summary>
    public const int MaxRegisters = 24, MaxVariables = 8, MaxConstants = 8;

    private Rewrite(string name, Rule rule, bool reversed, RuleOperation left, RuleNode right, MatchStep[] program, Feature feature)
    {
        (Name, Rule, IsReversed, Left, Right, Program, Feature) = (name, rule, reversed, left, right, program, feature);
        Conditions = [.. rule.Clauses.OfType<Holds>().Select(holds => holds.Formula)];
        OperandBits = [.. left.Operands.Select(BitsOf)];
        Text = new TextWriter().Write(rule, left, right);
        MatchedNodes = program.Count(step => step.Kind is MatchKind.Node or MatchKind.Constant or MatchKind.Formula);
    }

    /// <summary><c>file/rule@width</c>, the same for both directions: a rule is an identity, and an explanation reads it either way.</summary>
    public string Name { get; }

    public Rule Rule { get; }

    /// <summary>What it says, whatever its names are: commutativity reads the same in both directions, and is wanted once.</summary>
    public string Text { get; }

    /// <summary>True where the rule's replacement is the left side.</summary>
    public bool IsReversed { get; }

    public RuleOperation Left { get; }

    public RuleNode Right { get; }

    public MatchStep[] Program { get; }

    /// <summary>Nodes that a match consists of: instructions and constants of the left side.</summary>
    public int MatchedNodes { get; }

    /// <summary>For each operand of the left side's root, what its class must have (<see cref="EGraph.BitOf"/>); 0 for anything. Most rules fail here.</summary>
    public ulong[] OperandBits { get; }

    /// <summary>Formulas that must not be zero.</summary>
    public ConstantFormula[] Conditions { get; }

    /// <summary>The feature that the right side needs.</summary>
    public Feature Feature { get; }

    /// <summary>A rule in both directions, as far as they can be used in a graph.</summary>
    /// <param name="file">Of the rule, for its name.</param>
    public static IEnumerable<Rewrite> Both(string file, Rule rule)
    {
        if (rule.FreshCount > 0 || rule.Clauses.Any(clause => clause is Free))
        {
            yield break;
        }

        if (TryCompile(rule.NameIn(file), rule, false, rule.Pattern, rule.Replacement) is { } forward)
        {
            yield return forward;
        }

        if (rule.Replacement is RuleOperation replacement
            && TryCompile(rule.NameIn(file), rule, true, replacement, rule.Pattern) is { } backward)
        {
            yield return backward;
        }
    }

    private static Rewrite? TryCompile(string name, Rule rule, bool reversed, RuleOperation left, RuleNode right)
    {
        if (!IsTotal(left) || !IsTotal(right) || rule.ConstantCount > MaxConstants || rule.VariableTypes.Length > MaxVariables)
        {
            return null;
        }

        var compiler = new Compiler(rule);
        if (!compiler.Compile(left) || !compiler.Binds(right))
        {
            return null;
        }

        return new Rewrite(name, rule, reversed, left, right, compiler.Program(), FeatureOf(right));
    }

    /// <summary>Every instruction is total, or a division by a constant (the graph sees to it that no such constant traps).</summary>
    private static bool IsTotal(RuleNode node) => node is not RuleOperation operation
        || ((ExpressionWindow.IsTotal(operation.Opcode) || (ExpressionWindow.IsDivision(operation.Opcode) && operation.Operands[1] is RuleConstant))
            && operation.Operands.All(IsTotal));

    private static ulong BitsOf(RuleNode node) => node switch
    {
        RuleOperation operation => EGraph.BitOf(operation.Opcode),
        RuleConstant constant => EGraph.BitOf(constant.Type == ValueType.I32 ? Opcode.I32Const : Opcode.I64Const),
        _ => 0,
    };

    private static Feature FeatureOf(RuleNode node) => node is RuleOperation operation
        ? operation.Operands.Select(FeatureOf).Append(OpcodeTable.Get(operation.Opcode).Feature).Max()
        : Feature.Mvp;

    private sealed class Compiler(Rule rule)
    {
        private readonly List<MatchStep> steps = [];
        private readonly List<MatchStep> formulas = [];
        private readonly HashSet<int> variables = [];
        private readonly HashSet<int> constants = [];
        private int registers = 1;

        public bool Compile(RuleOperation left)
        {
            Node(left, 0);
            return registers <= MaxRegisters && formulas.All(step => NamesIn(step.Formula!).All(constants.Contains));
        }

        public MatchStep[] Program() => [.. steps, .. formulas];

        /// <summary>True where all that the right side and the clauses name is bound.</summary>
        public bool Binds(RuleNode right) => Bound(right) && rule.Clauses.OfType<Holds>().All(holds => NamesIn(holds.Formula).All(constants.Contains));

        private bool Bound(RuleNode node) => node switch
        {
            RuleVariable variable => variables.Contains(variable.Index),
            RuleConstant constant => NamesIn(constant.Formula).All(constants.Contains),
            _ => ((RuleOperation)node).Operands.All(Bound),
        };

        private void Node(RuleOperation node, int register)
        {
            var first = registers;
            registers += node.Operands.Length;
            var type = node.Opcode == Opcode.Select ? (rule.Width == 32 ? TermType.I32 : TermType.I64) : TermType.None;
            steps.Add(new MatchStep(MatchKind.Node, register, node.Opcode, first, Type: type));
            for (var i = 0; i < node.Operands.Length; i++)
            {
                // Constants first: they fail early.
                if (node.Operands[i] is RuleConstant constant)
                {
                    Constant(constant, first + i);
                }
            }

            for (var i = 0; i < node.Operands.Length; i++)
            {
                if (node.Operands[i] is RuleVariable variable)
                {
                    steps.Add(new MatchStep(variables.Add(variable.Index) ? MatchKind.Bind : MatchKind.Same, first + i, Index: variable.Index));
                }
            }

            for (var i = 0; i < node.Operands.Length; i++)
            {
                if (node.Operands[i] is RuleOperation operation)
                {
                    Node(operation, first + i);
                }
            }
        }

        private void Constant(RuleConstant constant, int register)
        {
            var opcode = constant.Type == ValueType.I32 ? Opcode.I32Const : Opcode.I64Const;
            if (constant.Formula is ConstantFormula.Named named)
            {
                constants.Add(named.Index);
                steps.Add(new MatchStep(MatchKind.Constant, register, opcode, Index: named.Index, Type: TermTypes.Of(constant.Type)));
            }
            else
            {
                (NamesIn(constant.Formula).Any() ? formulas : steps)
                    .Add(new MatchStep(MatchKind.Formula, register, opcode, Type: TermTypes.Of(constant.Type), Formula: constant.Formula));
            }
        }

        private static IEnumerable<int> NamesIn(ConstantFormula formula) => formula switch
        {
            ConstantFormula.Named named => [named.Index],
            ConstantFormula.Unary unary => NamesIn(unary.A),
            ConstantFormula.Binary binary => NamesIn(binary.A).Concat(NamesIn(binary.B)),
            _ => [],
        };
    }

    /// <summary>Writes both sides with variables numbered in order of first occurrence.</summary>
    private sealed class TextWriter
    {
        private readonly Dictionary<int, int> numbers = [];

        public string Write(Rule rule, RuleNode left, RuleNode right) => rule.ConstantCount > 0
            ? $"{rule.Width} {rule.Source} {left == rule.Pattern}"
            : $"{rule.Width} {Node(left)} {Node(right)}";

        private string Node(RuleNode node)
        {
            switch (node)
            {
                case RuleVariable variable:
                    numbers.TryAdd(variable.Index, numbers.Count);
                    return $"${numbers[variable.Index]}";
                case RuleConstant constant:
                    return $"{constant.Type}:{constant.Formula.Evaluate([], constant.Type == ValueType.I32 ? 32 : 64)}";
                default:
                    var operation = (RuleOperation)node;
                    return $"({operation.Opcode} {string.Join(' ', operation.Operands.Select(Node))})";
            }
        }
    }
}
