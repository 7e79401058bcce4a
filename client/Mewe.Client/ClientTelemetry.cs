using System.Diagnostics;
using Mewe.Grains;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Mewe.Client;

/// <summary>
/// Sends traces and metrics of local jobs out as OTLP, and begins the trace of a submitted one, where the standard variables say so (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).
/// Without an OTEL_EXPORTER_OTLP_ENDPOINT nothing is even loaded.
/// </summary>
internal sealed class ClientTelemetry : IDisposable
{
    private static readonly ActivitySource Source = new("Mewe.Client", ToolVersion.Text);

    private readonly IDisposable?[] providers;

    private ClientTelemetry(params IDisposable?[] providers) => this.providers = providers;

    /// <summary>Null where nothing is to be sent.</summary>
    public static ClientTelemetry? Start()
    {
        static string? Variable(string name) => Environment.GetEnvironmentVariable(name);
        return string.Equals(Variable("OTEL_SDK_DISABLED"), "true", StringComparison.OrdinalIgnoreCase)
            || !new[] { "", "_TRACES", "_METRICS" }.Any(signal => Variable($"OTEL_EXPORTER_OTLP{signal}_ENDPOINT") is { Length: > 0 }) ? null
            : Create(traces: Variable("OTEL_TRACES_EXPORTER") is not "none", metrics: Variable("OTEL_METRICS_EXPORTER") is not "none");
    }

    /// <summary>Begins the span of a command; null where nobody listens.</summary>
    public static Activity? Begin(string verb) => Source.StartActivity($"mewe {verb}", ActivityKind.Client);

    public void Dispose()
    {
        foreach (var provider in providers)
        {
            provider?.Dispose();
        }
    }

    private static ClientTelemetry Create(bool traces, bool metrics)
    {
        var resource = ResourceBuilder.CreateDefault().AddService("mewe", serviceVersion: ToolVersion.Text).AddEnvironmentVariableDetector();
        return new ClientTelemetry(
            traces ? Sdk.CreateTracerProviderBuilder().SetResourceBuilder(resource).AddSource("Mewe.*").AddOtlpExporter().Build() : null,
            metrics ? Sdk.CreateMeterProviderBuilder().SetResourceBuilder(resource).AddMeter("Mewe.*").AddOtlpExporter().Build() : null);
    }
}
