using Mewe.Diversify.Rules;
using Mewe.Wasm;

namespace Mewe.Equivalence.Proof.Rules;

/// <summary>
/// What must hold for a rule to be right: wherever the <see cref="Assumptions"/> about its constants do, both sides trap alike, and where they do not trap, they are equal.
/// Constants are variables like any other here, called by their name in the rule.
/// </summary>
public sealed class RuleObligation
{
    private readonly Rule rule;
    private readonly IReadOnlyDictionary<string, UInt128> known;
    private readonly int[] constantWidths;
    private readonly HashSet<int> bound = [];
    private readonly List<BitTerm> assumptions = [];
    private readonly Dictionary<string, BitTerm> inverses = [];

    /// <param name="known">Values for some of the constants, by name.</param>
    private RuleObligation(Rule rule, IReadOnlyDictionary<string, UInt128> known)
    {
        (this.rule, this.known) = (rule, known);
        constantWidths = new int[rule.ConstantCount];
        Array.Fill(constantWidths, rule.Width);
        NarrowConstants(rule.Pattern);
        Variables = [.. rule.VariableTypes.Select((type, i) => BitTerm.Variable(rule.VariableNames[i], WidthOf(type)))];
        Constants = [.. rule.ConstantNames.Select((name, i) => known.TryGetValue(name, out var value)
            ? BitTerm.Number(value, constantWidths[i]) : BitTerm.Variable(name, constantWidths[i]))];
        foreach (var clause in rule.Clauses)
        {
            assumptions.Add(Assume(clause));
        }

        (Pattern, PatternTrap) = Translate(rule.Pattern);
        (Replacement, ReplacementTrap) = Translate(rule.Replacement);
    }

    /// <summary>The obligation of a rule, or why there is none: it uses something that has no meaning here.</summary>
    /// <param name="known">Values for some of the constants, by name; null for none.</param>
    public static (RuleObligation? Obligation, string Reason) Of(Rule rule, IReadOnlyDictionary<string, UInt128>? known = null)
    {
        try
        {
            return (new RuleObligation(rule, known ?? new Dictionary<string, UInt128>()), "");
        }
        catch (NoMeaningException missing)
        {
            return (null, missing.Message);
        }
    }

    public IReadOnlyList<BitTerm> Variables { get; }

    public IReadOnlyList<BitTerm> Constants { get; }

    /// <summary>Terms of one bit.</summary>
    public IReadOnlyList<BitTerm> Assumptions => assumptions;

    /// <summary>Inverses of constants modulo 2^width: variable by the name of the constant.</summary>
    public IReadOnlyDictionary<string, BitTerm> Inverses => inverses;

    public BitTerm Pattern { get; }

    public BitTerm PatternTrap { get; }

    public BitTerm Replacement { get; }

    public BitTerm ReplacementTrap { get; }

    /// <summary>False where the two sides, and so the rule, can only be right without a proof of traps: none of them has one.</summary>
    public bool CanTrap => !PatternTrap.IsConstant || !ReplacementTrap.IsConstant;

    /// <summary>One bit: the assumptions hold, and the sides trap differently, or do not trap and differ.</summary>
    public BitTerm Wrong()
    {
        var differ = ~PatternTrap.IsEqual(ReplacementTrap) | (~PatternTrap.IsNotZero() & ~Pattern.IsEqual(Replacement));
        return assumptions.Aggregate(differ, static (all, one) => one & all);
    }

    private static int WidthOf(ValueType type) => type == ValueType.I32 || type == ValueType.F32 ? 32
        : type == ValueType.I64 || type == ValueType.F64 ? 64
        : type == ValueType.V128 ? 128 : throw new NoMeaningException($"a value of type {type}");

    /// <summary>A constant that the pattern binds in an i32 has 32 bits, whatever the rule's width.</summary>
    private void NarrowConstants(RuleNode node)
    {
        switch (node)
        {
            case RuleConstant { Formula: ConstantFormula.Named named } constant:
                var width = WidthOf(constant.Type);
                constantWidths[named.Index] = bound.Add(named.Index) ? width : Math.Min(constantWidths[named.Index], width);
                break;
            case RuleOperation operation:
                foreach (var operand in operation.Operands)
                {
                    NarrowConstants(operand);
                }

                break;
        }
    }

    private (BitTerm Value, BitTerm Trap) Translate(RuleNode node)
    {
        switch (node)
        {
            case RuleVariable variable:
                return (Variables[variable.Index], InstructionSemantics.NoTrap);
            case RuleConstant constant:
                return (Compute(constant.Formula, WidthOf(constant.Type)), InstructionSemantics.NoTrap);
        }

        var operation = (RuleOperation)node;
        var operands = operation.Operands.Select(Translate).ToArray();
        var meaning = InstructionSemantics.Of(operation.Opcode, [.. operands.Select(operand => operand.Value)])
            ?? throw new NoMeaningException($"{OpcodeTable.Get(operation.Opcode).Name}");
        // Operands are evaluated from left to right, the instruction last; the first trap counts.
        var trap = meaning.Trap;
        foreach (var operand in operands.Reverse())
        {
            trap = BitTerm.Choose(operand.Trap.IsNotZero(), operand.Trap, trap);
        }

        return (meaning.Value, trap);
    }

    private BitTerm Assume(RuleClause clause)
    {
        switch (clause)
        {
            case Holds holds:
                return Compute(holds.Formula, rule.Width).IsNotZero();
            case Free free:
                var constant = Constants[free.Constant];
                var (least, most) = free.Draw switch { Draw.Shift => (1, rule.Width - 1), Draw.Small => (1, 127), _ => (0, -1) };
                return free.Draw switch
                {
                    Draw.Any => BitTerm.Bit(true),
                    Draw.Odd => constant.Extract(0, 1),
                    _ => ~constant.IsLess(BitTerm.Number((UInt128)least, rule.Width), signed: false)
                        & ~BitTerm.Number((UInt128)most, rule.Width).IsLess(constant, signed: false),
                };
            default:
                throw new NoMeaningException(clause.ToString());
        }
    }

    /// <summary>A formula modulo 2^width, as RULES.md says.</summary>
    private BitTerm Compute(ConstantFormula formula, int width)
    {
        switch (formula)
        {
            case ConstantFormula.Number number:
                return BitTerm.Number((UInt128)(Int128)number.Value, width);
            case ConstantFormula.WidthNumber:
                return BitTerm.Number((UInt128)width, width);
            case ConstantFormula.SignBit:
                return BitTerm.Number(UInt128.One << (width - 1), width);
            case ConstantFormula.Named named:
                var constant = Constants[named.Index];
                return constant.Width <= width ? constant.Extended(width, signed: false) : constant.Extract(0, width);
            case ConstantFormula.Unary unary:
                return Unary(unary, Compute(unary.A, width));
            case ConstantFormula.Binary binary:
                return Binary(binary.Operator, Compute(binary.A, width), Compute(binary.B, width));
            default:
                throw new NoMeaningException(formula.ToString());
        }
    }

    private BitTerm Unary(ConstantFormula.Unary formula, BitTerm a)
    {
        var width = a.Width;
        var (zero, one) = (BitTerm.Number(0, width), BitTerm.Number(UInt128.One, width));
        return formula.Operator switch
        {
            "-" => zero - a,
            "~" => ~a,
            // Of zero as of one: the clauses must see to it that there is a logarithm.
            "log2" => BitTerm.Choose(a.IsNotZero(), BitTerm.Number((UInt128)(width - 1), width) - BitTerm.Of(BitOperation.LeadingZeros, a), zero),
            "pow2" => (a.IsNotZero() & ~(a & (a - one)).IsNotZero()).Extended(width, signed: false),
            "low-mask" => (a.IsNotZero() & ~(a & (a + one)).IsNotZero()).Extended(width, signed: false),
            "odd" => a & one,
            "clear" => BitTerm.Of(BitOperation.LeadingZeros, a),
            "inverse" => Inverse(formula.A, a),
            _ => throw new NoMeaningException($"the operator {formula.Operator}"),
        };
    }

    /// <summary>The number whose product with an odd one is 1: another variable, with that as an assumption.</summary>
    private BitTerm Inverse(ConstantFormula formula, BitTerm a)
    {
        var isOdd = a.IsConstant ? (a.Value & 1) == 1
            : formula is ConstantFormula.Named named && rule.Clauses.Any(clause => clause == new Free(named.Index, Draw.Odd));
        if (!isOdd)
        {
            throw new NoMeaningException("the inverse of a number that no clause calls odd");
        }

        if (a.IsConstant)
        {
            return BitTerm.Number(BitTermEvaluator.Inverse(a.Value), a.Width);
        }

        if (!inverses.TryGetValue(a.Name, out var inverse))
        {
            if (a.Operation != BitOperation.Variable)
            {
                throw new NoMeaningException("an inverse at another width than the constant's");
            }

            inverse = BitTerm.Variable($"{a.Name}-inverse", a.Width);
            inverses.Add(a.Name, inverse);
            assumptions.Add((a * inverse).IsEqual(BitTerm.Number(UInt128.One, a.Width)));
        }

        return inverse;
    }

    private static BitTerm Binary(string name, BitTerm a, BitTerm b) => name switch
    {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "and" => a & b,
        "or" => a | b,
        "xor" => a ^ b,
        "shl" => BitTerm.Of(BitOperation.ShiftLeft, a, b),
        "shr" => BitTerm.Of(BitOperation.ShiftRight, a, b),
        "rotl" => BitTerm.Of(BitOperation.RotateLeft, a, b),
        "rotr" => BitTerm.Of(BitOperation.RotateRight, a, b),
        "<" => a.IsLess(b, signed: false).Extended(a.Width, signed: false),
        "s<" => a.IsLess(b, signed: true).Extended(a.Width, signed: false),
        "=" => a.IsEqual(b).Extended(a.Width, signed: false),
        "!=" => (~a.IsEqual(b)).Extended(a.Width, signed: false),
        _ => throw new NoMeaningException($"the operator {name}"),
    };

    private sealed class NoMeaningException(string what) : Exception($"{what} has no meaning to prove with");
}
