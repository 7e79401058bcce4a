using System.Diagnostics;

namespace Mewe.Grains;

/// <summary>The span of a job: whoever submits it begins it, and all steps name it as their parent.</summary>
public static class JobTrace
{
    /// <summary>Begins the span below the current one; null where nobody listens.</summary>
    public static Activity? Begin(string job) => MeweTelemetry.Begin("job")?.SetTag("mewe.job", job);
}
