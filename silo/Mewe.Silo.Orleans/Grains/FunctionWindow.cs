using Mewe.Grains;
using Mewe.Store;

namespace Mewe.Silo.Orleans.Grains;

/// <summary>
/// The functions of a job that its grain knows of: those that wait, the dearest first, and those that it sent and has not heard of. It sends no more at a time than keeps the cluster's workers busy: one for each where functions
/// take long, so that no function waits behind another one on a silo while others are free, and more where the messages would take as long as the work.
/// </summary>
internal sealed class FunctionWindow(TimeProvider time)
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(1), Brief = TimeSpan.FromMilliseconds(100);

    private readonly Dictionary<int, Sending> sent = [];
    private readonly Dictionary<int, long> waiting = [];
    private readonly PriorityQueue<int, long> order = new();
    private TimeSpan typical = TimeSpan.FromMilliseconds(500);
    private bool congested;

    /// <summary>Functions that were sent, and of which no end was heard.</summary>
    public IEnumerable<int> Sent => sent.Keys;

    /// <summary>How many it knows of that are not finished.</summary>
    public int Count => sent.Count + waiting.Count;

    /// <summary>Learns which functions wait for a silo, those of which it does not know yet.</summary>
    public async Task LoadAsync(IJobStore store, string job)
    {
        // The store decides by its clock whose pause after a failure is over; this only keeps one from asking all the time.
        var now = time.GetUtcNow();
        for (int? after = null; ;)
        {
            var query = new FunctionQuery(JobLimits.LargestPage, after) { State = FunctionState.Available };
            if (!(await store.ListFunctionsAsync(job, query, CancellationToken.None)).TryGet(out var page))
            {
                return;
            }

            foreach (var function in page.Where(function => !(function.NotBefore > now) && !sent.ContainsKey(function.Index)))
            {
                Wait(function.Index, function.Cost);
            }

            if (page.Count < JobLimits.LargestPage)
            {
                return;
            }

            after = page[^1].Index;
        }
    }

    /// <summary>The function to send next and its cost; null where the window is full, or there is none, or the silos have too much to do.</summary>
    public (int Function, long Cost)? TryNext(int workers)
    {
        if (congested || sent.Count >= workers * (typical < Brief ? 8 : typical < Long ? 2 : 1) || !order.TryDequeue(out var function, out _))
        {
            return null;
        }

        waiting.Remove(function, out var cost);
        sent.Add(function, new Sending(cost) { At = time.GetTimestamp() });
        return (function, cost);
    }

    /// <summary>A silo has it; the end may have been heard of before.</summary>
    public void Accepted(int function, string silo)
    {
        if (sent.TryGetValue(function, out var sending))
        {
            sending.Silo = silo;
        }
    }

    /// <summary>Nobody has it: it is sent again, after a function ended or with the next round.</summary>
    public void Refused(int function)
    {
        congested = true;
        Return(function);
    }

    /// <summary>It ended there. Unless it is done, the store knows what is to become of it.</summary>
    public void Ended(int function, StepStatus status, TimeSpan elapsed)
    {
        congested = false;
        switch (status)
        {
            case StepStatus.Returned:
                Return(function);
                break;
            case StepStatus.Written:
                sent.Remove(function);
                typical = (0.8 * typical) + (0.2 * elapsed);
                break;
            default:
                sent.Remove(function);
                break;
        }
    }

    /// <summary>A new round: silos that had too much to do are tried again, and what was sent to dead ones is forgotten.</summary>
    public void BeginRound(Func<string, bool> isAlive)
    {
        congested = false;
        foreach (var function in sent.Where(pair => pair.Value.Silo is { } silo && !isAlive(silo)).Select(pair => pair.Key).ToList())
        {
            Forget(function);
        }
    }

    /// <summary>Functions that a silo accepted, and of which nothing was heard for so long.</summary>
    public List<int> Silent(TimeSpan silence) => [.. sent.Where(pair => pair.Value.Silo is not null && time.GetElapsedTime(pair.Value.At) >= silence).Select(pair => pair.Key)];

    /// <summary>It is still at it.</summary>
    public void Heard(int function)
    {
        if (sent.TryGetValue(function, out var sending))
        {
            sending.At = time.GetTimestamp();
        }
    }

    /// <summary>Nobody has it any more: the store knows.</summary>
    public void Forget(int function) => sent.Remove(function);

    private void Return(int function)
    {
        if (sent.Remove(function, out var sending))
        {
            Wait(function, sending.Cost);
        }
    }

    private void Wait(int function, long cost)
    {
        if (waiting.TryAdd(function, cost))
        {
            order.Enqueue(function, -cost);
        }
    }

    private sealed class Sending(long cost)
    {
        public long Cost { get; } = cost;

        public long At { get; set; }

        /// <summary>Null until it accepted it.</summary>
        public string? Silo { get; set; }
    }
}
