using System.Collections.Concurrent;

namespace Mewe.Execution.Wasmtime;

/// <summary>Threads for WebAssembly: their stacks are large enough for what a module may use, and what they do may take long. Idle ones are used again.</summary>
internal sealed class EngineThreads : IDisposable
{
    private const int StackBytes = 16 << 20;

    private readonly ConcurrentStack<Worker> idle = new();
    private volatile bool disposed;

    /// <summary>Runs the action on a thread of its own, at once. What it throws ends the process, so it must not.</summary>
    public void Start(Action action)
    {
        if (!idle.TryPop(out var worker))
        {
            worker = new Worker(this);
        }

        worker.Run(action);
    }

    /// <summary>Idle threads end now, the others when they are done.</summary>
    public void Dispose()
    {
        disposed = true;
        EndIdle();
    }

    private void EndIdle()
    {
        while (idle.TryPop(out var worker))
        {
            worker.End();
        }
    }

    private sealed class Worker
    {
        private readonly EngineThreads owner;
        private readonly SemaphoreSlim ready = new(0, 1);
        private Action? next;

        public Worker(EngineThreads owner)
        {
            this.owner = owner;
            new Thread(Loop, StackBytes) { IsBackground = true, Name = "Wasmtime" }.Start();
        }

        public void Run(Action action)
        {
            next = action;
            ready.Release();
        }

        public void End()
        {
            next = null;
            ready.Release();
        }

        private void Loop()
        {
            for (; ; )
            {
                ready.Wait();
                if (next is not { } action)
                {
                    return;
                }

                next = null;
                action();
                owner.idle.Push(this);
                if (owner.disposed)
                {
                    owner.EndIdle();
                }
            }
        }
    }
}
