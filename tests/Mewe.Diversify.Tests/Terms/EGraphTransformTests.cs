using Mewe.Diversify.Rules;
using Mewe.Diversify.Terms;
using Mewe.Diversify.Tests.Evaluation;
using Mewe.Diversify.Transforms.Arithmetic;
using Mewe.Wasm;

namespace Mewe.Diversify.Tests.Terms;

/// <summary>Whole bodies rewritten by the e-graph: effects, traps and values held on the stack stay as they are.</summary>
public sealed class EGraphTransformTests(ITestOutputHelper output)
{
    private static Diversifier Alone() => new([new WeightedTransform(new EGraphTransform(new RewriteSet(TransformCatalog.RuleFiles)), 1)]);

    [Fact]
    public void Random_bodies_do_the_same_with_their_expressions_replaced()
    {
        var random = Samples.Random("egraph bodies");
        var diversifier = Alone();
        var (compared, candidates) = (0, 0);
        for (var round = 0; round < 70; round++)
        {
            var function = BodyGenerator.Generate(random);
            var stream = diversifier.Propose(function, new DiversifyOptions { Seed = (ulong)round, MinSteps = 1, MaxSteps = 3, MaxCandidates = 3, GrowthAllowance = 2_000 });
            foreach (var candidate in stream)
            {
                candidates++;
                Assert.All(candidate.Steps, step => Assert.NotEmpty(step.Rules));
                for (var sample = 0; sample < 4; sample++)
                {
                    compared += Expect.SameOutcome(function, candidate, Samples.Draw(function.Type.Parameters, random), (ulong)sample, "egraph") ? 1 : 0;
                }
            }

            Assert.True(stream.Invalid.Count == 0, stream.Invalid.FirstOrDefault()?.Error);
        }

        output.WriteLine($"{candidates} candidates, {compared} comparisons");
        Assert.True(compared > 450, $"{compared}");
    }

    [Fact]
    public void A_call_that_a_rule_would_write_twice_or_never_is_made_once()
    {
        // call(x) + call(x), which is no x + x, and call(x) & call(y), which many identities write twice.
        var function = TestModule.Function(FunctionType.Of([ValueType.I32, ValueType.I32], [ValueType.I32]), [],
            Instruction.LocalGet(0), Instruction.Call(TestModule.CallI32), Instruction.LocalGet(0), Instruction.Call(TestModule.CallI32), Instruction.Of(Opcode.I32Add),
            Instruction.LocalGet(1), Instruction.Call(TestModule.CallI32), Instruction.Of(Opcode.I32And));
        var random = Samples.Random("calls");
        var candidates = Alone().Propose(function, new DiversifyOptions { MinSteps = 1, MaxSteps = 1, MaxCandidates = 60, GrowthAllowance = 2_000 }).ToList();
        Assert.True(candidates.Count >= 60);
        foreach (var candidate in candidates)
        {
            Assert.Equal(3, candidate.Code.Code.Instructions.Count(instruction => instruction.Opcode == Opcode.Call));
            Expect.SameOutcome(function, candidate, Samples.Draw(function.Type.Parameters, random), 1, "calls");
        }
    }

    [Fact]
    public void A_division_that_can_trap_is_never_dropped_or_doubled()
    {
        var function = TestModule.Function(FunctionType.Of([ValueType.I32, ValueType.I32], [ValueType.I32]), [],
            Instruction.LocalGet(0), Instruction.LocalGet(1), Instruction.Of(Opcode.I32DivS), Instruction.I32Const(0), Instruction.Of(Opcode.I32And),
            Instruction.LocalGet(0), Instruction.I32Const(-1), Instruction.Of(Opcode.I32DivS), Instruction.Of(Opcode.I32Xor));
        foreach (var candidate in Alone().Propose(function, new DiversifyOptions { MinSteps = 1, MaxSteps = 2, MaxCandidates = 60, GrowthAllowance = 2_000 }))
        {
            Assert.Equal(2, candidate.Code.Code.Instructions.Count(instruction => instruction.Opcode == Opcode.I32DivS));
            foreach (var (a, b) in new[] { (7u, 0u), (0x8000_0000u, 0xFFFF_FFFFu), (0x8000_0000u, 1u), (9u, 4u) })
            {
                Expect.SameOutcome(function, candidate, [a, b], 1, "division");
            }
        }
    }

    [Fact]
    public async Task Threads_that_share_the_graphs_propose_what_one_alone_proposes()
    {
        var random = Samples.Random("shared");
        var functions = Enumerable.Range(0, 4).Select(_ => BodyGenerator.Generate(random)).ToArray();
        static string Propose(Diversifier diversifier, FunctionInput function) =>
            string.Join(' ', diversifier.Propose(function, new DiversifyOptions { MaxCandidates = 6 }).Select(candidate => $"{candidate.Hash:x} {string.Join(',', candidate.Steps.SelectMany(step => step.Rules))}"));
        var alone = Alone();
        var expected = functions.Select(function => Propose(alone, function)).ToArray();
        var shared = Alone();
        var order = Enumerable.Range(0, functions.Length).Concat(Enumerable.Range(0, functions.Length).Reverse()).ToArray();
        var actual = await Task.WhenAll(order.Select(index => Task.Run(() => (index, Text: Propose(shared, functions[index])), TestContext.Current.CancellationToken)));
        Assert.All(actual, item => Assert.Equal(expected[item.index], item.Text));
    }

    [Fact]
    public void Draws_prefer_what_earlier_candidates_did_not_use()
    {
        var function = TestModule.Function(FunctionType.Of([ValueType.I32, ValueType.I32], [ValueType.I32]), [],
            Instruction.LocalGet(0), Instruction.LocalGet(1), Instruction.Of(Opcode.I32Add));
        var rules = Alone().Propose(function, new DiversifyOptions { MinSteps = 1, MaxSteps = 1, MaxCandidates = 48, GrowthAllowance = 400 })
            .SelectMany(candidate => candidate.Steps).SelectMany(step => step.Rules).ToHashSet();
        output.WriteLine($"{rules.Count}: {string.Join(' ', rules)}");
        Assert.True(rules.Count >= 25, $"only {rules.Count} rules in 48 candidates of one addition");
    }
}
