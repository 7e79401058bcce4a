using System.Collections.Immutable;

namespace Mewe.Execution.Wasmtime;

/// <summary>A session: a store that stays from batch to batch. A batch that is ended from outside takes the store with it, and the next one begins with a fresh one.</summary>
internal sealed class WasmtimeSession(WasmtimeEngine engine, Compiler compiler, StoreLimits limits) : IEngineSession
{
    private SessionState? state;
    private bool disposed;

    /// <inheritdoc/>
    public async Task<EngineResult<ImmutableArray<SessionReply>>> RunAsync(
        IReadOnlyList<SessionCommand> commands, TimeSpan? abortAfter, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        var current = state;
        state = null; // unless the batch comes to its end
        return await engine.ExecuteAsync(
            null,
            compiler,
            abortAfter,
            interruption =>
            {
                var used = current ?? new SessionState(compiler, limits);
                current = null;
                try
                {
                    var replies = ImmutableArray.CreateBuilder<SessionReply>(commands.Count);
                    interruption.PassTo(used.Interruption);
                    used.Refuel();
                    foreach (var command in commands)
                    {
                        if (command is SessionCommand.Reset)
                        {
                            used.Dispose();
                            used = new SessionState(compiler, limits);
                            interruption.PassTo(used.Interruption);
                            replies.Add(new SessionReply.Done());
                        }
                        else
                        {
                            replies.Add(used.Execute(command));
                        }
                    }

                    interruption.PassTo(null);
                    used.Interruption.Forget(); // the limit may have passed just now; the batch is done
                    (state, used) = (used, null);
                    return replies.MoveToImmutable();
                }
                finally
                {
                    interruption.PassTo(null);
                    used?.Dispose();
                }
            },
            cancellationToken).ConfigureAwait(false);
    }

    public ValueTask DisposeAsync()
    {
        disposed = true;
        state?.Dispose();
        state = null;
        return ValueTask.CompletedTask;
    }
}
