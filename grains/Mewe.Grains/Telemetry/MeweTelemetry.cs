using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Mewe.Grains;

/// <summary>
/// What grains tell whoever listens: spans from one <see cref="ActivitySource"/> and numbers from one <see cref="Meter"/>, both named <see cref="Name"/>. Nothing here knows where they go; without a listener they
/// cost next to nothing.
/// </summary>
/// <remarks>
/// One trace for each job: <c>job</c> (from the submitter's context, which the store keeps), below it <c>plan</c>, a <c>function</c> for each attempt on a function with <c>propose</c>, <c>test</c>, <c>prove</c> and
/// <c>select</c>, and <c>link</c>. The span of a job is that of its submission: all steps name it as their parent, whatever silo they run on.
/// </remarks>
public static class MeweTelemetry
{
    /// <summary>Of the activity source and the meter.</summary>
    public const string Name = "Mewe.Grains";

    internal static ActivitySource Source { get; } = new(Name, ToolVersion.Text);

    private static readonly Meter Meter = new(Name, ToolVersion.Text);

    /// <summary>Candidates by <c>verdict</c>: proved, tested, refuted, inconclusive.</summary>
    internal static Counter<long> Variants { get; } = Meter.CreateCounter<long>("mewe.variants", "{variant}", "Candidates by verdict");

    /// <summary>How long claims take, in seconds.</summary>
    internal static Histogram<double> ClaimLatency { get; } = Meter.CreateHistogram<double>("mewe.claim.duration", "s", "Time that the store takes to give work");

    /// <summary>Time in proofs, solver included, in seconds, for each function.</summary>
    internal static Histogram<double> SolverTime { get; } = Meter.CreateHistogram<double>("mewe.solver.duration", "s", "Time in proofs, for each function");

    /// <summary>Time in engines (tests, machine code), in seconds, for each function.</summary>
    internal static Histogram<double> EngineTime { get; } = Meter.CreateHistogram<double>("mewe.engine.duration", "s", "Time in engines, for each function");

    /// <summary>Steps that ended, by <c>step</c> and <c>outcome</c>.</summary>
    internal static Counter<long> Steps { get; } = Meter.CreateCounter<long>("mewe.steps", "{step}", "Steps of jobs by kind and outcome");

    /// <summary>How long steps take, in seconds, by <c>step</c>.</summary>
    internal static Histogram<double> StepTime { get; } = Meter.CreateHistogram<double>("mewe.step.duration", "s", "Time that steps of jobs take");

    /// <summary>Leases that were lost while work was under way.</summary>
    internal static Counter<long> LeaseLosses { get; } = Meter.CreateCounter<long>("mewe.lease.losses", "{lease}", "Leases that were lost while work was under way");

    /// <summary>Results that the store did not take, because another silo owns the work by now.</summary>
    internal static Counter<long> Fenced { get; } = Meter.CreateCounter<long>("mewe.results.fenced", "{result}", "Results that came too late and had no effect");

    /// <summary>Begins a span below a context that came through the store; null where nobody listens.</summary>
    internal static Activity? Begin(string name, string? traceParent) =>
        Source.StartActivity(name, ActivityKind.Internal, ActivityContext.TryParse(traceParent, null, isRemote: true, out var parent) ? parent : default);

    /// <summary>Begins a span below the current one.</summary>
    internal static Activity? Begin(string name) => Source.StartActivity(name);
}
