using System.Diagnostics;
using System.Text.Json;
using Mewe.EndToEnd.Tests.Running;
using Mewe.Execution.Wasmtime;

namespace Mewe.EndToEnd.Tests;

/// <summary>Which engines a command uses, and that the module does not depend on it.</summary>
public sealed class EngineOptionTests(EngineFixture fixture)
{
    private static readonly string Service = Sample.ModulePath("bin2base64.reactor"), Workload = Sample.WorkloadPath("bin2base64.reactor");

    private static string[] Arguments(string output, params string[] options) =>
        ["diversify", Service, "-o", output, "--workload", Workload, "--variants", "4", "--functions", "sodium|service|malloc", "--report", output + ".json", .. options];

    private static Task<CommandResult> DiversifyAsync(string output, params string[] options) => MeweCommand.RunAsync(Arguments(output, options));

    [Fact]
    public async Task WithOnePlanEitherEngineAndBothMakeTheSameModuleAndBothVerifyIt()
    {
        Assert.NotNull(fixture.Wasmtime);
        using var folder = new TempFolder();
        (await DiversifyAsync(folder["both.wasm"], "--save-plan", folder["plan.json"])).Exits(0);
        (await DiversifyAsync(folder["v8.wasm"], "--plan", folder["plan.json"], "--engine", "v8")).Exits(0);
        (await DiversifyAsync(folder["wasmtime.wasm"], "--plan", folder["plan.json"], "--engine", "wasmtime")).Exits(0);

        var bytes = await BytesAsync(folder["both.wasm"]);
        Assert.Equal(bytes, await BytesAsync(folder["v8.wasm"]));
        Assert.Equal(bytes, await BytesAsync(folder["wasmtime.wasm"]));

        Assert.Matches("^v8 .*, wasmtime ", await EngineAsync(folder["both.wasm"]));
        Assert.Matches("^v8 [^,]*$", await EngineAsync(folder["v8.wasm"]));
        Assert.Matches("^wasmtime [^,]*$", await EngineAsync(folder["wasmtime.wasm"]));
        var preserved = JsonDocument.Parse(await BytesAsync(folder["both.wasm.json"])).RootElement.GetProperty("preservation").GetProperty("byEngine");
        Assert.Equal(["v8", "wasmtime"], preserved.EnumerateObject().Select(engine => engine.Name));

        Assert.Matches("agree with the original on v8 .*, wasmtime ", (await MeweCommand.RunAsync("verify", Service, folder["both.wasm"])).Exits(0).Stdout);
        (await MeweCommand.RunAsync("run", folder["both.wasm"], "--engine", "both", "--runs", "20", "--seed", "7")).Exits(0);
    }

    [Fact]
    public async Task WhatIsMeasuredIsMeasuredOnTheTarget()
    {
        Assert.NotNull(fixture.Wasmtime);
        using var folder = new TempFolder();
        (await DiversifyAsync(folder["out.wasm"], "--target", "wasmtime", "--save-plan", folder["plan.json"])).Exits(0);

        Assert.StartsWith("wasmtime ", JsonDocument.Parse(await BytesAsync(folder["plan.json"])).RootElement.GetProperty("basis").GetProperty("engine").GetString());
        Assert.Matches("^wasmtime .*, v8 ", await EngineAsync(folder["out.wasm"]));
    }

    [Fact]
    public async Task AnEngineThatIsNotThereIsLeftOutAndSaidUnlessItWasNamed()
    {
        using var folder = new TempFolder();
        var quick = new[] { "--policy", "call" };

        var without = (await WithoutWasmtimeAsync(Arguments(folder["out.wasm"], quick))).Exits(0);
        Assert.Contains("wasmtime is not used: /nowhere/libwasmtime.so", without.Stderr);
        Assert.Matches("^v8 [^,]*$", await EngineAsync(folder["out.wasm"]));

        foreach (var named in new[] { "wasmtime", "both" })
        {
            Assert.Contains("wasmtime cannot be used: /nowhere/libwasmtime.so", (await WithoutWasmtimeAsync(Arguments(folder["none.wasm"], [.. quick, "--engine", named]))).Exits(69).Stderr);
        }

        Assert.Contains("wasmtime cannot be used", (await WithoutWasmtimeAsync(Arguments(folder["none.wasm"], [.. quick, "--target", "wasmtime"]))).Exits(69).Stderr);
        Assert.Contains("--engine v8 leaves it out", (await DiversifyAsync(folder["none.wasm"], [.. quick, "--engine", "v8", "--target", "wasmtime"])).Exits(64).Stderr);
        Assert.False(File.Exists(folder["none.wasm"]));
    }

    private static Task<CommandResult> WithoutWasmtimeAsync(string[] arguments)
    {
        var start = new ProcessStartInfo(MeweCommand.Path, arguments);
        start.Environment[WasmtimeLibrary.Variable] = "/nowhere/libwasmtime.so";
        return MeweCommand.RunAsync(start);
    }

    private static async Task<string> EngineAsync(string module) => JsonDocument.Parse(await BytesAsync(module + ".json")).RootElement.GetProperty("engine").GetString()!;

    private static Task<byte[]> BytesAsync(string path) => File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
}
