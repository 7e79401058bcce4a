using System.Diagnostics;
using Mewe.Diversify.Rules;
using Mewe.Diversify.Terms;
using Mewe.Diversify.Tests.Evaluation;
using Mewe.Diversify.Transforms.Arithmetic;
using Mewe.Wasm;

namespace Mewe.Diversify.Tests.Terms;

/// <summary>Terms drawn from e-graphs are equal to their source, and the same every time.</summary>
public sealed class EGraphTests(ITestOutputHelper output)
{
    private static readonly RewriteSet Rewrites = new(TransformCatalog.All.Select(item => item.Transform).OfType<RuleTransform>().Select(file => (file.Name, file.Rules)));

    private static Value Evaluate(Term term, Value[] variables) => term.IsVariable ? variables[term.VariableIndex] : term.Instruction.Opcode switch
    {
        Opcode.I32Const or Opcode.F32Const => (uint)term.Instruction.Bits,
        Opcode.I64Const or Opcode.F64Const => term.Instruction.Bits,
        Opcode.Select => Evaluate(term.Children[Evaluate(term.Children[2], variables).U32 != 0 ? 0 : 1], variables),
        _ => Numeric.Evaluate(term.Instruction.Opcode, [.. term.Children.Select(child => Evaluate(child, variables))]),
    };

    [Fact]
    public void Every_drawn_term_has_the_value_of_its_source()
    {
        var random = Samples.Random("draws");
        var (graphs, draws, alternatives) = (0, 0, 0);
        var forms = new HashSet<string>();
        var clock = new Stopwatch();
        for (var round = 0; round < 75; round++)
        {
            var (window, source, types) = RandomExpression.Window(random, round % 3 == 2 ? Feature.Simd : Feature.Mvp);
            clock.Start();
            var graph = TermGraph.Build(window, new Saturation(Rewrites, new SaturationLimits()), _ => true, random, (UInt128)(ulong)round)!;
            clock.Stop();
            Assert.NotEqual(SaturationStop.Contradiction, graph.Stop);
            graphs++;
            var usage = new TermUsage();
            var chosen = new List<int>();
            for (var draw = 0; draw < 20 && graph.HasAlternatives; draw++)
            {
                draws++;
                if (graph.Draw(random, usage, graph.SourceCost + 40, chosen) is not { } term)
                {
                    continue;
                }

                alternatives++;
                forms.Add(round + term.ToString());
                Assert.NotEmpty(graph.RulesOf(chosen));
                for (var sample = 0; sample < 12; sample++)
                {
                    var values = Samples.Draw(types, random);
                    var (expected, actual) = (Evaluate(source, values), Evaluate(term, values));
                    Assert.True(expected == actual, $"{source} and {term} of {string.Join(", ", values)}: {expected}, {actual}; {string.Join(" ", graph.RulesOf(chosen))}");
                }
            }
        }

        output.WriteLine($"{graphs} graphs in {clock.Elapsed.TotalMilliseconds:0} ms; {draws} draws, {alternatives} other than the source, {forms.Count} different; {Rewrites.Count} rewrites");
        Assert.True(forms.Count > 0.6 * draws, $"{forms.Count} of {draws}");
    }

    [Fact]
    public void The_same_seed_gives_the_same_terms()
    {
        string[] Run()
        {
            var random = Samples.Random("same");
            var (window, _, _) = RandomExpression.Window(random, Feature.Mvp);
            var graph = TermGraph.Build(window, new Saturation(Rewrites, new SaturationLimits()), _ => true, random, 1)!;
            var (usage, chosen) = (new TermUsage(), new List<int>());
            return [.. Enumerable.Range(0, 50).Select(_ => $"{graph.Draw(random, usage, graph.SourceCost + 60, chosen)} {string.Join(' ', graph.RulesOf(chosen))}")];
        }

        Assert.Equal(Run(), Run());
    }

    [Fact]
    public void Saturation_stops_at_each_of_its_bounds()
    {
        var window = RandomExpression.AddOfThree();
        SaturationStop Stop(SaturationLimits limits, RewriteSet rewrites) => TermGraph.Build(window, new Saturation(rewrites, limits), _ => true, Samples.Random("stop"), 1)!.Stop;
        var commute = new RewriteSet([("commute", RuleTransform.Load("commute").Rules)]);
        Assert.Equal(SaturationStop.Saturated, Stop(new SaturationLimits(), commute));
        Assert.Equal(SaturationStop.NodeLimit, Stop(new SaturationLimits { Nodes = 24 }, Rewrites));
        Assert.Equal(SaturationStop.IterationLimit, Stop(new SaturationLimits { Nodes = 5_000, Iterations = 1 }, Rewrites));
        Assert.Equal(SaturationStop.FuelSpent, Stop(new SaturationLimits { Nodes = 5_000, Fuel = 50 }, Rewrites));
    }

    [Fact]
    public void A_false_rule_that_makes_constants_equal_is_noticed_and_nothing_is_drawn()
    {
        var wrong = new RewriteSet([("wrong", [.. RuleParser.Parse("wrong: (add x $c) => (add x {+ $c 1})\nzero: (sub x x) => 0\nmoved: (add x $c) => (sub x {- $c})\nover: (sub (add x $c) x) => $c")])]);
        // (x + 3) - x is 3 and, by the wrong rule, 4.
        WindowNode[] window =
        [
            new(Opcode.LocalGet, 0, -1, -1, -1, ValueType.I32), new(Opcode.I32Const, 3, -1, -1, -1, ValueType.I32), new(Opcode.I32Add, 0, 0, 1, -1, ValueType.I32),
            new(Opcode.I32Sub, 0, 2, 0, -1, ValueType.I32),
        ];
        var graph = TermGraph.Build(window, new Saturation(wrong, new SaturationLimits()), _ => true, Samples.Random("wrong"), 1)!;
        Assert.Equal(SaturationStop.Contradiction, graph.Stop);
        Assert.False(graph.HasAlternatives);
    }

    [Fact]
    public void Equality_reaches_through_congruence_and_the_explanation_names_the_rules_of_both_sides()
    {
        var set = new RewriteSet([("t", [.. RuleParser.Parse("double: (add x x) => (shl x 1)\ntwice: (mul x 2) => (add x x)")])]);
        // eqz (x * 2): the operand changes by two rules, the root by congruence.
        WindowNode[] window =
        [
            new(Opcode.LocalGet, 0, -1, -1, -1, ValueType.I32), new(Opcode.I32Const, 2, -1, -1, -1, ValueType.I32), new(Opcode.I32Mul, 0, 0, 1, -1, ValueType.I32),
            new(Opcode.I32Clz, 0, 2, -1, -1, ValueType.I32),
        ];
        var graph = TermGraph.Build(window, new Saturation(set, new SaturationLimits()), _ => true, Samples.Random("congruence"), 1)!;
        var (usage, chosen, random) = (new TermUsage(), new List<int>(), Samples.Random("draw"));
        var found = new Dictionary<string, string>();
        for (var k = 0; k < 40; k++)
        {
            if (graph.Draw(random, usage, 100, chosen) is { } term)
            {
                found[term.ToString()] = string.Join(' ', graph.RulesOf(chosen));
            }
        }

        Assert.Equal("t/twice@32", found["(i32.clz (i32.add $0 $0))"]);
        Assert.Equal("t/twice@32 t/double@32", found["(i32.clz (i32.shl $0 i32.const 1))"]);
    }

    [Fact]
    public void The_rules_of_an_explanation_alone_make_the_term_out_of_its_source()
    {
        var random = Samples.Random("explained");
        var (checkedTerms, reached) = (0, 0);
        for (var round = 0; round < 36; round++)
        {
            var (window, _, types) = RandomExpression.Window(random, Feature.Mvp);
            var graph = TermGraph.Build(window, new Saturation(Rewrites, new SaturationLimits()), _ => true, random, (UInt128)(ulong)round)!;
            var (usage, chosen) = (new TermUsage(), new List<int>());
            for (var draw = 0; draw < 3 && graph.HasAlternatives; draw++)
            {
                if (graph.Draw(random, usage, graph.SourceCost + 16, chosen) is not { } term)
                {
                    continue;
                }

                var named = new Saturation(Rewrites.Only(graph.RulesOf(chosen)), new SaturationLimits { Nodes = 3_000, Iterations = 6, MatchesPerRule = 1_000, Fuel = 3_000_000 });
                named.Reset(_ => true, random);
                var source = TermGraph.AddWindow(named.Graph, window);
                var target = Add(named.Graph, term, types);
                var stop = named.Run();
                checkedTerms++;
                var equal = named.Graph.Find(source) == named.Graph.Find(target);
                reached += equal ? 1 : 0;
                Assert.True(equal || stop != SaturationStop.Saturated, $"{term}: {string.Join(' ', graph.RulesOf(chosen))}");
            }
        }

        output.WriteLine($"{reached} of {checkedTerms} terms reached by the rules of their explanation alone");
        // The others need more nodes than the second graph has.
        Assert.True(checkedTerms > 70 && reached >= 0.97 * checkedTerms, $"{reached} of {checkedTerms}");
    }

    private static int Add(EGraph graph, Term term, ValueType[] types) => term.IsVariable ? graph.Variable(term.VariableIndex, TermTypes.Of(types[term.VariableIndex]))
        : term.Children.Length == 0 ? graph.Constant(term.Instruction.Opcode, term.Instruction.Opcode == Opcode.I32Const ? (uint)term.Instruction.Bits : term.Instruction.Bits)
        : graph.Operation(term.Instruction.Opcode, Add(graph, term.Children[0], types),
            term.Children.Length > 1 ? Add(graph, term.Children[1], types) : EGraph.None, term.Children.Length > 2 ? Add(graph, term.Children[2], types) : EGraph.None);
}
