using System.Collections.Concurrent;

namespace Mewe.Grains;

/// <summary>
/// A bounded number of dedicated threads for work that needs the processor. What is asynchronous in such work goes on where it began, on its own thread (each has a <see cref="SynchronizationContext"/>), so that
/// work never takes a thread of the pool, on which a silo answers its callers.
/// </summary>
public sealed class WorkerThreads : IDisposable
{
    private readonly BlockingCollection<Action> waiting = [];

    public WorkerThreads(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        for (var i = 0; i < count; i++)
        {
            new Thread(Run) { IsBackground = true, Name = $"mewe worker {i + 1}" }.Start();
        }
    }

    /// <summary>Runs work, with all its continuations, on one of the threads as soon as one is free.</summary>
    public Task<T> RunAsync<T>(Func<Task<T>> work)
    {
        var completion = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        var context = ExecutionContext.Capture();
        waiting.Add(() =>
        {
            if (context is null)
            {
                Pump(work, completion);
            }
            else
            {
                ExecutionContext.Run(context, _ => Pump(work, completion), null);
            }
        });
        return completion.Task;
    }

    /// <summary>Lets the threads end when they have done what was given to them.</summary>
    public void Dispose() => waiting.CompleteAdding();

    private static void Pump<T>(Func<Task<T>> work, TaskCompletionSource<T> completion)
    {
        var turns = new Turns();
        SynchronizationContext.SetSynchronizationContext(turns);
        try
        {
            var task = work();
            task.ContinueWith(static (_, state) => ((Turns)state!).Close(), turns, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            turns.RunToEnd();
            completion.SetFromTask(task);
        }
        catch (Exception exception)
        {
            completion.TrySetException(exception);
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(null);
        }
    }

    private void Run()
    {
        foreach (var work in waiting.GetConsumingEnumerable())
        {
            work();
        }
    }

    /// <summary>The continuations of one piece of work, one after the other. What comes after its end (an answer that nobody awaits any more) goes to the pool.</summary>
    private sealed class Turns : SynchronizationContext
    {
        private readonly Lock gate = new();
        private readonly BlockingCollection<(SendOrPostCallback Turn, object? State)> turns = [];

        public override void Post(SendOrPostCallback turn, object? state)
        {
            lock (gate)
            {
                if (!turns.IsAddingCompleted)
                {
                    turns.Add((turn, state));
                    return;
                }
            }

            ThreadPool.QueueUserWorkItem(static pair => pair.turn(pair.state), (turn, state), preferLocal: false);
        }

        public override SynchronizationContext CreateCopy() => this;

        public void Close()
        {
            lock (gate)
            {
                turns.CompleteAdding();
            }
        }

        public void RunToEnd()
        {
            foreach (var (turn, state) in turns.GetConsumingEnumerable())
            {
                turn(state);
            }
        }
    }
}
