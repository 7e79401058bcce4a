using Mewe.EndToEnd.Tests.Running;
using Mewe.Execution;
using Mewe.Execution.Node;

[assembly: AssemblyFixture(typeof(EngineFixture))]

namespace Mewe.EndToEnd.Tests.Running;

/// <summary>One real engine for the tests that run in this process: node must be there.</summary>
public sealed class EngineFixture : IAsyncLifetime
{
    public IWasmEngine Engine { get; private set; } = null!;

    public async ValueTask InitializeAsync() =>
        Engine = (await NodeEngine.StartAsync(new NodeEngineOptions { Workers = 2, AbortAfter = TimeSpan.FromMinutes(5) }, TestContext.Current.CancellationToken)).Value;

    public ValueTask DisposeAsync() => Engine.DisposeAsync();
}
