using Mewe.Equivalence.Proof.Solving;
using Mewe.Store;

namespace Mewe.Grains;

/// <summary>Is told what grains do as they do it: a local run shows it. Called from many threads.</summary>
public interface IStepObserver
{
    /// <summary>A planning or linking step came to another phase.</summary>
    void Phase(JobProgress progress);

    /// <summary>So many candidates were tested.</summary>
    void Tested(int candidates);

    /// <summary>A function is done.</summary>
    void FunctionDone(FunctionCandidates candidates);

    /// <summary>An attempt on a function failed.</summary>
    void FunctionFailed(WorkError error);

    /// <summary>A step ended in an exception that nobody expected: a defect of Mewe. The attempt fails.</summary>
    void Defect(Exception exception);

    /// <summary>The store failed for longer than <see cref="GrainHost.StorePatience"/>, and the step was given up.</summary>
    void StoreFailed(StoreProblem problem);
}

/// <summary>What a process gives its grains: store, engines, threads, and what they keep between steps.</summary>
public sealed class GrainHost : IDisposable
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50), LongestPause = TimeSpan.FromSeconds(2);

    /// <param name="lemmas">Shared by all jobs of the process.</param>
    /// <param name="lemmaProblem">What is wrong with where they are kept; null for nothing.</param>
    public GrainHost(IJobStore store, JobEngines engines, ISolver? solver, JobLemmas lemmas, StoreProblem? lemmaProblem, int workers)
    {
        (Store, Engines, Solver, Lemmas, LemmaProblem, Workers) = (store, engines, solver, lemmas, lemmaProblem, workers);
        Threads = new WorkerThreads(2 * workers);
        Prover = new Prover(2 * workers, solver, lemmas);
        Processor = new ProcessorShares(() => Environment.CpuUsage.TotalTime + engines.ProcessorTime);
        Workspaces = new JobWorkspaces(this);
    }

    public IJobStore Store { get; }

    public JobEngines Engines { get; }

    /// <summary>Null for none: then less is proved.</summary>
    public ISolver? Solver { get; }

    /// <summary>Steps that compute at a time; there are threads for as many guests, see <see cref="SiloScheduler"/>.</summary>
    public int Workers { get; }

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>How long a step puts up with a store that fails, before it is given up; null for as long as the step is this silo's.</summary>
    public TimeSpan? StorePatience { get; init; }

    /// <summary>Null for nobody.</summary>
    public IStepObserver? Observer { get; init; }

    /// <summary>What the report says that a job took; null for the time since it was started, by the store.</summary>
    internal Func<TimeSpan>? Elapsed { get; init; }

    internal JobLemmas Lemmas { get; }

    internal StoreProblem? LemmaProblem { get; }

    internal WorkerThreads Threads { get; }

    internal Prover Prover { get; }

    internal ProcessorShares Processor { get; }

    internal JobWorkspaces Workspaces { get; }

    public void Dispose()
    {
        Threads.Dispose();
        Prover.Dispose();
    }

    /// <summary>Puts lemmas that were found into the store.</summary>
    /// <returns>What is wrong with it; null for nothing.</returns>
    public async Task<string?> KeepLemmasAsync(CancellationToken cancellationToken) => (LemmaProblem ?? await Lemmas.SaveAsync(cancellationToken))?.Message;

    /// <summary>Asks the store until it answers. Its operations happen entirely or not at all, and may be repeated.</summary>
    /// <exception cref="StoreFailedException">It did not answer within <see cref="StorePatience"/>.</exception>
    internal async Task<T> AskAsync<T>(Func<CancellationToken, Task<StoreAnswer<T>>> question, CancellationToken cancellationToken)
    {
        var started = Time.GetTimestamp();
        for (var pause = FirstPause; ; pause = TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, LongestPause.Ticks)))
        {
            var answer = await question(cancellationToken);
            if (answer.TryGet(out var value))
            {
                return value;
            }

            if (StorePatience is { } patience && Time.GetElapsedTime(started) >= patience)
            {
                throw new StoreFailedException(answer.Problem!);
            }

            await Task.Delay(pause, Time, cancellationToken);
        }
    }
}

/// <summary>The store failed for longer than one waits for it.</summary>
internal sealed class StoreFailedException(StoreProblem problem) : Exception(problem.Message)
{
    public StoreProblem Problem { get; } = problem;
}
