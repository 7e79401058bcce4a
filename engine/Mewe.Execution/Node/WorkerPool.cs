using System.Collections.Concurrent;
using System.ComponentModel;

namespace Mewe.Execution.Node;

/// <summary>
/// Long-lived workers of one profile. A request takes an idle worker or starts one; a worker that hangs is killed, one that dies is replaced and the request
/// tried once more; neither touches other requests.
/// </summary>
internal sealed class WorkerPool(string nodePath, WorkerProfile profile, int size, int requestsPerWorker) : IDisposable
{
    private readonly SemaphoreSlim slots = new(size, size);
    private readonly ConcurrentStack<NodeWorker> idle = new();
    private readonly Lock gate = new();
    private readonly HashSet<NodeWorker> alive = [];
    private TimeSpan endedProcessorTime;
    private volatile bool disposed;

    /// <summary>The processes that wait for work.</summary>
    public IReadOnlyList<int> IdleProcessIds => [.. idle.Select(worker => worker.ProcessId)];

    /// <summary>Processor time of all workers, those that have ended included.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            lock (gate)
            {
                return alive.Aggregate(endedProcessorTime, (sum, worker) => sum + worker.ProcessorTime);
            }
        }
    }

    /// <summary>Sends a request when a worker is free and returns its reply.</summary>
    public async Task<EngineResult<WorkerReply>> ExecuteAsync(RequestWriter request, TimeSpan abortAfter, CancellationToken cancellationToken)
    {
        await slots.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var result = await TryOnceAsync(Take, request, abortAfter, cancellationToken).ConfigureAwait(false);
            return result.Failure?.Kind is EngineFailureKind.Crashed or EngineFailureKind.OutOfMemory
                ? await TryOnceAsync(StartFresh, request, abortAfter, cancellationToken).ConfigureAwait(false)
                : result;
        }
        finally
        {
            slots.Release();
        }
    }

    /// <summary>Takes a worker for longer; give it back with <see cref="Return"/> or dispose it. It does not count against the pool's size.</summary>
    /// <exception cref="Win32Exception">The program cannot be started.</exception>
    /// <exception cref="ObjectDisposedException">The pool is gone.</exception>
    public NodeWorker Take() => !disposed && idle.TryPop(out var worker) ? worker : StartFresh();

    /// <summary>Gives a worker back that is not in the middle of a request.</summary>
    public void Return(NodeWorker worker)
    {
        if (disposed || worker.Requests >= requestsPerWorker || idle.Count >= size)
        {
            worker.Dispose();
            return;
        }

        idle.Push(worker);
        if (disposed)
        {
            DisposeIdle();
        }
    }

    /// <summary>Ends all processes. Requests that are under way throw <see cref="ObjectDisposedException"/>.</summary>
    public void Dispose()
    {
        disposed = true;
        DisposeIdle();
        lock (gate)
        {
            foreach (var worker in alive)
            {
                worker.Kill(); // whoever waits for its reply disposes it
            }
        }
    }

    /// <summary>Whether the worker that gave this result can be asked again; otherwise it has been disposed.</summary>
    public static bool LeavesWorkerUsable(EngineResult<WorkerReply> result) => result.Failure?.Kind is null or EngineFailureKind.Refused;

    /// <summary>Sends a request to a worker. Whenever there is no reply the worker is of no more use and has been disposed.</summary>
    public static async Task<EngineResult<WorkerReply>> ExchangeAsync(
        NodeWorker worker, RequestWriter request, TimeSpan abortAfter, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(abortAfter);
        var usable = false;
        try
        {
            var reply = await worker.ExchangeAsync(request, limit.Token).ConfigureAwait(false);
            if (reply is null)
            {
                return await worker.DescribeEndAsync(cancellationToken).ConfigureAwait(false);
            }

            usable = true;
            return reply.Status == 0 ? reply : new EngineFailure(EngineFailureKind.Refused, new ReplyReader(reply.Body).String());
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new EngineFailure(EngineFailureKind.Hung, $"no answer within {abortAfter.TotalSeconds:0.###} s; the process was killed");
        }
        finally
        {
            if (!usable)
            {
                worker.Dispose();
            }
        }
    }

    private NodeWorker StartFresh()
    {
        var worker = NodeWorker.Start(nodePath, profile);
        worker.Ended += (ended, used) =>
        {
            lock (gate)
            {
                alive.Remove(ended);
                endedProcessorTime += used;
            }
        };
        lock (gate)
        {
            alive.Add(worker);
        }

        if (disposed)
        {
            worker.Dispose();
            throw new ObjectDisposedException(nameof(IWasmEngine));
        }

        return worker;
    }

    private async Task<EngineResult<WorkerReply>> TryOnceAsync(
        Func<NodeWorker> obtain, RequestWriter request, TimeSpan abortAfter, CancellationToken cancellationToken)
    {
        NodeWorker worker;
        try
        {
            worker = obtain();
        }
        catch (Win32Exception error)
        {
            return new EngineFailure(EngineFailureKind.Unavailable, $"{nodePath} does not start: {error.Message}");
        }

        var result = await ExchangeAsync(worker, request, abortAfter, cancellationToken).ConfigureAwait(false);
        if (LeavesWorkerUsable(result))
        {
            Return(worker);
        }

        return result;
    }

    private void DisposeIdle()
    {
        while (idle.TryPop(out var worker))
        {
            worker.Dispose();
        }
    }
}
