using System.Collections.Immutable;
using System.Text;
using Mewe.Equivalence.Proof.Evaluation;
using Mewe.Equivalence.Proof.Solving;
using Mewe.Equivalence.Proof.Terms;

namespace Mewe.Equivalence.Proof.Product;

/// <summary>
/// Asks the solver for values on which a proof that broke off is right to do so, and reads an input from its model. One question for each attempt, which no cache of lemmas answers: what
/// comes of it must not depend on what was asked before.
/// </summary>
internal sealed class ModelReading(ISolver solver, StateLayout layout)
{
    private const int MostNodes = 400;
    private const uint ResourceLimit = 60_000;

    /// <summary>Null where the solver finds nothing, or nothing of what it finds is part of an input.</summary>
    public ProposedInput? Read(Suspicion suspicion, Comparison comparison)
    {
        var smt = new SmtTerms(MostNodes);
        var script = new StringBuilder();
        if (suspicion is { Left: { } left, Right: { } right })
        {
            (left, right) = comparison.Innermost(left, right);
            script.Append(left.Width == right.Width && left.Width is > 0 and <= 64 ? smt.Distinct(left, right) : null).Append('\n');
        }

        // The whole path: a value that meets only part of it takes another one.
        foreach (var (fact, value) in suspicion.Facts.Literals.OrderBy(literal => literal.Key.Size))
        {
            script.Append(smt.Assertion(fact, value));
        }

        foreach (var (term, range) in suspicion.Facts.Ranges.Where(range => range.Key.Width is > 0 and <= 64).OrderBy(range => range.Key.Size))
        {
            script.Append(smt.Assertion(term, range.Low, range.High));
        }

        return smt.Unknowns.Exists(IsPartOfAnInput) && solver.Check(smt.Text + script, ResourceLimit) is SolverAnswer.Satisfiable model ? InputOf(smt, model) : null;
    }

    private bool IsPartOfAnInput(Term term) => Place(term) is not (null, null) || IsRead(term);

    private ProposedInput InputOf(SmtTerms smt, SolverAnswer.Satisfiable model)
    {
        var arguments = ImmutableSortedDictionary.CreateBuilder<int, ValueBits>();
        var globals = ImmutableSortedDictionary.CreateBuilder<uint, ValueBits>();
        var reads = ImmutableArray.CreateBuilder<ProposedRead>();
        for (var i = 0; i < smt.Unknowns.Count; i++)
        {
            var (term, value) = (smt.Unknowns[i], model.Values.GetValueOrDefault($"x{i}"));
            var bits = new ValueBits((ulong)value, (ulong)(value >> 64));
            switch (Place(term))
            {
                case (int parameter, _):
                    arguments[parameter] = bits;
                    break;
                case (_, uint global):
                    globals[global] = bits;
                    break;
                default:
                    if (IsRead(term))
                    {
                        var (root, distance) = Root(term.Children[1]);
                        var (argument, from) = root is null ? (null, null) : Place(root);
                        reads.Add(new ProposedRead(argument, from, term.Value + distance, term.Width / 8, bits.Low));
                    }

                    break;
            }
        }

        return new ProposedInput(arguments.ToImmutable(), globals.ToImmutable(), reads.ToImmutable());
    }

    /// <summary>The parameter or the mutable global whose value at the entry a term is.</summary>
    private (int? Parameter, uint? Global) Place(Term term) => term is not { Kind: TermKind.Symbol, Code: SymbolNames.Entry } ? (null, null)
        : SymbolNames.ParameterOf(term.Value) is { } parameter ? (parameter, null)
        : SymbolNames.SlotOf(term.Value) is { } slot && slot < layout.GlobalCount ? (null, layout.GlobalAt(slot))
        : (null, null);

    /// <summary>A load from memory 0 as it was at the entry, at a place that can be told.</summary>
    private bool IsRead(Term term) => term.Kind == TermKind.Load && term.Width <= 64 && layout.MemoryCount > 0
        && term.Children[0] is { Kind: TermKind.Symbol, Code: SymbolNames.Entry } memory && SymbolNames.SlotOf(memory.Value) == layout.MemorySlot(0)
        && (Root(term.Children[1]).Root is not { } root || Place(root) is not (null, null));

    /// <summary>An address as an atom, or none, and what is added to it: extended from 32 bits, and a sum with a constant, as addresses are.</summary>
    private static (Term? Root, ulong Distance) Root(Term address)
    {
        if (address is { Kind: TermKind.Bits, Code: 0, Numbers: [0], Children: [var extended] } && address.Value == extended.Mask)
        {
            address = extended;
        }

        return address switch
        {
            { IsConstant: true } => (null, address.Value),
            { Kind: TermKind.Sum, Numbers: [var distance, 1, 1] } => (address.Children[0], distance),
            _ => (address, 0),
        };
    }
}
