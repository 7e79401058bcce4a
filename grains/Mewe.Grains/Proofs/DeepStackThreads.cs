using System.Collections.Concurrent;

namespace Mewe.Grains;

/// <summary>
/// Threads with large stacks: the checker follows terms as deep as they are, and a stack that overflows ends the process. They are few and used again and again.
/// </summary>
internal sealed class DeepStackThreads : IDisposable
{
    /// <summary>Reserved, not used: pages that nobody touches cost nothing.</summary>
    private const int StackBytes = 256 << 20;

    private readonly BlockingCollection<Action> work = [];

    public DeepStackThreads(int count)
    {
        for (var i = 0; i < count; i++)
        {
            new Thread(Run, StackBytes) { IsBackground = true, Name = "mewe proofs" }.Start();
        }
    }

    /// <summary>Runs something on one of the threads. Who cancels stops waiting; what was begun is brought to its end, and nobody hears of it.</summary>
    public Task<T> RunAsync<T>(Func<T> task, CancellationToken cancellationToken)
    {
        var completion = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        work.Add(() =>
        {
            if (cancellationToken.IsCancellationRequested)
            {
                completion.TrySetCanceled(cancellationToken);
                return;
            }

            try
            {
                completion.TrySetResult(task());
            }
            catch (Exception exception)
            {
                completion.TrySetException(exception);
            }
        }, cancellationToken);
        return completion.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Lets the threads end when they have done what was given to them.</summary>
    public void Dispose() => work.CompleteAdding();

    private void Run()
    {
        foreach (var task in work.GetConsumingEnumerable())
        {
            task();
        }
    }
}
