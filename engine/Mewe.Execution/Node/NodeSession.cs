using System.Collections.Immutable;
using System.ComponentModel;

namespace Mewe.Execution.Node;

/// <summary>A worker of the session pool, reserved until the session is disposed.</summary>
internal sealed class NodeSession(WorkerPool pool, NodeWorker first, TimeSpan defaultAbortAfter) : IEngineSession
{
    private static readonly IReadOnlyList<SessionCommand> Reset = [new SessionCommand.Reset()];

    private NodeWorker? worker = first;
    private bool disposed;

    /// <inheritdoc/>
    public async Task<EngineResult<ImmutableArray<SessionReply>>> RunAsync(
        IReadOnlyList<SessionCommand> commands, TimeSpan? abortAfter, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        var request = SessionCodec.Encode(commands);
        NodeWorker current;
        try
        {
            current = worker ?? pool.Take();
        }
        catch (Win32Exception error)
        {
            return new EngineFailure(EngineFailureKind.Unavailable, error.Message);
        }

        worker = null; // unless the exchange leaves it fit for another one
        var result = await WorkerPool.ExchangeAsync(current, request, abortAfter ?? defaultAbortAfter, cancellationToken).ConfigureAwait(false);
        if (WorkerPool.LeavesWorkerUsable(result))
        {
            worker = current;
        }

        return result.TryGet(out var reply, out var failure) ? SessionCodec.Decode(commands.Count, reply) : failure;
    }

    public async ValueTask DisposeAsync()
    {
        if (disposed)
        {
            return;
        }

        if (worker is not null)
        {
            _ = await RunAsync(Reset, null, CancellationToken.None).ConfigureAwait(false); // leaves no worker when the engine was disposed first
        }

        disposed = true;
        if (worker is not null)
        {
            pool.Return(worker);
            worker = null;
        }
    }
}
