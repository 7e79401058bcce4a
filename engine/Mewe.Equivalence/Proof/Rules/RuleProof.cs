using System.Collections.Immutable;
using Mewe.Diversify.Rules;
using Mewe.Equivalence.Proof.Solving;

namespace Mewe.Equivalence.Proof.Rules;

/// <summary>
/// Proves a rule for all values of its variables and all constants that its clauses accept, or finds values for which it is wrong. It trusts neither the rule nor how the generator
/// evaluates it: instructions mean what <see cref="InstructionSemantics"/> says, formulas and clauses what RULES.md says.
/// </summary>
public sealed class RuleProof
{
    /// <summary>Steps of the solver per question, and for the first try, after which cases are worth more than patience.</summary>
    public const uint DefaultResourceLimit = 4_000_000, FirstTry = 300_000;

    private readonly ISolver solver;
    private readonly uint resourceLimit;
    private readonly Dictionary<string, List<UInt128>?> casesOf = [];
    private string undecided = "";

    private RuleProof(ISolver solver, uint resourceLimit) => (this.solver, this.resourceLimit) = (solver, resourceLimit);

    /// <summary>Proves or refutes a rule at its width.</summary>
    /// <param name="resourceLimit">Steps of the solver per question; a rule can take a hundred questions where a constant is tried value by value.</param>
    public static RuleProofResult Prove(Rule rule, ISolver solver, uint resourceLimit = DefaultResourceLimit) =>
        new RuleProof(solver, resourceLimit).Prove(rule, null);

    private RuleProofResult Prove(Rule rule, ImmutableDictionary<string, UInt128>? known)
    {
        var (obligation, reason) = RuleObligation.Of(rule, known);
        if (obligation is null)
        {
            return new RuleProofResult.NotProved(reason);
        }

        if (known is null && RuleSamples.Find(obligation) is { } counterexample)
        {
            return Refuted(obligation, counterexample, known);
        }

        if (obligation.CanTrap && Ask(obligation, TrapsDiffer(obligation), resourceLimit) is var traps and not SolverAnswer.Unsatisfiable)
        {
            return traps is SolverAnswer.Satisfiable wrong
                ? Refuted(obligation, wrong.Values, known) : new RuleProofResult.NotProved($"traps: {((SolverAnswer.Undecided)traps).Reason}");
        }

        if (ByAlgebra(obligation) is { } method)
        {
            var detail = method == ProofMethod.LinearMixedArithmetic ? "the same coefficients as mixed boolean-arithmetic" : "the same polynomial over conjunctions";
            return new RuleProofResult.Proved(method, rule.Width, detail);
        }

        return (known is null ? ByCases(rule, obligation, AlgebraOfCase) : null)
            ?? BySolver(rule, obligation, known, FirstTry)
            ?? (known is null ? ByCases(rule, obligation, Prove) : null)
            ?? BySolver(rule, obligation, known, resourceLimit)
            ?? new RuleProofResult.NotProved($"within {resourceLimit} steps of the solver: {undecided}");
    }

    private static ProofMethod? ByAlgebra(RuleObligation obligation)
    {
        var odd = obligation.Assumptions.Where(static term => term is { Operation: BitOperation.Extract, Low: 0, Width: 1 } && term.Operands[0].Operation == BitOperation.Variable)
            .Select(static term => term.Operands[0].Name);
        var form = new NormalForm(odd);
        foreach (var (constant, inverse) in obligation.Inverses)
        {
            form.AssumeInverse(BitTerm.Variable(constant, inverse.Width), inverse);
        }

        foreach (var assumption in obligation.Assumptions)
        {
            if (ZeroBy(assumption) is { } zero)
            {
                form.AssumeZero(zero);
            }
        }

        return form.AreEqual(obligation.Pattern, obligation.Replacement)
            ? form.AreLinear(obligation.Pattern, obligation.Replacement) ? ProofMethod.LinearMixedArithmetic : ProofMethod.Polynomial
            : Array.Exists(LaneWidths, width => AreEqualByLanes(obligation.Pattern, obligation.Replacement, width)) ? ProofMethod.Polynomial : null;
    }

    private static readonly int[] LaneWidths = [64, 32, 16, 8];

    private static bool AreEqualByLanes(BitTerm a, BitTerm b, int width) => a.Width == 128
        && Enumerable.Range(0, 128 / width).All(lane => new NormalForm().AreEqual(a.Extract(lane * width, width), b.Extract(lane * width, width)));

    /// <summary>The term that an assumption says is zero: a clause {= term 0}, as a number that is not zero.</summary>
    private static BitTerm? ZeroBy(BitTerm assumption) =>
        assumption is { Operation: BitOperation.Not } && assumption.Operands[0] is { Operation: BitOperation.Equal } isZero
        && isZero.Operands[1] is { IsConstant: true, Value: var zero } && zero == 0
        && isZero.Operands[0] is { Operation: BitOperation.ExtendZero } truth && truth.Operands[0] is { Operation: BitOperation.Equal } equal
        && equal.Operands[1] is { IsConstant: true, Value: var other } && other == 0 ? equal.Operands[0] : null;

    private RuleProofResult? BySolver(Rule rule, RuleObligation obligation, ImmutableDictionary<string, UInt128>? known, uint limit)
    {
        limit = Math.Min(limit, resourceLimit);
        if (obligation.CanTrap && Ask(obligation, ValuesDiffer(obligation), limit, divisionIsAnyFunction: true) is SolverAnswer.Unsatisfiable)
        {
            return new RuleProofResult.Proved(ProofMethod.SolverWithAnyDivision, rule.Width, "no counterexample exists, whatever function unsigned division is");
        }

        return Ask(obligation, ValuesDiffer(obligation), limit) switch
        {
            SolverAnswer.Unsatisfiable => new RuleProofResult.Proved(ProofMethod.Solver, rule.Width, "no counterexample exists"),
            SolverAnswer.Satisfiable wrong => Refuted(obligation, wrong.Values, known),
            var other => Note((SolverAnswer.Undecided)other),
        };
    }

    private RuleProofResult? Note(SolverAnswer.Undecided answer)
    {
        undecided = answer.Reason;
        return null;
    }

    /// <summary>Value by value, for a constant that can have only few; null where there is no such constant or a case stays open.</summary>
    private RuleProofResult? ByCases(Rule rule, RuleObligation obligation, Func<Rule, ImmutableDictionary<string, UInt128>, RuleProofResult> prove)
    {
        foreach (var constant in obligation.Constants)
        {
            if (CasesOf(constant, obligation) is not { } values)
            {
                continue;
            }

            var methods = new SortedDictionary<string, int>(StringComparer.Ordinal);
            foreach (var value in values)
            {
                switch (prove(rule, ImmutableDictionary<string, UInt128>.Empty.Add(constant.Name, value)))
                {
                    case RuleProofResult.Proved proved:
                        methods[proved.Method.ToString()] = methods.GetValueOrDefault(proved.Method.ToString()) + 1;
                        break;
                    case RuleProofResult.Refuted refuted:
                        return refuted;
                    default:
                        return null;
                }
            }

            var counts = string.Join(", ", methods.Select(pair => $"{pair.Value} {pair.Key}"));
            return new RuleProofResult.Proved(ProofMethod.Cases, rule.Width, $"for each of {values.Count} values of {constant.Name} ({counts})");
        }

        return null;
    }

    /// <summary>A case that needs no solver, not even for traps.</summary>
    private static RuleProofResult AlgebraOfCase(Rule rule, ImmutableDictionary<string, UInt128> known) =>
        RuleObligation.Of(rule, known).Obligation is { CanTrap: false } obligation && ByAlgebra(obligation) is { } method
            ? new RuleProofResult.Proved(method, rule.Width, "") : new RuleProofResult.NotProved("by algebra alone");

    /// <summary>All values that a constant can have, where these are few: the solver confirms that there are no others.</summary>
    private List<UInt128>? CasesOf(BitTerm constant, RuleObligation obligation)
    {
        if (casesOf.TryGetValue(constant.Name, out var found))
        {
            return found;
        }

        var about = obligation.Assumptions.Where(term => IsAboutOnly(term, constant.Name)).ToArray();
        if (about.Length == 0)
        {
            return null;
        }

        var all = about.Aggregate(static (all, one) => all & one);
        var candidates = new SortedSet<UInt128>();
        for (var i = 0; i < 128; i++)
        {
            candidates.Add((UInt128)i);
            candidates.UnionWith(from delta in new[] { UInt128.MaxValue, UInt128.Zero, UInt128.One } select ((UInt128.One << i) + delta) & BitTerm.Mask(constant.Width));
        }

        var cases = candidates.Where(value => value <= BitTerm.Mask(constant.Width) && BitTermEvaluator.Evaluate(all, _ => value) == 1).ToList();
        var another = cases.Aggregate(all, (term, value) => term & ~constant.IsEqual(BitTerm.Number(value, constant.Width)));
        return casesOf[constant.Name] = solver.Check(new SmtScript().Assert(another).ToString(), FirstTry) is SolverAnswer.Unsatisfiable ? cases : null;
    }

    private static bool IsAboutOnly(BitTerm term, string name) => term.Operation == BitOperation.Variable
        ? term.Name == name : term.Operands.Count > 0 && term.Operands.All(operand => operand.IsConstant || IsAboutOnly(operand, name));

    private SolverAnswer Ask(RuleObligation obligation, BitTerm claim, uint limit, bool divisionIsAnyFunction = false)
    {
        var script = new SmtScript(divisionIsAnyFunction);
        foreach (var assumption in obligation.Assumptions)
        {
            script.Assert(assumption);
        }

        return solver.Check(script.Assert(claim).ToString(), limit);
    }

    private static BitTerm TrapsDiffer(RuleObligation obligation) => ~obligation.PatternTrap.IsEqual(obligation.ReplacementTrap);

    private static BitTerm ValuesDiffer(RuleObligation obligation) => ~obligation.PatternTrap.IsNotZero() & ~obligation.Pattern.IsEqual(obligation.Replacement);

    private static RuleProofResult.Refuted Refuted(RuleObligation obligation, ImmutableDictionary<string, UInt128> values, ImmutableDictionary<string, UInt128>? known)
    {
        // What the solver did not see can be anything.
        var all = obligation.Variables.Concat(obligation.Constants).Where(static term => !term.IsConstant)
            .ToImmutableDictionary(static term => term.Name, term => values.GetValueOrDefault(term.Name));
        return new RuleProofResult.Refuted(known is null ? all : all.SetItems(known));
    }
}
