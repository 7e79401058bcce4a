using Mewe.Diversify.Rules;
using Mewe.Diversify.Tests.Evaluation;
using Mewe.Wasm;

namespace Mewe.Diversify.Tests;

/// <summary>Every rule of every rule file, as it is applied to bodies: it fires, the result validates, and it computes what the original computes.</summary>
public sealed class RuleTests
{
    public static TheoryData<string> RuleFiles =>
        [.. TransformCatalog.All.Select(item => item.Transform).OfType<RuleTransform>().Select(transform => transform.Name)];

    public enum Operands
    {
        /// <summary>Each variable is a parameter: pure, may be copied.</summary>
        Pure,
        /// <summary>Each variable is a call: evaluated once, in order.</summary>
        Calls,
        /// <summary>All variables wait on the stack, with something between them and the expression.</summary>
        Held,
    }

    [Theory]
    [MemberData(nameof(RuleFiles))]
    public void Every_rule_fires_and_keeps_the_value(string file)
    {
        var random = Samples.Random(file);
        foreach (var rule in RuleTransform.Load(file).Rules)
        {
            foreach (var operands in Enum.GetValues<Operands>())
            {
                if (operands == Operands.Held && rule.Pattern.Operands.Any(operand => operand is not RuleVariable))
                {
                    continue;
                }

                if (operands != Operands.Pure && VariableOccurrences(rule.Pattern) > rule.VariableTypes.Length - rule.FreshCount)
                {
                    continue;
                }

                Check(rule, operands, random);
            }
        }
    }

    private static int VariableOccurrences(RuleNode node) => node switch
    {
        RuleVariable => 1,
        RuleOperation operation => operation.Operands.Sum(VariableOccurrences),
        _ => 0,
    };

    private static void Check(Rule rule, Operands operands, SeededRandom random)
    {
        var fired = 0;
        for (var attempt = 0; attempt < 60 && fired < 2; attempt++)
        {
            var constants = Enumerable.Range(0, 8).Select(_ => Constant(rule, random)).ToArray();
            var code = new List<Instruction>();
            if (operands == Operands.Held)
            {
                for (var i = 0; i < rule.VariableTypes.Length - rule.FreshCount; i++)
                {
                    code.Add(Instruction.LocalGet((uint)i));
                    code.Add(Instruction.Of(Opcode.Nop));
                }
            }

            Write(rule.Pattern, rule, operands, constants, code);
            var result = OpcodeTable.Get(rule.Pattern.Opcode).Results is { Length: 1 } letters
                ? ValueType.FromLetter(letters[0])
                : rule.Width == 32 ? ValueType.I32 : ValueType.I64;
            var type = FunctionType.Of(rule.VariableTypes, [result]);
            var function = TestModule.Function(type, [], [.. code]);
            var stream = new Diversifier([new WeightedTransform(new RuleTransform("under-test", [rule]), 1)]).Propose(function,
                new DiversifyOptions { Seed = (ulong)attempt, MinSteps = 1, MaxSteps = 1, MaxCandidates = 1, MaxBarrenAttempts = 3, GrowthAllowance = 10_000 });
            var candidate = stream.FirstOrDefault();
            Assert.True(stream.Invalid.Count == 0, $"{rule.Source} ({operands}, {rule.Width}): {stream.Invalid.FirstOrDefault()?.Error}");
            if (candidate is null)
            {
                continue;
            }

            fired++;
            for (var sample = 0; sample < 30; sample++)
            {
                Expect.SameOutcome(function, candidate, Samples.Draw(rule.VariableTypes, random), (ulong)sample, $"{rule.Source} ({operands}, {rule.Width})");
            }
        }

        Assert.True(fired > 0, $"never fired: {rule.Source} ({operands}, {rule.Width})");
    }

    private static ulong Constant(Rule rule, SeededRandom random)
    {
        var value = random.Below(5) switch
        {
            0 => 1UL << random.Below(rule.Width),
            1 => (1UL << random.Below(rule.Width)) - 1,
            2 => (1UL << random.Below(rule.Width)) + 1,
            3 => (ulong)random.Below(70),
            _ => Samples.Draw(ValueType.I64, random).U64,
        };
        return rule.Width == 32 ? (uint)value : value;
    }

    private static void Write(RuleNode node, Rule rule, Operands operands, ulong[] constants, List<Instruction> code)
    {
        switch (node)
        {
            case RuleVariable variable when operands == Operands.Pure:
                code.Add(Instruction.LocalGet((uint)variable.Index));
                break;
            case RuleVariable variable when operands == Operands.Calls:
                code.Add(Instruction.LocalGet((uint)variable.Index));
                code.Add(Instruction.Call(TestModule.CallOf(rule.VariableTypes[variable.Index])));
                break;
            case RuleConstant constant:
                var value = constant.Formula.Evaluate(constants, constant.Type == ValueType.I32 ? 32 : 64);
                code.Add(constant.Type == ValueType.I32 ? Instruction.I32Const((int)value) : Instruction.I64Const((long)value));
                break;
            case RuleOperation operation:
                foreach (var operand in operation.Operands)
                {
                    Write(operand, rule, operands, constants, code);
                }

                code.Add(Instruction.Of(operation.Opcode));
                break;
        }
    }
}
