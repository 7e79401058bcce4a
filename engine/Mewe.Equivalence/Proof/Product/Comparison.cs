using System.Security.Cryptography;
using System.Text;
using Mewe.Equivalence.Proof.Evaluation;
using Mewe.Equivalence.Proof.Solving;
using Mewe.Equivalence.Proof.Terms;

namespace Mewe.Equivalence.Proof.Product;

/// <summary>
/// Decides whether two terms have the same value wherever some facts hold. The normal form settles most; for what is left, simulation says what is worth a question, and the
/// solver answers it within a counted limit.
/// </summary>
internal sealed class Comparison(Simulation simulation, ISolver? solver, ILemmaCache lemmas)
{
    private const int MostQuestions = 12, MostNodes = 64, MostOpenProducts = 1, MostFacts = 12, LargestApplied = 2_000;
    private const uint ResourceLimit = 15_000;

    // Of 1,427 questions on functions of qr_str, 436 were answered with yes. Of those with more definitions than MostNodes none was, of those with more open products 8 of 220;
    // they took a quarter of the time.

    private readonly HashSet<(Term, Term)> different = [];
    private int questions;

    /// <summary>Questions to the solver, those whose answer was known included.</summary>
    public int Questions => questions;

    public bool AreEqual(Term left, Term right, Facts facts)
    {
        if (ReferenceEquals(left, right))
        {
            return true;
        }

        if (left.Width != right.Width)
        {
            return false;
        }

        if (different.Contains((left, right)))
        {
            return false;
        }

        var equal = left.Width is 0 or > 64 ? AreCongruent(left, right, facts) : AreEqualValues(left, right, facts);
        if (!equal)
        {
            different.Add((left, right));
        }

        return equal;
    }

    private bool AreEqualValues(Term left, Term right, Facts facts)
    {
        if (!MayBeEqual(left, right, facts))
        {
            return false;
        }

        if (left.Size < LargestApplied && right.Size < LargestApplied)
        {
            (left, right) = (facts.Apply(left), facts.Apply(right));
        }

        return ReferenceEquals(left, right) || AreCongruent(left, right, facts) || Holds(facts, smt => smt.Distinct(left, right));
    }

    /// <summary>The value of a condition where the facts imply it; null where they do not, or where that could not be found out.</summary>
    public bool? Decide(Term condition, Facts facts)
    {
        if (facts.Decide(condition) is { } known)
        {
            return known;
        }

        if (solver is null || Guess(condition, facts) is not { } guess)
        {
            return null;
        }

        return Holds(facts, smt => smt.Name(condition) is { } name ? $"(assert (= {name} {SmtTerms.Number(guess ? 0UL : 1UL, 1)}))" : null) ? guess : null;
    }

    public static Disproof Unequal(string what, Term left, Term right, Facts facts) => new(DisproofKind.Different, $"{what} could not be shown to be equal: {left} and {right}")
    {
        Suspicion = new Suspicion(facts, left, right),
    };

    /// <summary>The parts on account of which two terms of the same shape were found different; the terms themselves where their shapes differ.</summary>
    public (Term Left, Term Right) Innermost(Term left, Term right)
    {
        while (left.Width is 0 or > 64 && left.Kind == right.Kind && left.Children.Length == right.Children.Length)
        {
            var at = Enumerable.Range(0, left.Children.Length).Reverse().FirstOrDefault(i => different.Contains((left.Children[i], right.Children[i])), -1);
            if (at < 0)
            {
                break;
            }

            (left, right) = (left.Children[at], right.Children[at]);
        }

        return (left, right);
    }

    private bool AreCongruent(Term left, Term right, Facts facts)
    {
        if (left.Kind != right.Kind || left.Code != right.Code || left.Value != right.Value || left.Children.Length != right.Children.Length || left.Children.Length == 0
            || left.Kind is TermKind.Sum or TermKind.Parity or TermKind.Bits || !left.Numbers.AsSpan().SequenceEqual(right.Numbers))
        {
            return false;
        }

        // Backwards: of a write first what is written and where, then the memory before it.
        for (var i = left.Children.Length - 1; i >= 0; i--)
        {
            if (!AreEqual(left.Children[i], right.Children[i], facts))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>What simulation says of several terms in one number: equal for terms that are equal.</summary>
    public ulong Signature(Term[] terms)
    {
        var signature = 14695981039346656037UL;
        foreach (var term in terms)
        {
            foreach (var value in simulation.Of(term))
            {
                signature = (signature ^ value) * 1099511628211;
            }
        }

        return signature;
    }

    private bool MayBeEqual(Term left, Term right, Facts facts)
    {
        var (a, b) = (simulation.Of(left), simulation.Of(right));
        return !Lanes(facts).Any(lane => a[lane] != b[lane]);
    }

    /// <summary>The value that a condition has in all lanes in which the facts hold; where there is no such lane, that of a fact which it looks the same as.</summary>
    private bool? Guess(Term condition, Facts facts)
    {
        var values = simulation.Of(condition);
        var lanes = Lanes(facts).ToList();
        if (lanes.Count > 0)
        {
            return lanes.All(lane => values[lane] == values[lanes[0]]) ? values[lanes[0]] == 1 : null;
        }

        foreach (var (fact, value) in facts.Literals)
        {
            var same = simulation.Of(fact).Zip(values).Count(pair => pair.First == pair.Second);
            if (same is 0 or Simulation.Lanes)
            {
                return same == 0 ? !value : value;
            }
        }

        return null;
    }

    private IEnumerable<int> Lanes(Facts facts)
    {
        for (var lane = 0; lane < Simulation.Lanes; lane++)
        {
            if (facts.Literals.All(literal => simulation.Of(literal.Key)[lane] == (literal.Value ? 1UL : 0))
                && facts.Ranges.All(range => simulation.Of(range.Key)[lane] is var value && value >= range.Value.Low && value <= range.Value.High))
            {
                yield return lane;
            }
        }
    }

    /// <summary>True where the solver finds nothing that meets the facts and the negation of what is to be shown.</summary>
    private bool Holds(Facts facts, Func<SmtTerms, string?> negation)
    {
        if (solver is null || questions >= MostQuestions)
        {
            return false;
        }

        var smt = new SmtTerms(MostNodes);
        if (negation(smt) is not { } assertion || smt.OpenProducts > MostOpenProducts)
        {
            return false;
        }

        // Facts about what the question is about; more facts can only help, fewer are never wrong.
        var script = new StringBuilder();
        var unknowns = smt.Unknowns.ToHashSet();
        var used = 0;
        foreach (var (fact, value) in facts.Literals.OrderBy(literal => literal.Key.Size))
        {
            if (used < MostFacts && fact.Size < MostNodes && Touches(fact, unknowns) && smt.Assertion(fact, value) is { } known)
            {
                script.Append(known);
                used++;
            }
        }

        foreach (var (term, range) in facts.Ranges.OrderBy(range => range.Key.Size))
        {
            if (used < MostFacts && term.Size < MostNodes && term.Width <= 64 && Touches(term, unknowns) && smt.Assertion(term, range.Low, range.High) is { } known)
            {
                script.Append(known);
                used++;
            }
        }

        questions++;
        script.Append(assertion).Append('\n');
        var question = smt.Text + script;
        Span<byte> key = stackalloc byte[32];
        SHA256.HashData(Encoding.UTF8.GetBytes(question), key);
        if (lemmas.Find(key) is { } lemma)
        {
            return lemma;
        }

        var holds = solver.Check(question, ResourceLimit) is SolverAnswer.Unsatisfiable;
        lemmas.Add(key, holds);
        return holds;
    }

    private static bool Touches(Term term, HashSet<Term> unknowns) => unknowns.Contains(term) || term.Children.Any(child => Touches(child, unknowns));
}
