using Mewe.EndToEnd.Tests.Running;
using Mewe.Execution;
using Mewe.Execution.Node;
using Mewe.Execution.Wasmtime;

[assembly: AssemblyFixture(typeof(EngineFixture))]

namespace Mewe.EndToEnd.Tests.Running;

/// <summary>The real engines for the tests that run in this process: node must be there.</summary>
public sealed class EngineFixture : IAsyncLifetime
{
    private EngineResult<WasmtimeEngine> wasmtime;

    /// <summary>V8.</summary>
    public IWasmEngine Engine { get; private set; } = null!;

    /// <summary>Wasmtime. Without it the test is skipped and says why, and fails when continuous integration runs it.</summary>
    public IWasmEngine Wasmtime
    {
        get
        {
            if (!wasmtime.TryGet(out var engine, out var failure))
            {
                Assert.SkipUnless(Environment.GetEnvironmentVariable("CI") == "true", failure.Message);
                Assert.Fail(failure.Message);
            }

            return engine!;
        }
    }

    public async ValueTask InitializeAsync()
    {
        var limit = TimeSpan.FromMinutes(5);
        Engine = (await NodeEngine.StartAsync(new NodeEngineOptions { Workers = 2, AbortAfter = limit }, TestContext.Current.CancellationToken)).Value;
        wasmtime = WasmtimeEngine.Start(new WasmtimeEngineOptions { Workers = 2, AbortAfter = limit });
    }

    public async ValueTask DisposeAsync()
    {
        await Engine.DisposeAsync();
        if (wasmtime.TryGet(out var engine, out _))
        {
            await engine.DisposeAsync();
        }
    }
}
