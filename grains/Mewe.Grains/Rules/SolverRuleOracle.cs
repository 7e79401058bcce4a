using Mewe.Diversify.Rules;
using Mewe.Diversify.Synthesis;
using Mewe.Equivalence.Proof.Rules;
using Mewe.Equivalence.Proof.Solving;

namespace Mewe.Grains;

/// <summary>Decides for synthesis whether a rule holds, by the same proof that the built-in rules have.</summary>
internal sealed class SolverRuleOracle(ISolver solver, CancellationToken cancellation) : IRuleOracle
{
    /// <summary>Steps of the solver per question. Most rules of three instructions need none or a tenth of it; what needs more costs more than another candidate.</summary>
    private const uint ResourceLimit = 1_000_000;

    /// <summary>Rules proved so far.</summary>
    public int Proved { get; private set; }

    /// <exception cref="OperationCanceledException">Nobody wants the answer any more.</exception>
    public RuleAnswer Ask(Rule rule)
    {
        cancellation.ThrowIfCancellationRequested();
        switch (RuleProof.Prove(rule, solver, ResourceLimit))
        {
            case RuleProofResult.Proved proved:
                Proved++;
                return new RuleAnswer.Proved($"{proved.Method}: {proved.Detail}");
            case RuleProofResult.Refuted refuted:
                return new RuleAnswer.Refuted([.. rule.VariableNames.Select(name => (ulong)refuted.Values.GetValueOrDefault(name))]);
            case var open:
                return new RuleAnswer.Unknown(open.Describe());
        }
    }
}
