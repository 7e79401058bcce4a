using System.Diagnostics.Metrics;
using Mewe.Store;

namespace Mewe.Silo.Observability;

/// <summary>How much waits: jobs that nobody has planned, and functions of running jobs that nobody works on. Measured now and then from counters that the store keeps.</summary>
internal sealed class QueueDepth : IDisposable
{
    /// <summary>Its source of numbers.</summary>
    public const string MeterName = "Mewe.Silo";

    private readonly Meter meter = new(MeterName);
    private long jobs, functions;

    public QueueDepth()
    {
        meter.CreateObservableGauge("mewe.queue.jobs", () => Volatile.Read(ref jobs), "{job}", "Jobs that wait to be planned");
        meter.CreateObservableGauge("mewe.queue.functions", () => Volatile.Read(ref functions), "{function}", "Functions of running jobs that wait for a silo");
    }

    public async Task MeasureAsync(IJobStore store, CancellationToken cancellationToken)
    {
        var queued = await store.ListJobsAsync(new JobQuery(JobLimits.LargestPage) { State = JobState.Queued }, cancellationToken);
        var running = await store.ListJobsAsync(new JobQuery(JobLimits.LargestPage) { State = JobState.Running }, cancellationToken);
        if (queued.TryGet(out var waiting) && running.TryGet(out var worked))
        {
            Volatile.Write(ref jobs, waiting.Count);
            Volatile.Write(ref functions, worked.Sum(job => (long)job.Progress.Available));
        }
    }

    public void Dispose() => meter.Dispose();
}
