using Mewe.Grains;
using OpenTelemetry;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Mewe.Silo.Observability;

/// <summary>
/// Sends traces, metrics and logs out as OTLP, where the standard variables say so (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/): without an OTEL_EXPORTER_OTLP_ENDPOINT, or
/// with OTEL_SDK_DISABLED=true, nothing leaves the process. OTEL_TRACES_EXPORTER, OTEL_METRICS_EXPORTER and OTEL_LOGS_EXPORTER may be <c>none</c>.
/// </summary>
internal static class TelemetrySetup
{
    public static void Add(WebApplicationBuilder builder, SiloSettings settings)
    {
        builder.Services.AddSingleton(TimeProvider.System).AddSingleton<QueueDepth>();
        builder.Logging.ClearProviders();
        builder.Logging.Configure(options => options.ActivityTrackingOptions = ActivityTrackingOptions.TraceId | ActivityTrackingOptions.SpanId);
        builder.Logging.AddSimpleConsole(console => (console.SingleLine, console.IncludeScopes, console.TimestampFormat, console.UseUtcTimestamp) = (true, true, "yyyy-MM-ddTHH:mm:ss.fffZ ", true));
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning).AddFilter("Microsoft.Hosting.Lifetime", LogLevel.Information);
        if (IsOff(builder.Configuration))
        {
            return;
        }

        var resource = ResourceBuilder.CreateDefault().AddService("mewe-silo", serviceVersion: ToolVersion.Text, serviceInstanceId: settings.Name).AddEnvironmentVariableDetector();
        if (Wants(builder.Configuration, "TRACES"))
        {
            builder.Services.AddSingleton(Sdk.CreateTracerProviderBuilder().SetResourceBuilder(resource).AddSource("Mewe.*").AddSource("Microsoft.AspNetCore").AddOtlpExporter().Build());
            builder.Services.AddHostedService(services => new Flushed(services.GetRequiredService<TracerProvider>()));
        }

        if (Wants(builder.Configuration, "METRICS"))
        {
            builder.Services.AddSingleton(Sdk.CreateMeterProviderBuilder().SetResourceBuilder(resource).AddMeter("Mewe.*").AddOtlpExporter().Build());
            builder.Services.AddHostedService(services => new Flushed(services.GetRequiredService<MeterProvider>()));
        }

        if (Wants(builder.Configuration, "LOGS"))
        {
            builder.Logging.AddOpenTelemetry(logs => logs.SetResourceBuilder(resource).AddOtlpExporter());
        }
    }

    private static bool IsOff(IConfiguration configuration) =>
        string.Equals(configuration["OTEL_SDK_DISABLED"], "true", StringComparison.OrdinalIgnoreCase)
        || !new[] { "", "_TRACES", "_METRICS", "_LOGS" }.Any(signal => configuration[$"OTEL_EXPORTER_OTLP{signal}_ENDPOINT"] is { Length: > 0 });

    private static bool Wants(IConfiguration configuration, string signal) => configuration[$"OTEL_{signal}_EXPORTER"] is not "none";

    /// <summary>Made when the host starts, and sent out to the last when it ends.</summary>
    private sealed class Flushed(BaseProvider provider) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken)
        {
            switch (provider)
            {
                case TracerProvider traces:
                    traces.ForceFlush();
                    break;
                case MeterProvider metrics:
                    metrics.ForceFlush();
                    break;
            }

            return Task.CompletedTask;
        }
    }
}
