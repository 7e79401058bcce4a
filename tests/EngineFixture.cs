using Mewe.Execution;
using Mewe.Execution.Node;
using Mewe.Execution.Wasmtime;
using Mewe.Tests;

[assembly: AssemblyFixture(typeof(EngineFixture))]

namespace Mewe.Tests;

/// <summary>
/// One real engine for all tests: node must be there. Shared by the test projects, each of which compiles it. <c>MEWE_TEST_ENGINE=wasmtime</c> runs them on the other engine, to look for what only one of them shows.
/// </summary>
public sealed class EngineFixture : IAsyncLifetime
{
    public IWasmEngine Engine { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Engine = Environment.GetEnvironmentVariable("MEWE_TEST_ENGINE") == "wasmtime"
        ? WasmtimeEngine.Start(new WasmtimeEngineOptions { Workers = 2 }).Value
        : (await NodeEngine.StartAsync(new NodeEngineOptions { Workers = 2 }, TestContext.Current.CancellationToken)).Value;

    public ValueTask DisposeAsync() => Engine.DisposeAsync();
}
