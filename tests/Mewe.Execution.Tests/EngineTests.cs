
namespace Mewe.Execution.Tests;

public abstract class EngineTests(EngineUnderTest fixture)
{
    private protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Modules_are_validated()
    {
        var valid = await fixture.Engine.ValidateAsync(new ModuleAssembler().Exported("f", [], [ModuleAssembler.I32], ModuleAssembler.I32Const(1)).ToArray(), Cancellation);
        var invalid = await fixture.Engine.ValidateAsync(new ModuleAssembler().Exported("f", [], [ModuleAssembler.I32], []).ToArray(), Cancellation);

        Assert.Equal(new EngineValidation(true, null), valid.Value);
        Assert.False(invalid.Value.Valid);
        Assert.Matches("stack|type mismatch", invalid.Value.Message);
    }

    [Fact]
    public async Task A_memory_that_sweeps_and_runs_could_not_have_is_still_valid() =>
        Assert.True((await fixture.Engine.ValidateAsync(new ModuleAssembler().Memory(65536).ToArray(), Cancellation)).Value.Valid);

    [Fact]
    public async Task A_module_larger_than_any_buffer_goes_through()
    {
        byte[] custom = [0, .. ModuleAssembler.U(3_000_002), 1, (byte)'x', .. new byte[3_000_000]];

        Assert.True((await fixture.Engine.ValidateAsync(new byte[][] { ModuleAssembler.Preamble, custom }.SelectMany(b => b).ToArray(), Cancellation)).Value.Valid);
    }
}

public sealed class EngineTestsOnV8(V8 engine) : EngineTests(engine)
{
    [Fact]
    public void The_engine_says_what_it_is_and_what_it_can_do()
    {
        var info = engine.Engine.Info;

        Assert.Equal("v8", info.Name);
        Assert.Matches(@"^\d+\.\d+\.\d+", info.Version);
        Assert.Matches(@"^\d+\.\d+\.\d+$", info.HostVersion);
        Assert.Equal(Enum.GetValues<WasmFeature>(), info.Features.Order());
    }
}

public sealed class EngineTestsOnWasmtime(InProcess engine) : EngineTests(engine)
{
    [Fact]
    public void The_engine_says_what_it_is_and_what_it_can_do()
    {
        var info = engine.Engine.Info;

        Assert.Equal("wasmtime", info.Name);
        Assert.Matches(@"^\d+$", info.Version); // all that a serialized module tells
        Assert.Equal(Environment.Version.ToString(3), info.HostVersion);
        Assert.Equal(Enum.GetValues<WasmFeature>().Except([WasmFeature.LegacyExceptions]), info.Features.Order());
    }
}
