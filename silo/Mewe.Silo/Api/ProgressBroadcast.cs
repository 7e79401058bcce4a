using System.Threading.Channels;
using Mewe.Store;

namespace Mewe.Silo.Api;

/// <summary>
/// Tells watchers how far their jobs are. One question to the store serves all watchers of all jobs of this silo; it is asked on a signal, but not more often than <see cref="Shortest"/>, and otherwise
/// once a <see cref="JobLimits.Poll"/>. A watcher that does not keep up misses what is out of date, never the last word.
/// </summary>
internal sealed class ProgressBroadcast(IJobStore store, TimeProvider time) : BackgroundService
{
    /// <summary>Between two questions.</summary>
    public static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(250);

    private readonly Lock gate = new();
    private readonly Dictionary<string, Topic> topics = [];
    private TaskCompletionSource watched = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Watches a job: what is known of it now and whenever it changes. The reader ends with the job.</summary>
    public Subscription Watch(string job)
    {
        // Only the latest counts, for somebody who is slow.
        var channel = Channel.CreateBounded<ProgressDocument>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
        lock (gate)
        {
            if (!topics.TryGetValue(job, out var topic))
            {
                topics.Add(job, topic = new Topic());
            }

            topic.Watchers.Add(channel.Writer);
            if (topic.Last is { } last)
            {
                channel.Writer.TryWrite(last);
            }

            watched.TrySetResult();
        }

        return new Subscription(this, job, channel);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
            {
                Task somebody;
                string[] jobs;
                lock (gate)
                {
                    jobs = [.. topics.Keys];
                    if (jobs.Length == 0)
                    {
                        watched = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                    }

                    somebody = watched.Task;
                }

                if (jobs.Length == 0)
                {
                    await somebody.WaitAsync(stoppingToken);
                    continue;
                }

                var seen = store.Signals;
                await AskAsync(jobs, stoppingToken);
                await Task.Delay(Shortest, time, stoppingToken);
                await store.WaitForSignalAsync(seen, JobLimits.Poll - Shortest, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            lock (gate)
            {
                foreach (var watcher in topics.Values.SelectMany(topic => topic.Watchers))
                {
                    watcher.TryComplete();
                }
            }
        }
    }

    private async Task AskAsync(string[] jobs, CancellationToken cancellationToken)
    {
        if (!(await store.GetProgressAsync(jobs, cancellationToken)).TryGet(out var found))
        {
            return;
        }

        lock (gate)
        {
            foreach (var job in jobs)
            {
                if (!topics.TryGetValue(job, out var topic))
                {
                    continue;
                }

                var now = found.TryGetValue(job, out var progress) ? ProgressDocument.Of(progress.State, progress.Progress) : null;
                if (now is not null && now != topic.Last)
                {
                    topic.Last = now;
                    topic.Watchers.ForEach(watcher => watcher.TryWrite(now));
                }

                if (now is null || progress.State.IsTerminal())
                {
                    topic.Watchers.ForEach(watcher => watcher.TryComplete());
                    topics.Remove(job);
                }
            }
        }
    }

    private sealed class Topic
    {
        public List<ChannelWriter<ProgressDocument>> Watchers { get; } = [];

        public ProgressDocument? Last { get; set; }
    }

    /// <summary>One watcher; disposing ends it.</summary>
    internal sealed class Subscription(ProgressBroadcast broadcast, string job, Channel<ProgressDocument> channel) : IDisposable
    {
        public ChannelReader<ProgressDocument> Updates => channel.Reader;

        public void Dispose()
        {
            lock (broadcast.gate)
            {
                if (broadcast.topics.TryGetValue(job, out var topic) && topic.Watchers.Remove(channel.Writer) && topic.Watchers.Count == 0)
                {
                    broadcast.topics.Remove(job);
                }
            }
        }
    }
}
