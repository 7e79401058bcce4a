using System.Runtime.ExceptionServices;
using Mewe.Store;

namespace Mewe.Grains;

/// <summary>
/// Shows a local run what its grains do, and ends it at the first attempt that fails: whether an engine hangs or dies can depend on the machine, so on one machine it must not decide which variants there are.
/// </summary>
internal sealed class LocalObserver(IProgress<JobProgress>? progress, int wanted, CancellationTokenSource ending) : IStepObserver
{
    private readonly Lock gate = new();
    private int total, done;
    private long tested, variants, refuted;

    /// <summary>Why an attempt on a function failed; null where none did.</summary>
    public JobFailure? Failure { get; private set; }

    /// <summary>A defect that a step ran into; null for none.</summary>
    public ExceptionDispatchInfo? Defect { get; private set; }

    /// <summary>Why the store was given up; null where it was not.</summary>
    public StoreProblem? StoreProblem { get; private set; }

    /// <summary>What an earlier run had done.</summary>
    public void Resume(Store.JobProgress earlier)
    {
        lock (gate)
        {
            (total, done, tested, refuted) = (earlier.Total, earlier.Done, earlier.Candidates.Tested, earlier.Candidates.Refuted);
            variants = Math.Min(earlier.Variants, (long)earlier.Done * wanted);
            if (total > 0)
            {
                Show();
            }
        }
    }

    public void Phase(JobProgress value)
    {
        lock (gate)
        {
            total = Math.Max(total, value.FunctionsTotal);
            progress?.Report(value);
        }
    }

    public void Tested(int candidates)
    {
        lock (gate)
        {
            tested += candidates;
            Show();
        }
    }

    public void FunctionDone(FunctionCandidates candidates)
    {
        lock (gate)
        {
            done++;
            variants += Math.Min(candidates.Count, wanted);
            refuted += candidates.Refuted.Length;
            Show();
        }
    }

    public void FunctionFailed(WorkError error)
    {
        lock (gate)
        {
            Failure ??= JobFailure.Of(error);
        }

        ending.Cancel();
    }

    void IStepObserver.Defect(Exception exception)
    {
        lock (gate)
        {
            Defect ??= ExceptionDispatchInfo.Capture(exception);
        }

        ending.Cancel();
    }

    public void StoreFailed(StoreProblem problem)
    {
        lock (gate)
        {
            StoreProblem ??= problem;
        }

        ending.Cancel();
    }

    private void Show() => progress?.Report(new JobProgress(JobPhase.Running, done, total, tested, variants, refuted));
}
