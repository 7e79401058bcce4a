using Mewe.Execution;
using Mewe.Execution.Node;
using Mewe.Tests;

[assembly: AssemblyFixture(typeof(EngineFixture))]

namespace Mewe.Tests;

/// <summary>One real engine for all tests: node must be there. Shared by the test projects, each of which compiles it.</summary>
public sealed class EngineFixture : IAsyncLifetime
{
    public IWasmEngine Engine { get; private set; } = null!;

    public async ValueTask InitializeAsync() =>
        Engine = (await NodeEngine.StartAsync(new NodeEngineOptions { Workers = 2 }, TestContext.Current.CancellationToken)).Value;

    public ValueTask DisposeAsync() => Engine.DisposeAsync();
}
