using Mewe.Execution.Node;
using Mewe.Execution.Tests;
using Mewe.Execution.Wasmtime;

[assembly: AssemblyFixture(typeof(V8))]
[assembly: AssemblyFixture(typeof(InProcess))]

namespace Mewe.Execution.Tests;

/// <summary>An engine that the conformance suite runs against: one for all tests of the assembly.</summary>
public abstract class EngineUnderTest : IAsyncLifetime
{
    private EngineResult<IWasmEngine> started;

    /// <summary>The engine. Without one the test is skipped with the reason, and fails when continuous integration runs it.</summary>
    public IWasmEngine Engine => Require(started);

    /// <summary>Another one like it.</summary>
    public abstract Task<EngineResult<IWasmEngine>> StartAsync(int workers = 2, int? maximumMemoryPages = null);

    /// <summary>The engine of a result, or the end of the test.</summary>
    public static IWasmEngine Require(EngineResult<IWasmEngine> started)
    {
        if (!started.TryGet(out var engine, out var failure))
        {
            Assert.SkipUnless(Environment.GetEnvironmentVariable("CI") == "true", failure.Message);
            Assert.Fail(failure.Message);
        }

        return engine!;
    }

    public async ValueTask InitializeAsync() => started = await StartAsync();

    public async ValueTask DisposeAsync()
    {
        if (started.TryGet(out var engine, out _))
        {
            await engine.DisposeAsync();
        }
    }
}

/// <summary>V8 in node processes.</summary>
public sealed class V8 : EngineUnderTest
{
    public override async Task<EngineResult<IWasmEngine>> StartAsync(int workers = 2, int? maximumMemoryPages = null)
    {
        var options = new NodeEngineOptions { Workers = workers };
        var started = await NodeEngine.StartAsync(
            maximumMemoryPages is { } pages ? options with { MaximumMemoryPages = pages } : options, TestContext.Current.CancellationToken);
        return started.TryGet(out var engine, out var failure) ? engine : failure;
    }
}

/// <summary>Wasmtime in this process.</summary>
public sealed class InProcess : EngineUnderTest
{
    public override Task<EngineResult<IWasmEngine>> StartAsync(int workers = 2, int? maximumMemoryPages = null)
    {
        var options = new WasmtimeEngineOptions { Workers = workers };
        var started = WasmtimeEngine.Start(maximumMemoryPages is { } pages ? options with { MaximumMemoryPages = pages } : options);
        return Task.FromResult(started.TryGet(out var engine, out var failure) ? new EngineResult<IWasmEngine>(engine) : failure);
    }
}
