using System.Collections.Immutable;
using Mewe.Diversify;
using Mewe.Equivalence.Proof;
using Mewe.Equivalence.Proof.Solving;

namespace Mewe.Grains;

/// <summary>
/// Proves variants for a job or a verification: the validator with its solver, lemmas and threads. Nothing that goes wrong in it fails a job; what is not proved is just that.
/// </summary>
public sealed class Prover : IDisposable
{
    /// <summary>The category of a proof that ended in an exception: a defect of the checker, which the report shows.</summary>
    public const string CheckerCategory = "checker";

    private readonly DeepStackThreads threads;
    private readonly ISolver? solver;
    private readonly ILemmaCache? lemmas;

    /// <param name="solver">Null for none: then less is proved.</param>
    /// <param name="lemmas">Null for none beyond a function.</param>
    public Prover(int threads, ISolver? solver, ILemmaCache? lemmas) => (this.threads, this.solver, this.lemmas) = (new DeepStackThreads(threads), solver, lemmas);

    /// <summary>The solver of this machine, or null where there is none.</summary>
    public static ISolver? DefaultSolver { get; } = Z3Solver.TryCreate(out var found) ? found : null;

    /// <summary>For reports: who helped.</summary>
    public static string NameOf(ISolver? solver) => solver switch
    {
        null => "none",
        Z3Solver => Z3Solver.Version,
        _ => solver.GetType().Name,
    };

    /// <summary>For variants of one function; by one caller at a time.</summary>
    public FunctionProver Of(FunctionInput function) => new(this, function);

    public void Dispose() => threads.Dispose();

    internal Task<T> RunAsync<T>(Func<T> task, CancellationToken cancellationToken) => threads.RunAsync(task, cancellationToken);

    internal bool HasSolver => solver is not null;

    internal TranslationValidator Validator(FunctionInput function, LemmaCount count) => new(function, solver, lemmas is null ? null : count.Around(lemmas));
}

/// <summary>Proves variants of one function.</summary>
public sealed class FunctionProver(Prover prover, FunctionInput function)
{
    /// <summary>Work on one function, in the unit of <see cref="TranslationValidator.Work"/>: where proofs are dear, some variants stay tested only. A few seconds.</summary>
    private const long MostWork = 500_000;

    /// <summary>Attempts with the solver that may fail in a row: a function on which it helps nobody is left alone.</summary>
    private const int MostInVain = 5;

    private readonly LemmaCount lemmas = new();
    private TranslationValidator? validator;
    private int inVain;

    /// <summary>Questions for the solver so far.</summary>
    public long LemmasAsked => lemmas.Asked;

    /// <summary>Those of them whose answer was known.</summary>
    public long LemmasKnown => lemmas.Known;

    /// <summary>
    /// Attempts proofs in order, without the solver, and stops when enough have succeeded: a result for each that was attempted. Where fewer than needed have, those that failed are
    /// attempted once more, with it, until as many have or it keeps failing.
    /// </summary>
    public Task<ImmutableArray<ProofResult>> ProveAsync(IReadOnlyList<VariantCode> variants, int enough, int needed, CancellationToken cancellationToken) => prover.RunAsync(
        () =>
        {
            var results = new List<ProofResult>();
            var proved = 0;
            for (var i = 0; i < variants.Count && proved < enough && HasFuel && !cancellationToken.IsCancellationRequested; i++)
            {
                results.Add(Prove(variants[i], askSolver: false, propose: false, cancellationToken));
                proved += results[^1] is ProvedEqual ? 1 : 0;
            }

            for (var i = 0; i < results.Count && proved < needed && prover.HasSolver && inVain < MostInVain && HasFuel && !cancellationToken.IsCancellationRequested; i++)
            {
                if (results[i] is NotProved { Category: not ("unsupported" or "fuel") })
                {
                    results[i] = Prove(variants[i], askSolver: true, propose: true, cancellationToken);
                    proved += results[i] is ProvedEqual ? 1 : 0;
                    inVain = results[i] is ProvedEqual ? 0 : inVain + 1;
                }
            }

            cancellationToken.ThrowIfCancellationRequested();
            return results.ToImmutableArray();
        },
        cancellationToken);

    /// <summary>Attempts to prove again what is said to be proved: without the solver, and where that is not enough, with it.</summary>
    public Task<ImmutableArray<ProofResult>> ProveAgainAsync(IReadOnlyList<VariantCode> variants, CancellationToken cancellationToken) => prover.RunAsync(
        () =>
        {
            var results = ImmutableArray.CreateBuilder<ProofResult>();
            foreach (var variant in variants)
            {
                cancellationToken.ThrowIfCancellationRequested();
                results.Add(Prove(variant, askSolver: false, propose: false, cancellationToken) is ProvedEqual proved ? proved : Prove(variant, askSolver: true, propose: false, cancellationToken));
            }

            return results.ToImmutable();
        },
        cancellationToken);

    private bool HasFuel => (validator?.Work ?? 0) < MostWork;

    private ProofResult Prove(VariantCode variant, bool askSolver, bool propose, CancellationToken cancellationToken)
    {
        try
        {
            validator ??= prover.Validator(function, lemmas);
            validator.Cancellation = cancellationToken;
            return validator.Prove(variant, askSolver, propose);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            return new NotProved(Prover.CheckerCategory, $"{exception.GetType().Name}: {exception.Message}");
        }
    }
}

/// <summary>Counts what one function asks of the lemmas that many share.</summary>
internal sealed class LemmaCount : ILemmaCache
{
    private ILemmaCache shared = null!;

    public long Asked { get; private set; }

    public long Known { get; private set; }

    public LemmaCount Around(ILemmaCache lemmas)
    {
        shared = lemmas;
        return this;
    }

    public bool? Find(ReadOnlySpan<byte> key)
    {
        var found = shared.Find(key);
        Asked++;
        Known += found is null ? 0 : 1;
        return found;
    }

    public void Add(ReadOnlySpan<byte> key, bool holds) => shared.Add(key, holds);
}
