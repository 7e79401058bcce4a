using System.Diagnostics;
using System.Text.Json;
using Mewe.EndToEnd.Tests.Running;
using Mewe.Execution.Wasmtime;

namespace Mewe.EndToEnd.Tests;

public sealed class EnginesTests
{
    [Fact]
    public async Task Engines_says_what_was_found_and_why_one_is_not_used()
    {
        var start = new ProcessStartInfo(MeweCommand.Path, ["engines"]);
        start.Environment[WasmtimeLibrary.Variable] = "/nowhere/libwasmtime.so";
        var result = (await MeweCommand.RunAsync(start)).Exits(0);

        Assert.Matches(@"v8 +\d+\.\d+", result.Stdout);
        Assert.Contains("wasmtime cannot be used: /nowhere/libwasmtime.so does not exist", result.Stdout);
        Assert.Contains(WasmtimeLibrary.Variable, result.Stdout);
    }

    [Fact]
    public async Task Engines_as_JSON_has_versions_and_features()
    {
        var result = (await MeweCommand.RunAsync("engines", "--json")).Exits(0);
        using var json = JsonDocument.Parse(result.Stdout);
        var engines = json.RootElement.GetProperty("engines").EnumerateArray().ToDictionary(engine => engine.GetProperty("name").GetString()!);

        Assert.Equal(["v8", "wasmtime"], engines.Keys.Order());
        Assert.True(engines["v8"].GetProperty("usable").GetBoolean());
        Assert.Contains("multi-memory", Names(engines["v8"], "features"));
        Assert.NotEqual(engines["wasmtime"].GetProperty("usable").GetBoolean(), engines["wasmtime"].GetProperty("problem").ValueKind == JsonValueKind.String);
        if (engines["wasmtime"].GetProperty("usable").GetBoolean())
        {
            Assert.Equal(["legacy-exceptions"], Names(engines["wasmtime"], "missing"));
        }
    }

    [Fact]
    public async Task Without_any_engine_the_exit_code_says_so()
    {
        var start = new ProcessStartInfo(MeweCommand.Path, ["engines"]);
        start.Environment[WasmtimeLibrary.Variable] = "/nowhere/libwasmtime.so";
        start.Environment["MEWE_NODE"] = "/nowhere/node";
        var result = (await MeweCommand.RunAsync(start)).Exits(69);

        Assert.Contains("v8 cannot be used: MEWE_NODE names \"/nowhere/node\"", result.Stdout);
    }

    private static IEnumerable<string?> Names(JsonElement engine, string property) => engine.GetProperty(property).EnumerateArray().Select(item => item.GetString());
}
