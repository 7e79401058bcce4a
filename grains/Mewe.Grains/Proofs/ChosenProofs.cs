using System.Collections.Immutable;
using Mewe.Diversify;
using Mewe.Equivalence;
using Mewe.Equivalence.Proof;

namespace Mewe.Grains;

/// <summary>
/// Attempts proofs of chosen variants that had none, since enough others had been proved by then. It begins anew with each function, so what is proved depends on what was chosen and on nothing else:
/// a plan gives the same evidence again.
/// </summary>
internal sealed class ChosenProofs(JobPlan plan, DifferentialTester tester, Prover prover)
{
    private long asked, known;

    /// <summary>Questions for the solver.</summary>
    public long LemmasAsked => Volatile.Read(ref asked);

    /// <summary>Those of them whose answer was known.</summary>
    public long LemmasKnown => Volatile.Read(ref known);

    /// <exception cref="EngineFailedException">The engine failed on what the solver took for a counterexample.</exception>
    public async Task RunAsync(FunctionCandidates function, ImmutableArray<int> chosen, CancellationToken cancellationToken)
    {
        var open = function.WithoutProof(chosen);
        if (open.IsEmpty)
        {
            return;
        }

        var functionProver = prover.Of(FunctionInput.Of(plan.Facts, function.Function));
        var proofs = await functionProver.ProveAsync([.. open.Select(place => function.Linked(place).Code)], open.Length, open.Length, cancellationToken);
        Interlocked.Add(ref asked, functionProver.LemmasAsked);
        Interlocked.Add(ref known, functionProver.LemmasKnown);
        for (var i = 0; i < proofs.Length; i++)
        {
            if (proofs[i] is NotProved { Proposal: { } proposal })
            {
                var answer = await tester.Of(function.Function, plan.Recorded).TryAsync(proposal, function.Linked(open[i]).Code, cancellationToken);
                if (!answer.TryGet(out var counterexample, out var failure))
                {
                    throw new EngineFailedException($"the engine failed on function {function.Name} ({function.Function}): {failure}; --exclude can leave it out");
                }

                if (counterexample is not null)
                {
                    function.Refute(open[i], counterexample, plan.Engines.Target);
                    continue;
                }
            }

            function.Prove(open[i], proofs[i]);
        }
    }
}
