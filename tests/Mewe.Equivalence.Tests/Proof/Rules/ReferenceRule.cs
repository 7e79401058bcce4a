using System.Collections.Immutable;
using Mewe.Diversify.Rules;
using Mewe.Diversify.Tests.Evaluation;
using Mewe.Wasm;

namespace Mewe.Equivalence.Tests.Proof.Rules;

/// <summary>Both sides of a rule, computed by the generator's own formulas and the reference evaluator of its tests; nothing of the proof is used.</summary>
internal static class ReferenceRule
{
    /// <summary>Whether the clauses accept the constants.</summary>
    public static bool Accepts(Rule rule, IReadOnlyDictionary<string, UInt128> values)
    {
        var constants = Constants(rule, values);
        return rule.Clauses.All(clause => clause switch
        {
            Holds holds => holds.Formula.Evaluate(constants, rule.Width) != 0,
            Free { Draw: Draw.Odd } free => constants[free.Constant] % 2 == 1,
            Free { Draw: Draw.Shift } free => constants[free.Constant] >= 1 && constants[free.Constant] < (ulong)rule.Width,
            Free { Draw: Draw.Small } free => constants[free.Constant] is >= 1 and <= 127,
            _ => true,
        });
    }

    /// <summary>What the pattern and the replacement come to: a value, or the trap.</summary>
    public static (string Pattern, string Replacement) Outcomes(Rule rule, IReadOnlyDictionary<string, UInt128> values) =>
        (Outcome(rule.Pattern, rule, values), Outcome(rule.Replacement, rule, values));

    private static ulong[] Constants(Rule rule, IReadOnlyDictionary<string, UInt128> values) => [.. rule.ConstantNames.Select(name => (ulong)values[name])];

    private static string Outcome(RuleNode node, Rule rule, IReadOnlyDictionary<string, UInt128> values)
    {
        try
        {
            return Evaluate(node, rule, values, Constants(rule, values)).ToString();
        }
        catch (TrapException trap)
        {
            return trap.Message;
        }
    }

    private static Value Evaluate(RuleNode node, Rule rule, IReadOnlyDictionary<string, UInt128> values, ulong[] constants)
    {
        switch (node)
        {
            case RuleVariable variable:
                return Of(values[rule.VariableNames[variable.Index]]);
            case RuleConstant constant:
                return constant.Formula.Evaluate(constants, constant.Type == ValueType.I32 ? 32 : 64);
        }

        var operation = (RuleOperation)node;
        var operands = operation.Operands.Select(operand => Evaluate(operand, rule, values, constants)).ToArray();
        return operation.Opcode == Opcode.Select ? operands[operands[2].U32 != 0 ? 0 : 1] : Numeric.Evaluate(operation.Opcode, operands);
    }

    public static Value Of(UInt128 bits) => new((ulong)bits, (ulong)(bits >> 64));
}
