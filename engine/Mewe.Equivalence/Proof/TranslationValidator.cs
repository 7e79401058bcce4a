using Mewe.Diversify;
using Mewe.Equivalence.Proof.Evaluation;
using Mewe.Equivalence.Proof.Product;
using Mewe.Equivalence.Proof.Solving;
using Mewe.Equivalence.Proof.Terms;

namespace Mewe.Equivalence.Proof;

/// <summary>The outcome of an attempt to prove a variant equal to its original for all inputs and all memories.</summary>
public abstract record ProofResult
{
    private protected ProofResult()
    {
    }
}

/// <summary>Equal for all inputs and all memories.</summary>
public sealed record ProvedEqual : ProofResult;

/// <summary>Not proved, which does not mean that it differs.</summary>
/// <param name="Category">A short name for statistics.</param>
public sealed record NotProved(string Category, string Reason) : ProofResult;

/// <summary>
/// Proves that variants are the same function as their original (translation validation: Pnueli, Siegel, Singerman 1998; Necula 2000). It sees the two bodies and nothing of
/// how one was made from the other. One per function: what is learnt from a variant speeds up the next. Not for several threads.
/// </summary>
public sealed class TranslationValidator
{
    private const long DefaultFuel = 20_000;

    private readonly FunctionInput function;
    private readonly TermGraph graph = new();
    private readonly Simulation simulation = new();
    private readonly ISolver? solver;
    private readonly ILemmaCache lemmas;
    private readonly FlatCode? original;
    private readonly NotProved? unsupported;

    /// <param name="solver">For what the normal form does not settle; null for none.</param>
    /// <param name="lemmas">What the solver has said before, shared between functions; null for none.</param>
    public TranslationValidator(FunctionInput function, ISolver? solver, ILemmaCache? lemmas)
    {
        (this.function, this.solver, this.lemmas) = (function, solver, lemmas ?? new MemoryLemmaCache());
        try
        {
            original = FlatCode.Of(function.Module, function.Type, new VariantCode(function.Code));
        }
        catch (NotProvableException exception)
        {
            unsupported = new NotProved("unsupported", exception.Message);
        }
    }

    /// <summary>Told of every step of a proof, for who wants to know where one gets stuck.</summary>
    public Action<string>? Trace { get; set; }

    /// <summary>Attempts a proof; the answer depends on the two functions alone.</summary>
    public ProofResult Prove(VariantCode variant)
    {
        if (original is null)
        {
            return unsupported!;
        }

        try
        {
            var code = FlatCode.Of(function.Module, function.Type, variant);
            var exploration = new ProductExploration(graph, function.Module, original, code, new Comparison(simulation, solver, lemmas), DefaultFuel, Trace);
            return exploration.Explore(function.Type) is { } problem ? new NotProved(problem.Kind.ToString().ToLowerInvariant(), problem.Text) : new ProvedEqual();
        }
        catch (NotProvableException exception)
        {
            return new NotProved("unsupported", exception.Message);
        }
    }
}
