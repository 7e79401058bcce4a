namespace Mewe.Store;

/// <summary>
/// A count of signals that one can wait for. Who reads the count, looks for work, finds none, and then waits for the count to pass what was read misses no signal. Safe for any number of threads.
/// </summary>
public sealed class WorkSignal(TimeProvider time)
{
    private readonly Lock gate = new();
    private TaskCompletionSource next = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long count;

    public long Count => Volatile.Read(ref count);

    /// <summary>Wakes everybody who waits.</summary>
    public void Raise()
    {
        TaskCompletionSource waiting;
        lock (gate)
        {
            count++;
            (waiting, next) = (next, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        waiting.SetResult();
    }

    /// <summary>Waits until there were more signals than <paramref name="seen"/>, or for <paramref name="atMost"/>.</summary>
    /// <returns>How many there were.</returns>
    public async Task<long> WaitAsync(long seen, TimeSpan atMost, CancellationToken cancellation)
    {
        Task signal;
        lock (gate)
        {
            if (count > seen)
            {
                return count;
            }

            signal = next.Task;
        }

        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        await Task.WhenAny(signal, Task.Delay(atMost, time, over.Token));
        await over.CancelAsync();
        cancellation.ThrowIfCancellationRequested();
        return Count;
    }
}
