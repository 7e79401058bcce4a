using System.Diagnostics;
using Mewe.Store;

namespace Mewe.Grains;

/// <summary>Where the work of a grain stands.</summary>
public enum StepStatus
{
    /// <summary>Nothing was begun.</summary>
    Idle,

    /// <summary>It computes, or writes what it computed.</summary>
    Working,

    /// <summary>The result is in the store.</summary>
    Written,

    /// <summary>The attempt failed, and the store knows.</summary>
    Failed,

    /// <summary>It was given back, for silos of another build.</summary>
    Released,

    /// <summary>Somebody else has the work by now (rescued, cancelled): what was computed had no effect.</summary>
    Lost,

    /// <summary>It was told to stop.</summary>
    Stopped,

    /// <summary>It waits for a worker.</summary>
    Waiting,

    /// <summary>The store did not give it: it is done, or cancelled, or somebody else's, or its time has not come.</summary>
    NotClaimed,

    /// <summary>It waited for a worker while other silos had free ones, and is to go there.</summary>
    Returned,
}

/// <summary>
/// A grain that does one step of a job: an identity (a string), durable state in the store, and work that is begun and observed. No call takes longer than it takes to note it, so any runtime that delivers calls at
/// most once can host it. Beginning twice has no effect; the claim that comes with it fences everything that it writes.
/// </summary>
/// <typeparam name="TClaim">The right to do the work.</typeparam>
public abstract class StepGrain<TClaim>(string key, GrainHost host)
    where TClaim : class
{
    private readonly Lock gate = new();
    private readonly TaskCompletionSource computed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource stopping = new();
    private Task<StepStatus>? work;

    /// <summary>Its identity.</summary>
    public string Key { get; } = key;

    /// <summary>What the work is called in traces and metrics.</summary>
    protected abstract string StepName { get; }

    protected GrainHost Host { get; } = host;

    /// <summary>Begins the work under a claim.</summary>
    /// <returns>False where it was begun before.</returns>
    public bool Begin(TClaim claim)
    {
        lock (gate)
        {
            if (work is not null)
            {
                return false;
            }

            work = RunAsync(claim);
            return true;
        }
    }

    /// <summary>Where the work stands.</summary>
    public StepStatus Status()
    {
        lock (gate)
        {
            return work is null ? StepStatus.Idle : work.IsCompletedSuccessfully ? work.Result : StepStatus.Working;
        }
    }

    /// <summary>Tells the work to stop. It does so within a second or two; what it has computed by then is dropped.</summary>
    public void Stop() => stopping.Cancel();

    /// <summary>Ends when the grain needs no worker any more: it only writes, or has ended. For who shares its process.</summary>
    public Task Computed => computed.Task;

    /// <summary>Ends with the work. For who shares its process.</summary>
    public Task<StepStatus> Ended => work ?? Task.FromResult(StepStatus.Idle);

    /// <summary>Does the work, on a worker's thread.</summary>
    /// <returns>What writes the result, fenced by the claim; may be called again where the store fails.</returns>
    protected abstract Task<Func<CancellationToken, Task<StoreAnswer<WriteOutcome>>>> ComputeAsync(TClaim claim, CancellationToken cancellationToken);

    /// <summary>Notes in the store that the attempt failed.</summary>
    /// <param name="retry">False where another attempt would end the same way.</param>
    protected abstract Task<StoreAnswer<WriteOutcome>> FailAsync(TClaim claim, WorkError error, bool retry, CancellationToken cancellationToken);

    /// <summary>Gives the claim back, as if it had not been made.</summary>
    protected abstract Task<StoreAnswer<WriteOutcome>> ReleaseAsync(TClaim claim, CancellationToken cancellationToken);

    /// <summary>A failure of the work that is no exception: says why there is no result.</summary>
    protected sealed class WorkFailedException(JobFailure failure) : Exception(failure.Message)
    {
        public JobFailure Failure { get; } = failure;
    }

    private async Task<StepStatus> RunAsync(TClaim claim)
    {
        var started = Stopwatch.GetTimestamp();
        StepStatus status;
        try
        {
            status = await ComputeAndWriteAsync(claim);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            status = StepStatus.Stopped;
        }
        catch (StoreFailedException exception)
        {
            Host.Observer?.StoreFailed(exception.Problem);
            status = StepStatus.Stopped;
        }
        finally
        {
            computed.TrySetResult();
        }

        MeweTelemetry.Steps.Add(1, new("step", StepName), new("outcome", status.ToString().ToLowerInvariant()));
        MeweTelemetry.StepTime.Record(Stopwatch.GetElapsedTime(started).TotalSeconds, new KeyValuePair<string, object?>("step", StepName));
        if (status == StepStatus.Lost)
        {
            MeweTelemetry.Fenced.Add(1, new KeyValuePair<string, object?>("step", StepName));
        }

        return status;
    }

    private async Task<StepStatus> ComputeAndWriteAsync(TClaim claim)
    {
        Func<CancellationToken, Task<StoreAnswer<WriteOutcome>>> write;
        var (ended, token) = (StepStatus.Written, stopping.Token);
        try
        {
            write = await Host.Threads.RunAsync(() => ComputeAsync(claim, token));
        }
        catch (Exception exception) when (token.IsCancellationRequested && exception is not StoreFailedException)
        {
            // Whatever went wrong on the way out (an engine that is gone already) is no failure of the work.
            throw new OperationCanceledException("the step was stopped", exception, token);
        }
        catch (ForeignBuildException exception)
        {
            ended = StepStatus.Released;
            write = await LeaveAsync(claim, exception, token);
        }
        catch (Exception exception) when (exception is not StoreFailedException)
        {
            ended = StepStatus.Failed;
            var (error, retry) = Explain(exception);
            write = cancellation => FailAsync(claim, error, retry, cancellation);
        }

        computed.TrySetResult();
        return await Host.AskAsync(write, token) == WriteOutcome.Lost ? StepStatus.Lost : ended;
    }

    /// <summary>
    /// Leaves the work to the silos of the build that planned the job, as there are in the middle of an upgrade. The worker waits a little first, or it would be given the same again at once. Where there
    /// are none the work has failed.
    /// </summary>
    private async Task<Func<CancellationToken, Task<StoreAnswer<WriteOutcome>>>> LeaveAsync(TClaim claim, ForeignBuildException exception, CancellationToken cancellationToken)
    {
        var silos = await Host.AskAsync(Host.Store.ListSilosAsync, cancellationToken);
        if (!silos.Any(silo => silo.Alive && silo.Version == exception.Build))
        {
            return token => FailAsync(claim, new WorkError(nameof(JobFailureKind.Unusable), exception.Message), retry: false, token);
        }

        await Task.Delay(JobLimits.Poll, Host.Time, cancellationToken);
        return token => ReleaseAsync(claim, token);
    }

    private (WorkError Error, bool Retry) Explain(Exception exception)
    {
        if (exception is not (WorkFailedException or EngineFailedException or UnusableJobException))
        {
            Host.Observer?.Defect(exception);
        }

        return exception switch
        {
            WorkFailedException failed => (new WorkError(failed.Failure.Kind.ToString(), failed.Failure.Message), failed.Failure.Kind == JobFailureKind.EngineFailed),
            EngineFailedException => (new WorkError(nameof(JobFailureKind.EngineFailed), exception.Message), true),
            UnusableJobException => (new WorkError(nameof(JobFailureKind.Unusable), exception.Message), false),
            _ => (new WorkError(nameof(JobFailureKind.Defect), $"{exception.GetType().Name}: {exception.Message}"), true),
        };
    }
}
