using Mewe.Execution.Node;

namespace Mewe.Execution.Tests;

public sealed class EngineTests(V8 fixture)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void The_engine_says_what_it_is_and_what_it_can_do()
    {
        var info = fixture.Engine.Info;

        Assert.Equal("v8", info.Name);
        Assert.Matches(@"^\d+\.\d+\.\d+", info.Version);
        Assert.Matches(@"^\d+\.\d+\.\d+$", info.HostVersion);
        Assert.Equal(Enum.GetValues<WasmFeature>(), info.Features.Order());
    }

    [Fact]
    public async Task Modules_are_validated()
    {
        var valid = await fixture.Engine.ValidateAsync(new ModuleAssembler().Exported("f", [], [ModuleAssembler.I32], ModuleAssembler.I32Const(1)).ToArray(), Cancellation);
        var invalid = await fixture.Engine.ValidateAsync(new ModuleAssembler().Exported("f", [], [ModuleAssembler.I32], []).ToArray(), Cancellation);

        Assert.Equal(new EngineValidation(true, null), valid.Value);
        Assert.False(invalid.Value.Valid);
        Assert.Contains("expected 1 elements on the stack", invalid.Value.Message);
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

    [Fact]
    public void MEWE_NODE_comes_first_and_must_exist()
    {
        var locator = new NodeLocator(name => name == "MEWE_NODE" ? "/nowhere/node" : null, AppContext.BaseDirectory);

        Assert.False(locator.TryLocate(out _, out var problem));
        Assert.Contains("/nowhere/node", problem);
    }

    [Fact]
    public void Node_modules_is_found_in_a_directory_above()
    {
        var root = Directory.CreateTempSubdirectory("mewe-locator-");
        try
        {
            var bin = root.CreateSubdirectory("node_modules/node/bin");
            var program = Path.Combine(bin.FullName, OperatingSystem.IsWindows() ? "node.exe" : "node");
            File.WriteAllText(program, "");
            var locator = new NodeLocator(_ => null, root.CreateSubdirectory("a/b/c").FullName);

            Assert.True(locator.TryLocate(out var path, out _));
            Assert.Equal(program, path);
        }
        finally
        {
            root.Delete(true);
        }
    }

    [Fact]
    public void The_path_is_searched_last_and_finding_nothing_says_what_to_do()
    {
        var root = Directory.CreateTempSubdirectory("mewe-locator-");
        try
        {
            var program = Path.Combine(root.FullName, OperatingSystem.IsWindows() ? "node.exe" : "node");
            var locator = new NodeLocator(name => name == "PATH" ? $"/nowhere{Path.PathSeparator}{root.FullName}" : null, root.FullName);

            Assert.False(locator.TryLocate(out _, out var problem));
            Assert.Contains("npm ci", problem);
            Assert.Contains("MEWE_NODE", problem);
            File.WriteAllText(program, "");
            Assert.True(locator.TryLocate(out var path, out _));
            Assert.Equal(program, path);
        }
        finally
        {
            root.Delete(true);
        }
    }
}
