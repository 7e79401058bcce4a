using System.Globalization;
using Mewe.Diversify;
using Mewe.Equivalence.Proof;
using Mewe.Store;
using Mewe.Wasm;

namespace Mewe.Grains;

/// <summary>Owns one function of a job: generates, tests and proves its variants. Its key is the job and the function's index.</summary>
public sealed class FunctionGrain(string job, int function, GrainHost host) : StepGrain<ClaimedFunction>(KeyOf(job, function), host)
{
    protected override string StepName => "function";

    /// <summary>The identity of the grain of a function.</summary>
    public static string KeyOf(string job, int function) => string.Create(CultureInfo.InvariantCulture, $"{job}/{function}");

    protected override async Task<Func<CancellationToken, Task<StoreAnswer<WriteOutcome>>>> ComputeAsync(ClaimedFunction claim, CancellationToken cancellationToken)
    {
        using var span = MeweTelemetry.Begin("function", claim.TraceParent)?
            .SetTag("mewe.job", claim.Claim.Job).SetTag("mewe.function", claim.Claim.Function).SetTag("mewe.function.name", claim.Name).SetTag("mewe.attempt", claim.Claim.Attempt);
        using var share = Host.Processor.Begin();
        var workspace = await Host.Workspaces.OpenAsync(claim.Claim.Job, cancellationToken);
        var (plan, index) = (workspace.Plan, (uint)claim.Claim.Function);
        var prover = Host.Prover.Of(FunctionInput.Of(plan.Facts, index));
        var work = new FunctionWork(plan, workspace.Tester, prover, workspace.MachineCode, index);
        var candidates = await work.RunAsync(Host.Observer is { } observer ? observer.Tested : null, cancellationToken);
        var findings = new FunctionFindings(candidates, [.. workspace.MachineCode.Problems], prover.LemmasAsked, prover.LemmasKnown, share.SoFar());
        var result = new Store.FunctionResult(findings.ToBytes(), Rows(candidates), new CandidateTally(candidates.Proposed, candidates.Tally.Tested, candidates.Refuted.Length));
        span?.SetTag("mewe.variants", candidates.Count).SetTag("mewe.refuted", candidates.Refuted.Length);
        return async token =>
        {
            var answer = await Host.Store.CompleteFunctionAsync(claim.Claim, result, token);
            if (answer.TryGet(out var outcome) && outcome != WriteOutcome.Lost)
            {
                Host.Observer?.FunctionDone(candidates);
            }

            return answer;
        };
    }

    protected override async Task<StoreAnswer<WriteOutcome>> FailAsync(ClaimedFunction claim, WorkError error, bool retry, CancellationToken cancellationToken)
    {
        var answer = await Host.Store.FailFunctionAsync(claim.Claim, error, retry, cancellationToken);
        if (answer.TryGet(out var outcome) && outcome != WriteOutcome.Lost)
        {
            Host.Observer?.FunctionFailed(error);
        }

        return answer;
    }

    protected override async Task<StoreAnswer<WriteOutcome>> ReleaseAsync(ClaimedFunction claim, CancellationToken cancellationToken)
    {
        var answer = await Host.Store.ReleaseFunctionsAsync([claim.Claim], cancellationToken);
        return answer.TryGet(out _) ? StoreAnswer<WriteOutcome>.Of(WriteOutcome.Written) : answer.Problem!;
    }

    /// <summary>What people query: a row for each candidate that passed, by its place.</summary>
    private static List<NewVariant> Rows(FunctionCandidates candidates)
    {
        var rows = new List<NewVariant>(candidates.Count);
        foreach (var passed in candidates.Pool.Candidates)
        {
            var body = new FunctionBody(passed.Candidate.Code.Code).Content;
            rows.Add(new NewVariant(rows.Count, BlobHash.Of(body.Span), body.Length, string.Join(' ', passed.Candidate.Steps), passed.IsProved ? VariantEvidence.Proved : VariantEvidence.Tested,
                passed.IsProved ? null : (passed.Proof as NotProved)?.Category ?? "not attempted", passed.Verdict.Conclusive));
        }

        return rows;
    }
}
