using System.Diagnostics;
using Mewe.Equivalence.Proof.Solving;
using Mewe.Execution;
using Mewe.Store;
using Mewe.Store.Sqlite;

namespace Mewe.Grains;

/// <summary>
/// Runs one job in this process: the same grains as in a cluster, on a store of its own or the user's. A job that was interrupted is gone on with, where the store still has it.
/// </summary>
/// <param name="lemmaStore">Lemmas of earlier jobs, which change the time and never the result; null for none.</param>
public sealed class LocalJob(JobEngines engines, JobRequest request, ILemmaStore? lemmaStore = null)
{
    /// <summary>A store that does not answer for so long is given up, and the job goes on without.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>How long finished jobs are kept for people to look at.</summary>
    private static readonly TimeSpan Kept = TimeSpan.FromDays(14);

    /// <summary>A job on one engine.</summary>
    public LocalJob(IWasmEngine engine, JobRequest request, ILemmaStore? lemmaStore = null)
        : this(JobEngines.Only(engine), request, lemmaStore)
    {
    }

    /// <summary>Helps with proofs; null for none, and then less is proved.</summary>
    public ISolver? Solver { get; init; } = Prover.DefaultSolver;

    /// <summary>Where the job and its parts are kept while it runs, and after; null for memory.</summary>
    public IJobStore? JobStore { get; init; }

    /// <summary>What the job is called in the store: the file, for example.</summary>
    public string Name { get; init; } = "";

    /// <summary>Is told what a user should know about the store; the job goes on.</summary>
    public Action<string>? Note { get; init; }

    /// <summary>Runs the job on at most <paramref name="threads"/> functions at a time. The number decides nothing but the time it takes.</summary>
    public async Task<JobResult> RunAsync(int threads, IProgress<JobProgress>? progress, CancellationToken cancellationToken)
    {
        if (JobStore is not null)
        {
            try
            {
                return await RunOnAsync(JobStore, threads, progress, cancellationToken);
            }
            catch (StoreFailedException exception)
            {
                Note?.Invoke($"note: starting again without the store, which loses only what was done: {exception.Message}");
            }
        }

        var opened = await SqliteStore.OpenAsync(":memory:", cancellationToken);
        if (!opened.TryGet(out var memory))
        {
            throw new InvalidOperationException($"no store in memory: {opened.Problem!.Message}");
        }

        await using (memory)
        {
            return await RunOnAsync(memory.Jobs, threads, progress, cancellationToken);
        }
    }

    private async Task<JobResult> RunOnAsync(IJobStore store, int threads, IProgress<JobProgress>? progress, CancellationToken cancellationToken)
    {
        var clock = Stopwatch.GetTimestamp();
        var (lemmas, problem) = await JobLemmas.LoadAsync(lemmaStore, Solver, cancellationToken);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var observer = new LocalObserver(progress, request.Options.Variants, ending);
        using var host = new GrainHost(store, engines, Solver, lemmas, problem, threads) { StorePatience = Patience, Observer = observer, Elapsed = () => Stopwatch.GetElapsedTime(clock) };
        using var span = MeweTelemetry.Begin("job");
        var submission = new LocalSubmission(host, request, Name);
        var job = await submission.FindOrSubmitAsync(span?.Id, cancellationToken);
        observer.Resume(job.Progress);
        var scheduler = new SiloScheduler(host, new SchedulerOptions(submission.SiloOf(job.Id)) { OnlyJob = job.Id });
        var running = scheduler.RunAsync(ending.Token);
        try
        {
            while (!job.State.IsTerminal())
            {
                var seen = store.Signals;
                job = await host.AskAsync(token => store.GetJobAsync(job.Id, token), ending.Token) ?? throw new InvalidOperationException("the job is not in the store any more");
                if (!job.State.IsTerminal())
                {
                    await Task.WhenAny(store.WaitForSignalAsync(seen, JobLimits.Poll, ending.Token), running);
                }

                ending.Token.ThrowIfCancellationRequested();
                if (running.IsCompleted && !job.State.IsTerminal())
                {
                    if (await running == SchedulerEnd.Refused)
                    {
                        throw new StoreFailedException(new StoreProblem(StoreProblemKind.Locked, "silos with another scheduler work on this store"));
                    }

                    throw new InvalidOperationException("another process has the name of this one's silo");
                }
            }
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            // What ended it is looked at below.
        }
        finally
        {
            await ending.CancelAsync();
            await running;
        }

        if (observer.StoreProblem is { } broken)
        {
            throw new StoreFailedException(broken);
        }

        cancellationToken.ThrowIfCancellationRequested();
        observer.Defect?.Throw();
        if (observer.Failure is { } failure)
        {
            // It is finished for its user, so nobody is to go on with it.
            await store.CancelAsync(job.Id, cancellationToken);
            return new JobResult(null, null, failure);
        }

        return await ResultAsync(host, job, cancellationToken);
    }

    private static async Task<JobResult> ResultAsync(GrainHost host, JobRecord job, CancellationToken cancellationToken)
    {
        if (job.Output is not { } output)
        {
            return new JobResult(null, null, JobFailure.Of(job.Error ?? new WorkError(nameof(JobFailureKind.Cancelled), "the job was cancelled")));
        }

        var module = await BlobAsync(output.Module);
        var report = DiversifyReport.Parse(await BlobAsync(output.Report));
        var plan = LinkPlan.Parse(await BlobAsync(output.LinkPlan));
        await host.Store.PruneAsync(Kept, cancellationToken);
        return new JobResult(module, report, null) { Plan = plan };

        async Task<byte[]> BlobAsync(BlobHash hash) => await host.AskAsync(token => host.Store.GetBlobAsync(hash, token), cancellationToken)
            ?? throw new StoreFailedException(new StoreProblem(StoreProblemKind.Corrupt, "a result is not in the store any more"));
    }
}
