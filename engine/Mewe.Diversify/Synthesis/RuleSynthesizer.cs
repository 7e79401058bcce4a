using System.Collections.Immutable;
using Mewe.Diversify.Rules;
using Mewe.Diversify.Terms;

namespace Mewe.Diversify.Synthesis;

/// <summary>Bounds of synthesis, all counted.</summary>
public sealed record SynthesisOptions
{
    /// <summary>Expressions of the module that are looked at, the most frequent first.</summary>
    public int MaxExpressions { get; init; } = 64;

    /// <summary>Most instructions of a right side.</summary>
    public int MaxOperations { get; init; } = 3;

    /// <summary>Rules learned per expression at most.</summary>
    public int MaxRulesPerExpression { get; init; } = 4;

    /// <summary>Terms of the right behaviour per expression that are looked at more closely.</summary>
    public int MaxCandidates { get; init; } = 48;

    /// <summary>Questions to the oracle per expression.</summary>
    public int MaxQuestions { get; init; } = 12;

    /// <summary>Terms enumerated per expression.</summary>
    public long FuelPerExpression { get; init; } = 400_000;

    /// <summary>Terms enumerated in all.</summary>
    public long Fuel { get; init; } = 20_000_000;
}

/// <summary>A rule that was found and proved.</summary>
/// <param name="Line">In the syntax of rule files.</param>
/// <param name="How">What the oracle said.</param>
/// <param name="Origin">The expression that it was found for.</param>
public sealed record LearnedRule(string Line, int Width, string How, string Origin);

/// <summary>What came of a synthesis.</summary>
/// <param name="Expressions">Looked at.</param>
/// <param name="Candidates">Terms that behaved like their expression on the test vectors.</param>
/// <param name="Implied">Of these, dropped since the rules that are there give them.</param>
/// <param name="Refuted">Of these, refuted by the oracle; each left a test vector behind.</param>
/// <param name="Undecided">Of these, the oracle could not say.</param>
/// <param name="FuelSpent">Terms enumerated.</param>
/// <param name="WasCutShort">True where the fuel ended before the expressions.</param>
public sealed record SynthesisResult(ImmutableArray<LearnedRule> Rules, int Expressions, int Candidates, int Implied, int Refuted, int Undecided, long FuelSpent, bool WasCutShort);

/// <summary>
/// Finds new right sides for the expressions of a module: enumerative search on test vectors (<see cref="TermSearch"/>), an oracle that proves or refutes, and its counterexamples as further
/// vectors (counterexample-guided inductive synthesis, Solar-Lezama 2006). A pure function of the module, the options, the known rules and the oracle's answers.
/// </summary>
public sealed class RuleSynthesizer
{
    private static readonly ulong[] Boundaries =
        [0, 1, 2, 3, 7, 8, 31, 32, 63, 64, 127, 128, 255, 256, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, 0xFFFF_FFFF_FFFF_FFFF];

    private const int StartVectors = 24;
    private readonly SynthesisOptions options;
    private readonly KnownRules known;

    /// <param name="files">The rules that are there, with the names of their files; <see cref="TransformCatalog.RuleFiles"/> and what was learned before.</param>
    public RuleSynthesizer(IEnumerable<(string File, ImmutableArray<Rule> Rules)> files, SynthesisOptions? options = null)
    {
        this.options = options ?? new SynthesisOptions();
        known = new KnownRules(files);
    }

    /// <summary>Learns rules for the most frequent expressions of a module.</summary>
    public SynthesisResult Learn(ModuleFacts module, IRuleOracle oracle, CancellationToken cancellation = default) => Learn(ExpressionCensus.Of(module), oracle, cancellation);

    /// <summary>Learns rules for expressions, in their order.</summary>
    public SynthesisResult Learn(IEnumerable<CountedExpression> expressions, IRuleOracle oracle, CancellationToken cancellation = default)
    {
        var session = new Session(this, oracle);
        foreach (var expression in expressions.Take(options.MaxExpressions))
        {
            cancellation.ThrowIfCancellationRequested();
            if (!session.Take(expression))
            {
                break;
            }
        }

        return session.Result();
    }

    private sealed class Session(RuleSynthesizer owner, IRuleOracle oracle)
    {
        private readonly SynthesisOptions options = owner.options;
        private readonly List<LearnedRule> rules = [];
        private readonly HashSet<string> lines = new(StringComparer.Ordinal);
        private int expressions, candidates, implied, refuted, undecided;
        private long spent;
        private bool cutShort;

        public SynthesisResult Result() => new([.. rules], expressions, candidates, implied, refuted, undecided, spent, cutShort);

        /// <summary>False once the fuel is spent.</summary>
        public bool Take(CountedExpression expression)
        {
            if (spent >= options.Fuel)
            {
                cutShort = true;
                return false;
            }

            expressions++;
            var vectors = Vectors(expression);
            // A refuted candidate adds a vector; the search starts again with it, since the vectors decided which terms it took for the same.
            for (var (round, questions, learned) = (0, 0, 0); round < 3; round++)
            {
                var before = vectors.Count;
                foreach (var term in Search(expression, vectors))
                {
                    if (questions >= options.MaxQuestions || learned >= options.MaxRulesPerExpression)
                    {
                        return true;
                    }

                    Consider(expression, term, vectors, ref questions, ref learned);
                }

                if (vectors.Count == before)
                {
                    return true;
                }
            }

            return true;
        }

        private List<Term> Search(CountedExpression expression, List<ulong[]> vectors)
        {
            var fuel = Math.Min(options.FuelPerExpression, options.Fuel - spent);
            var search = new TermSearch(expression, vectors, options.MaxCandidates, fuel);
            var found = search.Run(options.MaxOperations);
            spent += fuel - Math.Max(0, search.Fuel);
            candidates += found.Count;
            // Each instruction at the root in turn, so that what is learned differs.
            return [.. found.GroupBy(term => term.IsVariable ? default : term.Instruction.Opcode).SelectMany(group => group.Select((term, rank) => (term, rank)))
                .OrderBy(item => item.rank).Select(item => item.term)];
        }

        private void Consider(CountedExpression expression, Term term, List<ulong[]> vectors, ref int questions, ref int learned)
        {
            if (!vectors.TrueForAll(vector => IntegerOperation.Evaluate(expression.Term, vector) == IntegerOperation.Evaluate(term, vector)))
            {
                return;
            }

            var line = RuleText.Line(expression.Width, expression.Text, RuleText.Of(term));
            if (lines.Contains(line))
            {
                return;
            }

            if (owner.known.Imply(expression.Term, term, expression.Width))
            {
                implied++;
                return;
            }

            questions++;
            switch (oracle.Ask(RuleParser.Parse(line)[0]))
            {
                case RuleAnswer.Proved proved:
                    learned++;
                    lines.Add(line);
                    rules.Add(new LearnedRule(line, expression.Width, proved.How, expression.Text));
                    break;
                case RuleAnswer.Refuted wrong when wrong.Values.Length == expression.Variables:
                    refuted++;
                    vectors.Add([.. wrong.Values]);
                    break;
                default:
                    undecided++;
                    break;
            }
        }

        /// <summary>
        /// Boundary values, random ones of all magnitudes, neighbours of the expression's constants, and variables that are equal or nearly so, where comparisons and carries change their mind. A
        /// function of the expression alone.
        /// </summary>
        private static List<ulong[]> Vectors(CountedExpression expression)
        {
            var random = SeededRandom.For(0, [], (uint)expression.Width, expression.Text);
            var mask = expression.Width == 32 ? uint.MaxValue : ulong.MaxValue;
            ulong[] near = [.. Boundaries, .. TermSearch.ConstantsIn(expression.Term).SelectMany(c => new[] { c, 0 - c, ~c })];
            var vectors = new List<ulong[]>(StartVectors);
            for (var i = 0; i < StartVectors; i++)
            {
                var vector = new ulong[expression.Variables];
                for (var k = 0; k < vector.Length; k++)
                {
                    vector[k] = mask & (random.Below(4) switch
                    {
                        0 => near[random.Below(near.Length)] + (ulong)random.Between(-1, 1),
                        1 when k > 0 => vector[0] + (ulong)random.Between(-1, 1),
                        2 => random.NextBits() >> random.Below(64),
                        _ => random.NextBits(),
                    });
                }

                vectors.Add(vector);
            }

            return vectors;
        }
    }
}
