using Mewe.Diversify.Rules;
using Mewe.Diversify.Synthesis;
using Mewe.Diversify.Terms;
using Mewe.Diversify.Tests.Evaluation;
using Mewe.Wasm;

namespace Mewe.Diversify.Tests.Synthesis;

/// <summary>Rules that are found for expressions of a module: true, new, and the same every time.</summary>
public sealed class SynthesisTests(ITestOutputHelper output)
{
    private static readonly SynthesisOptions Small = new() { MaxExpressions = 6, MaxRulesPerExpression = 2, MaxOperations = 2 };

    private static Term X => Term.Variable(0);

    private static Term Y => Term.Variable(1);

    private static Term Number(int value) => Term.Constant(ValueType.I32, (ulong)value);

    private static CountedExpression Expression(Term term, int variables = 1) => new(RuleText.Of(term), term, 32, variables, 1);

    private static SynthesisResult Learn(Term term, int variables = 1, SynthesisOptions? options = null, IRuleOracle? oracle = null) =>
        new RuleSynthesizer(TransformCatalog.RuleFiles, options ?? Small).Learn([Expression(term, variables)], oracle ?? new PatternOracle(), TestContext.Current.CancellationToken);

    private static string RightSide(LearnedRule rule) => rule.Line.Split(" => ")[1];

    [Fact]
    public void Every_learned_rule_holds_on_boundary_and_random_values()
    {
        Term[] terms =
        [
            Term.Of(Opcode.I32And, Term.Of(Opcode.I32ShrU, X, Number(16)), Number(8)),
            Term.Of(Opcode.I32ShrS, Term.Of(Opcode.I32Shl, X, Number(16)), Number(16)),
            Term.Of(Opcode.I32Eqz, Term.Of(Opcode.I32And, X, Number(3))),
            Term.Of(Opcode.I32GeU, Term.Of(Opcode.I32Sub, X, Y), Number(2)),
            Term.Of(Opcode.I32ShrU, Term.Of(Opcode.I32Add, X, Number(245760)), Number(16)),
            Term.Of(Opcode.I32Or, Term.Of(Opcode.I32And, X, Number(63)), Number(128)),
        ];
        var result = new RuleSynthesizer(TransformCatalog.RuleFiles, Small with { MaxRulesPerExpression = 4 })
            .Learn(terms.Select(term => Expression(term, RuleText.Of(term).Contains('y') ? 2 : 1)), new PatternOracle(), TestContext.Current.CancellationToken);
        output.WriteLine($"{result.Rules.Length} rules, {result.Candidates} candidates, {result.Implied} implied, {result.Refuted} refuted, {result.FuelSpent} terms");
        Assert.True(result.Rules.Length >= 12, string.Join('\n', result.Rules));
        var random = Samples.Random("learned");
        foreach (var rule in LearnedRules.Of(result.Rules.Select(learned => learned.Line)).Rules)
        {
            for (var i = 0; i < 3_000; i++)
            {
                Assert.False(PatternOracle.Differ(rule, Samples.Draw(rule.VariableTypes, random)), rule.Source);
            }
        }
    }

    [Fact]
    public void A_constant_in_other_words_is_found()
    {
        var result = Learn(Term.Of(Opcode.I32And, Term.Of(Opcode.I32Shl, X, Number(4)), Number(15)));
        Assert.Contains("0", result.Rules.Select(RightSide));
    }

    [Fact]
    public void Constants_that_do_not_stand_in_the_expression_are_solved_for()
    {
        // (x & 0xF0F) | 0x80808 is (x | 0x80808) & 0x80F0F: a mask that is in no pool.
        var result = Learn(Term.Of(Opcode.I32Or, Term.Of(Opcode.I32And, X, Number(0xF0F)), Number(0x80808)), options: Small with { MaxRulesPerExpression = 8 });
        Assert.Contains($"(i32.and (i32.or x {0x80808}) {0x80F0F})", result.Rules.Select(RightSide));
    }

    [Fact]
    public void What_the_rules_give_already_is_not_learned()
    {
        // (x | y) - (x & y) is x ^ y by mba/xor-or-and from right to left.
        var result = Learn(Term.Of(Opcode.I32Sub, Term.Of(Opcode.I32Or, X, Y), Term.Of(Opcode.I32And, X, Y)), 2);
        Assert.True(result.Implied > 0);
        Assert.DoesNotContain("(i32.xor x y)", result.Rules.Select(RightSide));
    }

    [Fact]
    public void An_instance_of_a_rule_that_draws_constants_is_implied()
    {
        var known = new KnownRules([("blind", [.. RuleParser.Parse("xor: (xor x y) => (xor (xor x $r) (xor y $r))")])]);
        Term Masked(Term term, int by) => Term.Of(Opcode.I32Xor, term, Number(by));
        Assert.True(known.Imply(Term.Of(Opcode.I32Xor, X, Y), Term.Of(Opcode.I32Xor, Masked(X, 5), Masked(Y, 5)), 32));
        Assert.False(known.Imply(Term.Of(Opcode.I32Xor, X, Y), Term.Of(Opcode.I32Xor, Masked(X, 5), Masked(Y, 6)), 32));
    }

    [Fact]
    public void A_refuted_candidate_leaves_its_counterexample_behind_and_nothing_false_is_learned()
    {
        // Refutes everything at 77 unless told otherwise, as if no vector had it.
        var oracle = new OneValueOracle(77);
        var result = Learn(Term.Of(Opcode.I32Sub, Term.Of(Opcode.I32Xor, X, Number(-1)), Number(3)), oracle: oracle);
        Assert.True(result.Refuted > 0);
        Assert.Empty(result.Rules);
        Assert.All(oracle.Questions.GroupBy(line => line), asked => Assert.True(asked.Count() <= 3, asked.Key));
    }

    [Fact]
    public void The_same_module_gives_the_same_rules()
    {
        var module = Corpus.Modules().FirstOrDefault(item => item.Name == "invert.reactor").Module;
        if (module is null)
        {
            return;
        }

        string[] Run() => [.. new RuleSynthesizer(TransformCatalog.RuleFiles, Small with { MaxExpressions = 10, MaxQuestions = 3, FuelPerExpression = 40_000 }).Learn(new ModuleFacts(module), new PatternOracle(), TestContext.Current.CancellationToken).Rules.Select(rule => rule.Line)];
        var first = Run();
        Assert.NotEmpty(first);
        Assert.Equal(first, Run());
    }

    [Fact]
    public void Fuel_ends_the_search_and_the_result_says_so()
    {
        var terms = Enumerable.Range(1, 5).Select(shift => Expression(Term.Of(Opcode.I32And, Term.Of(Opcode.I32ShrU, X, Number(shift)), Number(1))));
        var result = new RuleSynthesizer(TransformCatalog.RuleFiles, Small with { Fuel = 5_000, FuelPerExpression = 3_000 }).Learn(terms, new PatternOracle(), TestContext.Current.CancellationToken);
        Assert.True(result.WasCutShort);
        Assert.InRange(result.FuelSpent, 5_000, 6_100);
        Assert.True(result.Expressions < 5);
    }

    [Fact]
    public void The_census_counts_expressions_up_to_names_and_order_of_operands()
    {
        // (a + b) * 3 and 3 * (b + a), and once (a - b) * 3.
        Instruction[] code =
        [
            Instruction.LocalGet(0), Instruction.LocalGet(1), Instruction.Of(Opcode.I32Add), Instruction.I32Const(3), Instruction.Of(Opcode.I32Mul), Instruction.Of(Opcode.Drop),
            Instruction.I32Const(3), Instruction.LocalGet(1), Instruction.LocalGet(0), Instruction.Of(Opcode.I32Add), Instruction.Of(Opcode.I32Mul), Instruction.Of(Opcode.Drop),
            Instruction.LocalGet(1), Instruction.LocalGet(1), Instruction.Of(Opcode.I32Sub), Instruction.I32Const(3), Instruction.Of(Opcode.I32Mul), Instruction.Of(Opcode.Drop),
        ];
        var module = TestModule.Facts.Module.Clone();
        module.AddFunction(module.IndexOfType(FunctionType.Of([ValueType.I32, ValueType.I32], [])), new FunctionBody(new FunctionCode([], [.. code, Instruction.Of(Opcode.End)])));
        var census = ExpressionCensus.Of(new ModuleFacts(module));
        Assert.Equal(["2 (i32.mul (i32.add x y) 3)", "1 (i32.mul (i32.sub x x) 3)"], census.Select(item => $"{item.Occurrences} {item.Text}"));
    }

    [Fact]
    public void Learned_rules_have_one_order_and_one_hash_and_candidates_use_them()
    {
        string[] lines = ["b@32: (i32.mul (i32.add x y) 3) => (i32.sub (i32.mul x 3) (i32.mul y -3))", "a@32: (i32.and (i32.shr_u x 16) 2) => (i32.and (i32.shr_s x 16) 2)"];
        var learned = LearnedRules.Of(lines);
        Assert.Equal(learned.Lines, LearnedRules.Of(lines.Reverse().Append(lines[0] + " ")).Lines);
        Assert.Equal(learned.Hash, LearnedRules.Of(lines.Reverse()).Hash);
        Assert.NotEqual(learned.Hash, LearnedRules.Of(lines[..1]).Hash);
        Assert.Equal("", LearnedRules.None.Hash);
        Assert.Same(Diversifier.Default, Diversifier.With(LearnedRules.None));
        Assert.Throws<FormatException>(() => LearnedRules.Of(["what is this"]));

        var function = TestModule.Function(FunctionType.Of([ValueType.I32], [ValueType.I32]), [],
            Instruction.LocalGet(0), Instruction.I32Const(16), Instruction.Of(Opcode.I32ShrU), Instruction.I32Const(2), Instruction.Of(Opcode.I32And));
        var used = Diversifier.With(learned).Propose(function, new DiversifyOptions { MaxCandidates = 200 })
            .SelectMany(candidate => candidate.Steps).SelectMany(step => step.Rules).ToHashSet();
        Assert.Contains($"learned/{lines[1]}", used);
    }

    /// <summary>Says of every rule that it is wrong for one value.</summary>
    private sealed class OneValueOracle(ulong value) : IRuleOracle
    {
        public List<string> Questions { get; } = [];

        public RuleAnswer Ask(Rule rule)
        {
            Questions.Add(rule.Source);
            return new RuleAnswer.Refuted([.. rule.VariableTypes.Select(_ => value)]);
        }
    }
}
