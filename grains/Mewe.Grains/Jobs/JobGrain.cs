using System.Text;
using Mewe.Store;

namespace Mewe.Grains;

/// <summary>Plans a job: checks the module, chooses its functions, records the workload, and hands the functions over. Its key is the job.</summary>
public sealed class JobGrain(string job, GrainHost host) : StepGrain<ClaimedJob>(job, host)
{
    protected override string StepName => "plan";

    protected override async Task<Func<CancellationToken, Task<StoreAnswer<WriteOutcome>>>> ComputeAsync(ClaimedJob claim, CancellationToken cancellationToken)
    {
        using var span = MeweTelemetry.Begin("plan", claim.Job.Submitted.TraceParent)?.SetTag("mewe.job", Key);
        using var share = Host.Processor.Begin();
        var request = await Host.Workspaces.RequestAsync(claim.Job.Submitted, cancellationToken);
        var specification = JobSpecification.Parse(Encoding.UTF8.GetBytes(claim.Job.Submitted.Options));
        var work = new PlanWork(Host.Engines.Chosen(specification.Engine, specification.Target), Host.Solver, request);
        var (plan, failure) = await work.RunAsync(Host.Observer is { } observer ? new Forwarded(observer) : null, cancellationToken);
        if (plan is null)
        {
            throw new WorkFailedException(failure!);
        }

        span?.SetTag("mewe.functions", plan.Functions.Length);
        var functions = plan.Functions.Select(function =>
            new NewFunction((int)function, plan.Names.Of(function), plan.Module.Bodies[(int)function - plan.Facts.ImportedFunctionCount].Content.Length)).ToList();
        var blob = await Host.AskAsync(token => Host.Store.PutBlobAsync(PlanMessage.Write(plan, share.SoFar()), token), cancellationToken);
        return token => Host.Store.PlannedAsync(claim.Claim, blob, functions, token);
    }

    protected override Task<StoreAnswer<WriteOutcome>> FailAsync(ClaimedJob claim, WorkError error, bool retry, CancellationToken cancellationToken) =>
        Host.Store.FailJobAsync(claim.Claim, error, retry, cancellationToken);

    protected override async Task<StoreAnswer<WriteOutcome>> ReleaseAsync(ClaimedJob claim, CancellationToken cancellationToken)
    {
        var answer = await Host.Store.ReleaseJobsAsync([claim.Claim], cancellationToken);
        return answer.TryGet(out _) ? StoreAnswer<WriteOutcome>.Of(WriteOutcome.Written) : answer.Problem!;
    }
}

/// <summary>Phases of a step as an observer takes them.</summary>
internal sealed class Forwarded(IStepObserver observer) : IProgress<JobProgress>
{
    public void Report(JobProgress value) => observer.Phase(value);
}
