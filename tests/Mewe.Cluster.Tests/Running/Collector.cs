using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Mewe.Wasm.Tests.Shared;

namespace Mewe.Cluster.Tests.Running;

/// <summary>A span as the collector received it.</summary>
internal sealed record ReceivedSpan(string Trace, string Id, string Parent, string Name, string Service, string Instance);

/// <summary>A real OpenTelemetry collector, which writes what arrives into a file.</summary>
internal sealed class Collector : IAsyncDisposable
{
    private readonly Process process;
    private readonly string folder;

    private Collector(Process process, string folder, int port) => (this.process, this.folder, Endpoint) = (process, folder, $"http://127.0.0.1:{port}");

    public string Endpoint { get; }

    /// <summary>The variables by which a process sends to it, soon.</summary>
    public Dictionary<string, string> Environment => new()
    {
        ["OTEL_EXPORTER_OTLP_ENDPOINT"] = Endpoint,
        ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
        ["OTEL_BSP_SCHEDULE_DELAY"] = "200",
        ["OTEL_METRIC_EXPORT_INTERVAL"] = "1000",
        ["OTEL_BLRP_SCHEDULE_DELAY"] = "200",
    };

    private string File => Path.Combine(folder, "received.json");

    /// <summary>Starts one; where it is missing, the test says that it did not run, and in CI it fails.</summary>
    public static async Task<Collector> StartAsync(CancellationToken cancellationToken)
    {
        var archive = SharedFolder.Require("what a real OpenTelemetry collector receives", "native", "otelcol", "otelcol.tar.xz");
        var folder = Directory.CreateTempSubdirectory("mewe-otelcol-").FullName;
        using (var tar = Process.Start("tar", ["-xJf", archive, "-C", folder]))
        {
            await tar.WaitForExitAsync(cancellationToken);
            Assert.Equal(0, tar.ExitCode);
        }

        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        var configuration = Path.Combine(folder, "config.yaml");
        await System.IO.File.WriteAllTextAsync(configuration, $$"""
            receivers:
              otlp: { protocols: { http: { endpoint: "127.0.0.1:{{port}}" } } }
            exporters:
              file: { path: "{{Path.Combine(folder, "received.json")}}", flush_interval: 200ms }
            service:
              telemetry: { metrics: { level: none } }
              pipelines:
                traces: { receivers: [otlp], exporters: [file] }
                metrics: { receivers: [otlp], exporters: [file] }
                logs: { receivers: [otlp], exporters: [file] }
            """, cancellationToken);
        var start = new ProcessStartInfo(Path.Combine(folder, "otelcol"), ["--config", configuration]) { RedirectStandardError = true, UseShellExecute = false };
        var process = Process.Start(start)!;
        var errors = new List<string>();
        process.ErrorDataReceived += (_, line) => errors.Add(line.Data ?? "");
        process.BeginErrorReadLine();
        using var probe = new HttpClient();
        while (true)
        {
            Assert.False(process.HasExited, string.Join('\n', errors));
            try
            {
                using var answer = await probe.GetAsync($"http://127.0.0.1:{port}/", cancellationToken);
                return new Collector(process, folder, port);
            }
            catch (HttpRequestException)
            {
                await Task.Delay(50, cancellationToken);
            }
        }
    }

    /// <summary>Everything that arrived and was written so far.</summary>
    public IReadOnlyList<JsonElement> Received()
    {
        if (!System.IO.File.Exists(File))
        {
            return [];
        }

        using var stream = new FileStream(File, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(stream);
        var all = new List<JsonElement>();
        while (reader.ReadLine() is { } line)
        {
            try
            {
                all.Add(JsonDocument.Parse(line).RootElement);
            }
            catch (JsonException)
            {
                // The last line is still being written.
            }
        }

        return all;
    }

    public IReadOnlyList<ReceivedSpan> Spans() => [.. Received().Where(line => line.TryGetProperty("resourceSpans", out _)).SelectMany(line => line.GetProperty("resourceSpans").EnumerateArray()).SelectMany(resource =>
    {
        var attributes = resource.GetProperty("resource").GetProperty("attributes").EnumerateArray().ToDictionary(pair => pair.GetProperty("key").GetString()!, pair => pair.GetProperty("value"));
        string Attribute(string name) => attributes.TryGetValue(name, out var value) && value.TryGetProperty("stringValue", out var text) ? text.GetString()! : "";
        return resource.GetProperty("scopeSpans").EnumerateArray().SelectMany(scope => scope.GetProperty("spans").EnumerateArray()).Select(span => new ReceivedSpan(
            span.GetProperty("traceId").GetString()!, span.GetProperty("spanId").GetString()!, span.TryGetProperty("parentSpanId", out var parent) ? parent.GetString()! : "", span.GetProperty("name").GetString()!,
            Attribute("service.name"), Attribute("service.instance.id")));
    })];

    public IReadOnlySet<string> Metrics() => Received().Where(line => line.TryGetProperty("resourceMetrics", out _)).SelectMany(line => line.GetProperty("resourceMetrics").EnumerateArray())
        .SelectMany(resource => resource.GetProperty("scopeMetrics").EnumerateArray()).SelectMany(scope => scope.GetProperty("metrics").EnumerateArray()).Select(metric => metric.GetProperty("name").GetString()!).ToHashSet();

    public async ValueTask DisposeAsync()
    {
        process.Kill();
        await process.WaitForExitAsync(CancellationToken.None);
        process.Dispose();
        Directory.Delete(folder, recursive: true);
    }
}
