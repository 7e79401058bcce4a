using Mewe.Wasm;

namespace Mewe.Diversify.Rules;

/// <summary>Reads rule files; RULES.md describes the syntax.</summary>
public static class RuleParser
{
    private const int MaxVariables = 8;

    /// <summary>All rules of a text, each once for every width that it claims.</summary>
    /// <exception cref="FormatException">With the line that is wrong.</exception>
    public static IReadOnlyList<Rule> Parse(string text)
    {
        var rules = new List<Rule>();
        foreach (var raw in text.Split('\n'))
        {
            var line = raw.Split(';')[0].Trim();
            if (line.Length == 0)
            {
                continue;
            }

            try
            {
                var scope = new Reader(line);
                if (scope.Widths is 0 or 32)
                {
                    rules.Add(scope.Read(32));
                }

                if (scope.Widths is 0 or 64)
                {
                    rules.Add(scope.Read(64));
                }
            }
            catch (Exception error) when (error is FormatException or ArgumentException or KeyNotFoundException or IndexOutOfRangeException)
            {
                throw new FormatException($"rule \"{line}\": {error.Message}", error);
            }
        }

        return rules;
    }

    /// <summary>One line, for one width at a time.</summary>
    private sealed class Reader
    {
        private readonly string line;
        private readonly List<string> tokens = [];
        private readonly Dictionary<string, int> variables = [];
        private readonly Dictionary<string, int> constants = [];
        private readonly ValueType[] variableTypes = new ValueType[MaxVariables];
        private int at, width;
        private bool inPattern;

        public Reader(string line)
        {
            this.line = line;
            var colon = line.IndexOf(':');
            Name = line[..colon].Trim();
            if (Name.Split('@') is [var bare, var only])
            {
                Name = bare;
                Widths = int.Parse(only);
            }

            foreach (var token in Tokenize(line[(colon + 1)..]))
            {
                tokens.Add(token);
            }
        }

        private string Name { get; }

        /// <summary>0 for both.</summary>
        public int Widths { get; }

        public Rule Read(int forWidth)
        {
            (at, width) = (0, forWidth);
            variables.Clear();
            constants.Clear();
            Array.Clear(variableTypes);
            inPattern = true;
            var (node, type) = ReadNode(null);
            inPattern = false;
            Expect("=>");
            var (bound, boundVariables) = (constants.Count, variables.Count);
            var (replacement, _) = ReadNode(type);
            var clauses = new List<RuleClause>();
            if (at < tokens.Count)
            {
                Expect("when");
                while (at < tokens.Count)
                {
                    clauses.Add(ReadClause());
                }
            }

            var drawn = clauses.OfType<Free>().Select(free => free.Constant).ToHashSet();
            for (var constant = bound; constant < constants.Count; constant++)
            {
                if (!drawn.Contains(constant))
                {
                    clauses.Insert(0, new Free(constant, Draw.Any));
                }
            }

            clauses = [.. clauses.OfType<Free>(), .. clauses.OfType<Holds>()];
            return new Rule(Name, line, width, (RuleOperation)node, replacement, [.. clauses], variableTypes[..variables.Count],
                InOrder(variables), InOrder(constants), FeatureOf(replacement)) { FreshCount = variables.Count - boundVariables };
        }

        private static string[] InOrder(Dictionary<string, int> names) => [.. names.OrderBy(pair => pair.Value).Select(pair => pair.Key)];

        private static Feature FeatureOf(RuleNode node) => node is RuleOperation operation
            ? operation.Operands.Select(FeatureOf).Append(OpcodeTable.Get(operation.Opcode).Feature).Max()
            : Feature.Mvp;

        private static IEnumerable<string> Tokenize(string text)
        {
            foreach (var open in "(){}")
            {
                text = text.Replace(open.ToString(), $" {open} ");
            }

            return text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        }

        private string Next() => tokens[at++];

        private void Expect(string token)
        {
            if (Next() is var found && found != token)
            {
                throw new FormatException($"{token} expected, not {found}");
            }
        }

        private (RuleNode Node, ValueType Type) ReadNode(ValueType? wanted)
        {
            var token = Next();
            if (token == "(")
            {
                return ReadOperation();
            }

            if (token == "{" && inPattern)
            {
                throw new FormatException("a pattern has numbers and names of constants, not formulas: a name in one may not be bound yet where it is matched");
            }

            if (token == "{" || token[0] == '$' || char.IsDigit(token[0]) || (token[0] == '-' && token.Length > 1) || token is "w" or "sign")
            {
                at--;
                var type = wanted ?? throw new FormatException("a constant alone has no type");
                return (new RuleConstant(type, ReadFormula()), type);
            }

            if (!variables.TryGetValue(token, out var index))
            {
                index = inPattern != (token[0] == '?') ? variables.Count
                    : throw new FormatException(inPattern ? $"{token} may not stand in the pattern" : $"{token} does not stand in the pattern");
                variables.Add(token, index);
                variableTypes[index] = wanted ?? throw new FormatException($"{token} has no type");
            }

            return (new RuleVariable(index), variableTypes[index]);
        }

        private (RuleNode, ValueType) ReadOperation()
        {
            var name = Next();
            if (name == "select")
            {
                return ReadSelect();
            }

            var info = OpcodeTable.Find(name.Contains('.') ? name : $"i{width}.{name}") ?? throw new FormatException($"no instruction {name}");
            var operands = new RuleNode[info.Operands.Length];
            for (var i = 0; i < operands.Length; i++)
            {
                (operands[i], var type) = ReadNode(ValueType.FromLetter(info.Operands[i]));
                if (type != ValueType.FromLetter(info.Operands[i]))
                {
                    throw new FormatException($"operand {i} of {name} is a {type}");
                }
            }

            Expect(")");
            return (new RuleOperation(info.Opcode, operands), ValueType.FromLetter(info.Results[0]));
        }

        /// <summary>A select of numbers of the rule's width.</summary>
        private (RuleNode, ValueType) ReadSelect()
        {
            var type = width == 32 ? ValueType.I32 : ValueType.I64;
            RuleNode[] operands = [ReadNode(type).Node, ReadNode(type).Node, ReadNode(ValueType.I32).Node];
            Expect(")");
            return (new RuleOperation(Opcode.Select, operands), type);
        }

        private ConstantFormula ReadFormula()
        {
            var token = Next();
            switch (token)
            {
                case "{":
                    var first = Next();
                    var a = ReadFormula();
                    var formula = tokens[at] == "}" ? new ConstantFormula.Unary(first, a) : (ConstantFormula)new ConstantFormula.Binary(first, a, ReadFormula());
                    Expect("}");
                    return formula;
                case "w":
                    return new ConstantFormula.WidthNumber();
                case "sign":
                    return new ConstantFormula.SignBit();
            }

            return token[0] == '$' ? new ConstantFormula.Named(Constant(token))
                : token.StartsWith("0x", StringComparison.Ordinal) ? new ConstantFormula.Number((long)Convert.ToUInt64(token, 16))
                : new ConstantFormula.Number(long.Parse(token));
        }

        private int Constant(string name)
        {
            if (!constants.TryGetValue(name, out var index))
            {
                index = constants.Count;
                constants.Add(name, index);
            }

            return index;
        }

        /// <summary>{formula}, which must not be zero, or how a free constant is drawn: <c>any $r</c>, <c>odd $r</c>, <c>shift $r</c>, <c>small $r</c>.</summary>
        private RuleClause ReadClause()
        {
            if (tokens[at] == "{")
            {
                return new Holds(ReadFormula());
            }

            var draw = Enum.Parse<Draw>(Next(), ignoreCase: true);
            return new Free(Constant(Next()), draw);
        }
    }
}
