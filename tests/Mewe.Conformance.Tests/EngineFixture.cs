using Mewe.Conformance.Tests;
using Mewe.Conformance.Tests.Oracle;
using Mewe.Conformance.Tests.Suite;
using Mewe.Execution;
using Mewe.Execution.Node;
using Mewe.Execution.Wasmtime;

[assembly: AssemblyFixture(typeof(V8))]
[assembly: AssemblyFixture(typeof(InProcess))]

namespace Mewe.Conformance.Tests;

/// <summary>One real engine for all tests, and the suite's verdicts on the original modules, which everything else is compared with.</summary>
public abstract class EngineFixture : IAsyncLifetime
{
    /// <summary>Name of the collection whose classes take turns: each uses all cores by itself.</summary>
    public const string OneAfterTheOther = "one after the other";

    private EngineResult<IWasmEngine> started;
    private Task<SuiteRun>? originals;

    /// <summary>The engine. Without one the test is skipped and says what was not run, and fails when continuous integration runs it.</summary>
    public IWasmEngine Engine
    {
        get
        {
            if (!started.TryGet(out var engine, out var failure))
            {
                var message = $"{failure.Message}; {SpecSuite.AssertionsInScope} assertions were not run on this engine";
                Assert.SkipUnless(Environment.GetEnvironmentVariable("CI") == "true", message);
                Assert.Fail(message);
            }

            return engine!;
        }
    }

    /// <summary>The suite on the original modules; run once.</summary>
    public Task<SuiteRun> OriginalsAsync(SpecSuite suite) =>
        originals ??= SuiteRun.RunAsync(Engine, suite, original => original, CancellationToken.None);

    public async ValueTask InitializeAsync() => started = await StartAsync();

    public ValueTask DisposeAsync() => started.TryGet(out var engine, out _) ? engine.DisposeAsync() : default;

    private protected abstract Task<EngineResult<IWasmEngine>> StartAsync();
}

/// <summary>V8 in node processes.</summary>
public sealed class V8 : EngineFixture
{
    private protected override async Task<EngineResult<IWasmEngine>> StartAsync()
    {
        var started = await NodeEngine.StartAsync(new NodeEngineOptions { Workers = 2 }, TestContext.Current.CancellationToken);
        return started.TryGet(out var engine, out var failure) ? engine : failure;
    }
}

/// <summary>Wasmtime in this process.</summary>
public sealed class InProcess : EngineFixture
{
    private protected override Task<EngineResult<IWasmEngine>> StartAsync() => Task.FromResult(
        WasmtimeEngine.Start(new WasmtimeEngineOptions { Workers = 2 }).TryGet(out var engine, out var failure) ? new EngineResult<IWasmEngine>(engine) : failure);
}
