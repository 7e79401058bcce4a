using System.Collections.Immutable;
using Mewe.Store;
using LinkedRow = Mewe.Store.LinkedVariant;

namespace Mewe.Grains;

/// <summary>Makes one module of what the functions of a job found. Its key is the job.</summary>
public sealed class LinkerGrain(string job, GrainHost host) : StepGrain<ClaimedJob>(job, host)
{
    protected override string StepName => "link";

    protected override async Task<Func<CancellationToken, Task<StoreAnswer<WriteOutcome>>>> ComputeAsync(ClaimedJob claim, CancellationToken cancellationToken)
    {
        using var span = MeweTelemetry.Begin("link", claim.Job.Submitted.TraceParent)?.SetTag("mewe.job", Key);
        using var share = Host.Processor.Begin();
        var workspace = await Host.Workspaces.OpenAsync(Key, cancellationToken);
        var (findings, failed) = await ReadAsync(workspace.Plan, cancellationToken);
        var work = new LinkWork(workspace.Plan, workspace.Tester, Host.Prover, Host.Solver);
        var started = claim.Job.StartedAt ?? claim.Job.SubmittedAt;
        var outcome = await work.RunAsync(
            findings, failed, workspace.Planning, Host.Workers, Host.KeepLemmasAsync, () => (Host.Elapsed?.Invoke() ?? Since(started), share.SoFar()), Host.Observer is { } observer ? new Forwarded(observer) : null, cancellationToken);
        if (outcome.Result.Failure is { } failure)
        {
            throw new WorkFailedException(failure);
        }

        var output = new JobOutput(
            await PutAsync(outcome.Result.Module!, cancellationToken), await PutAsync(outcome.Result.Report!.ToJson(), cancellationToken), await PutAsync(outcome.Result.Plan!.ToJson(), cancellationToken));
        var linked = outcome.Chosen.Select(variant =>
            new LinkedRow((int)variant.Function, variant.Place, variant.NotProved is null ? VariantEvidence.Proved : VariantEvidence.Tested, variant.NotProved)).ToList();
        span?.SetTag("mewe.variants", linked.Count);
        return async token =>
        {
            var answer = await Host.Store.LinkedAsync(claim.Claim, output, linked, token);
            Host.Workspaces.Forget(Key);
            return answer;
        };
    }

    protected override Task<StoreAnswer<WriteOutcome>> FailAsync(ClaimedJob claim, WorkError error, bool retry, CancellationToken cancellationToken) =>
        Host.Store.FailJobAsync(claim.Claim, error, retry, cancellationToken);

    protected override async Task<StoreAnswer<WriteOutcome>> ReleaseAsync(ClaimedJob claim, CancellationToken cancellationToken)
    {
        var answer = await Host.Store.ReleaseJobsAsync([claim.Claim], cancellationToken);
        return answer.TryGet(out _) ? StoreAnswer<WriteOutcome>.Of(WriteOutcome.Written) : answer.Problem!;
    }

    private async Task<(ImmutableArray<FunctionFindings> Findings, SortedDictionary<uint, string> Failed)> ReadAsync(JobPlan plan, CancellationToken cancellationToken)
    {
        var findings = ImmutableArray.CreateBuilder<FunctionFindings>(plan.Functions.Length);
        var failed = new SortedDictionary<uint, string>();
        for (int? after = null; ;)
        {
            var page = await Host.AskAsync(token => Host.Store.ReadResultsAsync(Key, after, token), cancellationToken);
            if (page.Count == 0)
            {
                return findings.Count + failed.Count == plan.Functions.Length ? (findings.ToImmutable(), failed)
                    : throw new UnusableJobException($"the store has results of {findings.Count + failed.Count} functions, and the plan has {plan.Functions.Length}");
            }

            foreach (var function in page)
            {
                if (function.State == FunctionState.Done)
                {
                    findings.Add(Decoded(function, plan));
                }
                else
                {
                    failed.Add((uint)function.Index, function.Error?.Message ?? "it was not worked on");
                }
            }

            after = page[^1].Index;
        }
    }

    private static FunctionFindings Decoded(FinishedFunction function, JobPlan plan)
    {
        try
        {
            var findings = FunctionFindings.FromBytes(function.Content.Span, plan);
            return findings.Candidates.Function == function.Index ? findings : throw new UnusableJobException($"the result of function {function.Index} is that of function {findings.Candidates.Function}");
        }
        catch (MessageFormatException exception)
        {
            throw new UnusableJobException($"the result of function {function.Name} ({function.Index}) cannot be read: {exception.Message}");
        }
    }

    private async Task<BlobHash> PutAsync(byte[] bytes, CancellationToken cancellationToken) => await Host.AskAsync(token => Host.Store.PutBlobAsync(bytes, token), cancellationToken);

    /// <summary>By this machine's clock, which may differ a little from the store's: it is for people.</summary>
    private TimeSpan Since(DateTimeOffset started) => Host.Time.GetUtcNow() - started is var elapsed && elapsed > TimeSpan.Zero ? elapsed : TimeSpan.Zero;
}
