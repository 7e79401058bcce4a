using Mewe.Diversify.Rules;
using Mewe.Diversify.Synthesis;
using Mewe.Diversify.Tests.Evaluation;
using Mewe.Wasm;

namespace Mewe.Diversify.Tests.Synthesis;

/// <summary>
/// An oracle for tests, independent of the search: 8-bit patterns of the variables at the low and at the high end of the full width (all for one variable, a third of the pairs for two), then random values. It proves nothing; what it
/// lets pass is evaluated again by the tests.
/// </summary>
internal sealed class PatternOracle : IRuleOracle
{
    private const int RandomValues = 5_000;

    public int Asked { get; private set; }

    public RuleAnswer Ask(Rule rule)
    {
        Asked++;
        var values = new Value[rule.VariableTypes.Length];
        var random = Samples.Random(rule.Source);
        for (var pattern = 0; pattern < 1 << 16; pattern += values.Length == 1 ? 256 : 3)
        {
            for (var end = 0; end < (values.Length == 1 ? 2 : 1); end++)
            {
                for (var k = 0; k < values.Length; k++)
                {
                    var bits = (pattern >> (k == 0 ? 8 : 0)) & 255;
                    values[k] = k > 1 ? Samples.Draw(rule.VariableTypes[k], random) : Extend(bits, rule.Width, end == 1 || (k == 0 && random.OneIn(2)));
                }

                if (Differ(rule, values))
                {
                    return new RuleAnswer.Refuted([.. values.Select(value => value.Low)]);
                }
            }
        }

        for (var i = 0; i < RandomValues; i++)
        {
            values = Samples.Draw(rule.VariableTypes, random);
            if (i % 3 == 0 && values.Length > 1)
            {
                values[1] = rule.Width == 32 ? (uint)(values[0].Low + (ulong)random.Between(-1, 1)) : values[0].Low + (ulong)random.Between(-1, 1);
            }
            else if (i % 3 == 1)
            {
                var near = Constants(rule.Pattern, rule.Width).DefaultIfEmpty(0UL).ToArray();
                var value = (random.OneIn(2) ? 0 - random.Pick(near) : random.Pick(near)) + (ulong)random.Between(-2, 2);
                values[0] = rule.Width == 32 ? (uint)value : value;
            }

            if (Differ(rule, values))
            {
                return new RuleAnswer.Refuted([.. values.Select(value => value.Low)]);
            }
        }

        return new RuleAnswer.Proved("patterns");
    }

    public static bool Differ(Rule rule, Value[] values) => Evaluate(rule.Pattern, values) != Evaluate(rule.Replacement, values);

    private static Value Extend(int bits, int width, bool high) => high
        ? (width == 32 ? (uint)bits << 24 : (ulong)bits << 56)
        : (width == 32 ? (uint)(sbyte)bits : (Value)(ulong)(sbyte)bits);

    private static IEnumerable<ulong> Constants(RuleNode node, int width) => node switch
    {
        RuleConstant constant => [constant.Formula.Evaluate([], width)],
        RuleOperation operation => operation.Operands.SelectMany(operand => Constants(operand, width)),
        _ => [],
    };

    private static Value Evaluate(RuleNode node, Value[] values) => node switch
    {
        RuleVariable variable => values[variable.Index],
        RuleConstant constant => constant.Type == ValueType.I32 ? (uint)constant.Formula.Evaluate([], 32) : constant.Formula.Evaluate([], 64),
        _ => Numeric.Evaluate(((RuleOperation)node).Opcode, [.. ((RuleOperation)node).Operands.Select(operand => Evaluate(operand, values))]),
    };
}
