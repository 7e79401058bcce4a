using System.Diagnostics;

namespace Mewe.Grains;

/// <summary>What a job cost: elapsed time and processor time, of this process and of the engine. For the report only; it decides nothing.</summary>
internal sealed class JobClock(JobEngines engines)
{
    private readonly long started = Stopwatch.GetTimestamp();
    private readonly TimeSpan processorTime = Environment.CpuUsage.TotalTime + engines.ProcessorTime;

    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(started);

    public TimeSpan ProcessorTime => Environment.CpuUsage.TotalTime + engines.ProcessorTime - processorTime;
}
