using Mewe.Grains;
using Mewe.Store;

namespace Mewe.Silo.Orleans.Grains;

/// <summary>
/// The functions of a job that a coordinator knows of: those that wait, the dearest first, and those that it sent and has not heard of. It sends no more at a time than the cluster's workers need: two for each, so that the
/// next one is there when one ends; where functions are brief, more, because the messages take as long as the work.
/// </summary>
internal sealed class FunctionWindow(TimeProvider time)
{
    private const int PerWorker = 2, BriefPerWorker = 8;

    private static readonly TimeSpan Brief = TimeSpan.FromMilliseconds(100);

    private readonly Dictionary<int, Sending> sent = [];
    private readonly PriorityQueue<int, long> waiting = new();
    private readonly HashSet<int> known = [];
    private TimeSpan typical = TimeSpan.FromSeconds(1);
    private bool congested, unsure = true;

    /// <summary>What the silos are told of the job.</summary>
    public StepOrder Order { get; set; } = new(0, 1);

    /// <summary>Functions that were sent, and of which no end was heard.</summary>
    public IEnumerable<int> Sent => sent.Keys;

    /// <summary>Nothing waits, and nothing was sent.</summary>
    public bool IsEmpty => sent.Count + waiting.Count == 0;

    /// <summary>There may be functions that it does not know of.</summary>
    public bool NeedsMore => unsure || waiting.Count == 0;

    /// <summary>Learns which functions wait for a silo, all of them.</summary>
    public async Task LoadAsync(IJobStore store, string job)
    {
        unsure = false;
        var found = new List<FunctionRecord>();
        for (int? after = null; ;)
        {
            var query = new FunctionQuery(JobLimits.LargestPage, after) { State = FunctionState.Available };
            if (!(await store.ListFunctionsAsync(job, query, CancellationToken.None)).TryGet(out var page))
            {
                unsure = true;
                return;
            }

            found.AddRange(page);
            if (page.Count < JobLimits.LargestPage)
            {
                break;
            }

            after = page[^1].Index;
        }

        // The store decides whose pause after a failure is over, by its clock; this only keeps one from asking all the time.
        var now = time.GetUtcNow();
        unsure = found.Any(function => function.NotBefore > now);
        foreach (var function in found.Where(function => !(function.NotBefore > now) && !sent.ContainsKey(function.Index) && known.Add(function.Index)))
        {
            waiting.Enqueue(function.Index, -function.Cost);
        }
    }

    /// <summary>The function to send next; null where the window is full, or there is none, or the silos have too much to do.</summary>
    public int? TryNext(int workers)
    {
        if (congested || sent.Count >= workers * (typical < Brief ? BriefPerWorker : PerWorker) || !waiting.TryDequeue(out var function, out _))
        {
            return null;
        }

        known.Remove(function);
        sent.Add(function, new Sending { At = time.GetTimestamp() });
        return function;
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
        if (sent.Remove(function) && known.Add(function))
        {
            waiting.Enqueue(function, long.MinValue);
        }
    }

    /// <summary>It ended there. Unless it is done, the store knows what is to become of it.</summary>
    public void Ended(int function, StepStatus status, TimeSpan elapsed)
    {
        sent.Remove(function);
        congested = false;
        if (status == StepStatus.Written)
        {
            typical = (0.8 * typical) + (0.2 * elapsed);
        }
        else
        {
            unsure = true;
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
    public void Forget(int function)
    {
        sent.Remove(function);
        unsure = true;
    }

    private sealed class Sending
    {
        public long At { get; set; }

        /// <summary>Null until it accepted it.</summary>
        public string? Silo { get; set; }
    }
}
