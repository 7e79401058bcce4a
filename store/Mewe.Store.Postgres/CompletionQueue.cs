namespace Mewe.Store.Postgres;

/// <summary>A result on its way to the store.</summary>
internal readonly record struct Completion(FunctionClaim Claim, FunctionResult Result);

/// <summary>
/// Gathers completions while a transaction is under way, and writes what came together in the next one. All functions of a job share its counters, and so their transactions wait for each other: one by one
/// they would be as slow as the disk is, together they cost one wait. A completion that is alone is written at once. Whoever asked learns the outcome of their own; a batch that fails as a whole is written
/// one by one, so that nobody gets another's error.
/// </summary>
internal sealed class CompletionQueue(Func<IReadOnlyList<Completion>, Task<StoreAnswer<WriteOutcome[]>>> write)
{
    /// <summary>A batch has at most so many completions, and ends after so many bytes of results.</summary>
    public const int LargestBatch = 128, LargestBytes = 16 << 20;

    private readonly Lock gate = new();
    private readonly List<Entry> waiting = [];
    private Task writing = Task.CompletedTask;
    private bool active;

    private sealed record Entry(Completion Completion, TaskCompletionSource<StoreAnswer<WriteOutcome>> Done);

    /// <summary>Writes a completion. Once it is on its way, cancelling stops only the waiting for it.</summary>
    public Task<StoreAnswer<WriteOutcome>> AddAsync(FunctionClaim claim, FunctionResult result, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var entry = new Entry(new Completion(claim, result), new TaskCompletionSource<StoreAnswer<WriteOutcome>>(TaskCreationOptions.RunContinuationsAsynchronously));
        lock (gate)
        {
            waiting.Add(entry);
            if (!active)
            {
                active = true;
                writing = Task.Run(WriteAllAsync, CancellationToken.None);
            }
        }

        return entry.Done.Task.WaitAsync(cancellation);
    }

    /// <summary>Ends when everything that was added is written.</summary>
    public Task DrainedAsync()
    {
        lock (gate)
        {
            return writing;
        }
    }

    private async Task WriteAllAsync()
    {
        while (Take() is { Count: > 0 } batch)
        {
            if (!await TryWriteAsync(batch) && batch.Count > 1)
            {
                foreach (var entry in batch)
                {
                    await TryWriteAsync([entry]);
                }
            }
        }
    }

    /// <summary>False when the batch is a bug of ours or has one in it; alone, that is the outcome.</summary>
    private async Task<bool> TryWriteAsync(List<Entry> batch)
    {
        try
        {
            var answer = await write([.. batch.Select(entry => entry.Completion)]);
            for (var i = 0; i < batch.Count; i++)
            {
                var index = i;
                batch[i].Done.SetResult(answer.Select(outcomes => outcomes[index]));
            }

            return true;
        }
        catch (Exception error)
        {
            if (batch.Count == 1)
            {
                batch[0].Done.SetException(error);
            }

            return false;
        }
    }

    /// <summary>The next batch, in order, without two of the same function; empty when there is nothing more to do.</summary>
    private List<Entry> Take()
    {
        var batch = new List<Entry>();
        var functions = new HashSet<(string, int)>();
        var bytes = 0L;
        lock (gate)
        {
            for (var i = 0; i < waiting.Count && batch.Count < LargestBatch && bytes < LargestBytes; i++)
            {
                var (claim, result) = waiting[i].Completion;
                if (functions.Add((claim.Job, claim.Function)))
                {
                    batch.Add(waiting[i]);
                    bytes += result.Content.Length;
                }
            }

            waiting.RemoveAll(batch.ToHashSet().Contains);
            active = batch.Count > 0;
        }

        return batch;
    }
}
