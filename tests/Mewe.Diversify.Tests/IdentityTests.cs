using System.Numerics;
using Mewe.Diversify.Rules;
using Mewe.Diversify.Terms;
using Mewe.Diversify.Tests.Evaluation;
using Mewe.Wasm;

namespace Mewe.Diversify.Tests;

/// <summary>The generated identities, evaluated as terms.</summary>
public sealed class IdentityTests
{
    private static Value Evaluate(Term term, Value[] variables)
    {
        if (term.IsVariable)
        {
            return variables[term.VariableIndex];
        }

        return term.Instruction.Opcode switch
        {
            Opcode.I32Const => (uint)term.Instruction.Bits,
            Opcode.I64Const => term.Instruction.Bits,
            _ => Numeric.Evaluate(term.Instruction.Opcode, [.. term.Children.Select(child => Evaluate(child, variables))]),
        };
    }

    public static TheoryData<bool> Widths => [false, true];

    [Theory]
    [MemberData(nameof(Widths))]
    public void Linear_expressions_have_the_value_of_what_they_stand_for(bool wide)
    {
        var type = wide ? ValueType.I64 : ValueType.I32;
        var random = Samples.Random("linear");
        var forms = new HashSet<string>();
        for (var round = 0; round < 400; round++)
        {
            var (x, y, z) = (Term.Variable(0), Term.Variable(1), Term.Variable(2));
            var term = new LinearMba(type, x, y, z).Plus(1, 3).Plus(2, -1).Plus(3, -2).Plus(0, 7).Build(random.Between(1, 3), random);
            forms.Add(term.ToString());
            for (var sample = 0; sample < 20; sample++)
            {
                var values = Samples.Draw([type, type, type], random);
                var (a, b) = (values[0].Low, values[1].Low);
                var expected = (3 * a) - b - (2 * (a & b)) - 7;
                Assert.Equal(wide ? expected : (uint)expected, Evaluate(term, values).Low);
            }
        }

        Assert.True(forms.Count > 395, $"only {forms.Count} different forms of 400");
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Opaque_predicates_hold(bool wide)
    {
        var type = wide ? ValueType.I64 : ValueType.I32;
        var random = Samples.Random("opaque");
        for (var round = 0; round < 4000; round++)
        {
            var values = Samples.Draw([type, type], random);
            var predicate = OpaquePredicate.AlwaysTrue(type, Term.Variable(0), Term.Variable(1), random);
            Assert.True(Evaluate(predicate, values).U32 == 1, $"{predicate} of {values[0]}, {values[1]}");
        }
    }

    /// <summary>What the rule tests look for can be found: a false rule computes something else.</summary>
    [Theory]
    [InlineData("eq-is-no-operator@32: (eq (i32.eq x y) z) => (eq x (i32.eq y z))")]
    [InlineData("lt-forgets-the-sign: (lt_s x y) => (lt_u x y)")]
    [InlineData("rotation-by-zero: (rotl x y) => (add (shl x y) (shr_u x (sub 0 y)))")]
    [InlineData("bound-wraps: (lt_s x $c) => (le_s x {- $c 1})")]
    [InlineData("absorbs-a-call: (or x -1) => (sub 0 1)")]
    public void A_false_rule_is_found_out(string line)
    {
        var random = Samples.Random(line);
        var found = 0;
        for (var round = 0; round < 200 && found == 0; round++)
        {
            var rule = RuleParser.Parse(line)[0];
            var code = new List<Instruction>();
            var constants = new[] { round % 2 == 0 ? 0x8000_0000UL : Samples.Draw(ValueType.I32, random).Low };
            Write(rule.Pattern, constants, code);
            var function = TestModule.Function(FunctionType.Of([ValueType.I32, ValueType.I32, ValueType.I32], [ValueType.I32]), [], [.. code]);
            var candidate = new Diversifier([new WeightedTransform(new RuleTransform("false", [rule]), 1)])
                .Propose(function, new DiversifyOptions { MaxCandidates = 1, MinSteps = 1, MaxSteps = 1 }).Single();
            var arguments = Samples.Draw(function.Type.Parameters, random);
            var expected = new Machine(function.Module).Run(function.Type, new VariantCode(function.Code), arguments, 1);
            found += expected != new Machine(function.Module).Run(function.Type, candidate.Code, arguments, 1) ? 1 : 0;
        }

        // Dropping an operand with effects is not false here: the emitter still evaluates it.
        Assert.Equal(line.StartsWith("absorbs", StringComparison.Ordinal), found == 0);
    }

    private static void Write(RuleNode node, ulong[] constants, List<Instruction> code)
    {
        switch (node)
        {
            case RuleVariable variable:
                code.AddRange([Instruction.LocalGet((uint)variable.Index), Instruction.Call(TestModule.CallI32)]);
                break;
            case RuleConstant constant:
                code.Add(Instruction.I32Const((int)constant.Formula.Evaluate(constants, 32)));
                break;
            case RuleOperation operation:
                foreach (var operand in operation.Operands)
                {
                    Write(operand, constants, code);
                }

                code.Add(Instruction.Of(operation.Opcode));
                break;
        }
    }

    [Fact]
    public void Random_streams_depend_on_seed_module_function_and_purpose()
    {
        ulong First(ulong seed, byte module, uint function, string purpose) => SeededRandom.For(seed, [module], function, purpose).NextBits();
        ulong[] all = [First(0, 0, 0, "a"), First(1, 0, 0, "a"), First(0, 1, 0, "a"), First(0, 0, 1, "a"), First(0, 0, 0, "b")];
        Assert.Equal(all.Length, all.Distinct().Count());
        Assert.Equal(all[0], First(0, 0, 0, "a"));
    }

    [Fact]
    public void Bounded_draws_cover_their_range()
    {
        var random = Samples.Random("range");
        var seen = 0;
        for (var i = 0; i < 2000; i++)
        {
            var value = random.Below(20);
            Assert.InRange(value, 0, 19);
            seen |= 1 << value;
        }

        Assert.Equal(20, BitOperations.PopCount((uint)seen));
    }
}
