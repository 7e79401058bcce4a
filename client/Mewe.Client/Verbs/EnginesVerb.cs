using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using Mewe.Client.Output;
using Mewe.Execution;
using Mewe.Execution.Node;
using Mewe.Execution.Wasmtime;
using Spectre.Console;

namespace Mewe.Client.Verbs;

/// <summary><c>mewe engines</c>: which engines are there, what they can do, and why one is not used.</summary>
internal static class EnginesVerb
{
    private static readonly JsonWriterOptions Indented = new() { Indented = true };

    public static Command Command()
    {
        var common = new CommonOptions();
        var command = new Command("engines", """
            Show the engines that Mewe runs modules on: versions, where they were found, features; and why one cannot be used.

            Examples:
              mewe engines
              mewe engines --json | jq -r '.engines[] | select(.usable) | .name'
            """);
        common.AddTo(command);
        command.SetAction((parsed, cancellationToken) => RunAsync(common.Output(parsed), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(CommandOutput output, CancellationToken cancellationToken)
    {
        ImmutableArray<FoundEngine> engines = [await V8Async(cancellationToken), await WasmtimeAsync()];
        if (output.Json)
        {
            CommandOutput.WriteJson(ToJson(engines));
        }
        else
        {
            Show(engines, output);
        }

        return engines.Any(engine => engine.Info is not null) ? ExitCode.Success : ExitCode.Unavailable;
    }

    private static async Task<FoundEngine> V8Async(CancellationToken cancellationToken)
    {
        NodeLocator.OfThisProcess.TryLocate(out var path, out _);
        var started = await NodeEngine.StartAsync(new NodeEngineOptions { Workers = 1 }, cancellationToken);
        if (!started.TryGet(out var engine, out var failure))
        {
            return new FoundEngine("v8", path, null, failure.Message);
        }

        await using (engine)
        {
            return new FoundEngine("v8", path, engine.Info, null);
        }
    }

    private static async Task<FoundEngine> WasmtimeAsync()
    {
        var started = WasmtimeEngine.Start(new WasmtimeEngineOptions { Workers = 1 });
        if (!started.TryGet(out var engine, out var failure))
        {
            return new FoundEngine("wasmtime", null, null, failure.Message);
        }

        await using (engine)
        {
            return new FoundEngine("wasmtime", engine.LibraryOrigin, engine.Info, null);
        }
    }

    private static void Show(ImmutableArray<FoundEngine> engines, CommandOutput output)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("engine", "version", "host", "found at", "lacks");
        foreach (var engine in engines.Where(engine => engine.Info is not null))
        {
            var info = engine.Info!;
            var lacks = engine.Missing.IsEmpty ? "" : string.Join(", ", engine.Missing);
            table.AddRow(engine.Name, Markup.Escape(info.Version), Markup.Escape(engine.Host), Markup.Escape(engine.Origin ?? ""), lacks);
        }

        if (table.Rows.Count > 0)
        {
            output.Results.Write(table);
        }

        foreach (var engine in engines.Where(engine => engine.Info is null))
        {
            CommandOutput.Line($"{engine.Name} cannot be used: {engine.Problem}");
        }
    }

    private static byte[] ToJson(ImmutableArray<FoundEngine> engines)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, Indented))
        {
            json.WriteStartObject();
            json.WriteStartArray("engines");
            foreach (var engine in engines)
            {
                json.WriteStartObject();
                json.WriteString("name", engine.Name);
                json.WriteBoolean("usable", engine.Info is not null);
                json.WriteString("origin", engine.Origin);
                json.WriteString("version", engine.Info?.Version);
                json.WriteString("host", engine.Info is null ? null : engine.Host);
                WriteFeatures(json, "features", engine.Info?.Features.Order() ?? Enumerable.Empty<WasmFeature>());
                WriteFeatures(json, "missing", engine.Missing);
                json.WriteString("problem", engine.Problem);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return stream.ToArray();
    }

    private static void WriteFeatures(Utf8JsonWriter json, string name, IEnumerable<WasmFeature> features)
    {
        json.WriteStartArray(name);
        foreach (var feature in features)
        {
            json.WriteStringValue(JsonNamingPolicy.KebabCaseLower.ConvertName(feature.ToString()));
        }

        json.WriteEndArray();
    }

    /// <summary>An engine, or why there is none.</summary>
    /// <param name="Origin">The program or library; null where none was found.</param>
    private sealed record FoundEngine(string Name, string? Origin, EngineInfo? Info, string? Problem)
    {
        public ImmutableArray<WasmFeature> Missing => Info is null ? [] : [.. Enum.GetValues<WasmFeature>().Where(feature => !Info.Features.Contains(feature))];

        public string Host => Name == "v8" ? $"node {Info!.HostVersion}" : $"in this process, .NET {Info!.HostVersion}";
    }
}
