using Mewe.Diversify;
using Mewe.Equivalence.Proof.Evaluation;
using Mewe.Equivalence.Proof.Product;
using Mewe.Equivalence.Proof.Solving;
using Mewe.Equivalence.Proof.Terms;

namespace Mewe.Equivalence.Proof;

/// <summary>
/// Proves that variants are the same function as their original (translation validation: Pnueli, Siegel, Singerman 1998; Necula 2000). It sees the two bodies and nothing of
/// how one was made from the other. Not for several threads.
/// </summary>
public sealed class TranslationValidator
{
    private const int MostVisits = 1_500;
    private const long MostWork = 60_000;

    private readonly FunctionInput function;
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

    /// <summary>Work that all attempts have taken so far, counted in terms: the same on every machine.</summary>
    public long Work { get; private set; }

    /// <summary>Ends an attempt without a result: <see cref="Prove"/> throws <see cref="OperationCanceledException"/>. A question to the solver is still brought to its end.</summary>
    public CancellationToken Cancellation { get; set; }

    /// <summary>Told of every step of a proof, for who wants to know where one gets stuck.</summary>
    public Action<string>? Trace { get; set; }

    /// <summary>Attempts a proof. The answer is a function of the two functions, and of whether there is a solver; neither order nor lemmas change it.</summary>
    /// <param name="askSolver">False for what can be settled without questions to the solver, which is most and takes a fraction of the time.</param>
    /// <param name="propose">True for a <see cref="NotProved.Proposal"/> where one is found: a question more for an attempt that fails, asked only where the solver may be.</param>
    public ProofResult Prove(VariantCode variant, bool askSolver = true, bool propose = false)
    {
        if (original is null)
        {
            return unsupported!;
        }

        TermGraph? graph = null;
        try
        {
            var code = FlatCode.Of(function.Module, function.Type, variant);
            graph = new TermGraph(MostWork, Cancellation);
            var comparison = new Comparison(new Simulation(), askSolver ? solver : null, lemmas);
            var exploration = new ProductExploration(graph, function.Module, original, code, comparison, MostVisits, Trace);
            if (exploration.Explore(function.Type) is not { } problem)
            {
                return new ProvedEqual(exploration.NodeCount, comparison.Questions);
            }

            return new NotProved(problem.Kind.ToString().ToLowerInvariant(), problem.Text)
            {
                Proposal = propose && askSolver && solver is not null && problem.Suspicion is { } suspicion ? new ModelReading(solver, new StateLayout(function.Module)).Read(suspicion, comparison) : null,
            };
        }
        catch (NotProvableException exception)
        {
            return new NotProved("unsupported", exception.Message);
        }
        catch (OutOfFuelException)
        {
            return new NotProved("fuel", "a proof would take more work than is allowed");
        }
        finally
        {
            Work += graph?.Work ?? 0;
        }
    }
}
