using Mewe.Conformance.Tests;
using Mewe.Conformance.Tests.Oracle;
using Mewe.Conformance.Tests.Suite;
using Mewe.Execution;
using Mewe.Execution.Node;

[assembly: AssemblyFixture(typeof(EngineFixture))]

namespace Mewe.Conformance.Tests;

/// <summary>One real engine for all tests, and the suite's verdicts on the original modules, which everything else is compared with.</summary>
public sealed class EngineFixture : IAsyncLifetime
{
    /// <summary>Name of the collection whose classes take turns: each uses all cores by itself.</summary>
    public const string OneAfterTheOther = "one after the other";

    private IWasmEngine? engine;
    private Task<SuiteRun>? originals;

    public IWasmEngine Engine => engine ?? throw new InvalidOperationException("the engine did not start");

    /// <summary>The suite on the original modules; run once.</summary>
    public Task<SuiteRun> OriginalsAsync(SpecSuite suite) =>
        originals ??= SuiteRun.RunAsync(Engine, suite, original => original, CancellationToken.None);

    public async ValueTask InitializeAsync() =>
        engine = (await NodeEngine.StartAsync(new NodeEngineOptions { Workers = 2 }, TestContext.Current.CancellationToken)).Value;

    public ValueTask DisposeAsync() => engine?.DisposeAsync() ?? default;
}
