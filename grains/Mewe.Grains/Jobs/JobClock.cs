using System.Diagnostics;
using Mewe.Execution;

namespace Mewe.Grains;

/// <summary>What a job cost: elapsed time and processor time, of this process and of the engine. For the report only; it decides nothing.</summary>
internal sealed class JobClock(IWasmEngine engine)
{
    private readonly long started = Stopwatch.GetTimestamp();
    private readonly TimeSpan processorTime = Environment.CpuUsage.TotalTime + engine.ProcessorTime;

    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(started);

    public TimeSpan ProcessorTime => Environment.CpuUsage.TotalTime + engine.ProcessorTime - processorTime;
}

/// <summary>The version that reports and multivariant modules name.</summary>
public static class ToolVersion
{
    public static string Text { get; } = typeof(ToolVersion).Assembly.GetName().Version!.ToString(3);
}
