using Mewe.Wasm;

namespace Mewe.Grains.Tests;

/// <summary>What functions are called, where there is no name section.</summary>
public sealed class FunctionNamesTests
{
    private readonly FunctionNames names = new(Module());

    [Fact]
    public void ImportsAreCalledByTheirTwoNames() => Assert.Equal("env.log", names.Of(0));

    [Fact]
    public void AnExportGivesItsNameAndTheFirstOneWins() => Assert.Equal("first", names.Of(1));

    [Fact]
    public void OthersAreCalledByTheirIndex() => Assert.Equal("func[2]", names.Of(2));

    [Fact]
    public void AnImportThatIsExportedIsCalledAsItIsExported()
    {
        var module = Module();
        module.Exports.Add(new Export("logging", ExternKind.Function, 0));
        Assert.Equal("logging", new FunctionNames(module).Of(0));
    }

    [Fact]
    public void ANumberIsAnIndexAndAnythingElseAName()
    {
        Assert.Equal([2u], names.Find("2"));
        Assert.Empty(names.Find("99"));
        Assert.Equal([1u], names.Find("first"));
        Assert.Equal([0u], names.Find("env.log"));
        Assert.Empty(names.Find("second"));
        Assert.Empty(names.Find("-1"));
    }

    [Fact]
    public void ANameSectionThatIsBrokenIsAsGoodAsNone()
    {
        var module = Module();
        module.SetCustom("name", new byte[] { 1, 0xFF, 0xFF });
        Assert.Equal("first", new FunctionNames(module).Of(1));
    }

    [Fact]
    public void ANameSectionWins()
    {
        // Subsection 1 (functions), 8 bytes: one entry, function 1 is "named".
        var module = Module();
        module.SetCustom("name", new byte[] { 1, 8, 1, 1, 5, (byte)'n', (byte)'a', (byte)'m', (byte)'e', (byte)'d' });
        Assert.Equal("named", new FunctionNames(module).Of(1));
    }

    private static WasmModule Module()
    {
        var module = new WasmModule();
        var type = module.IndexOfType(FunctionType.Of([], []));
        module.Imports.Add(new Import("env", "log", new FunctionExtern(type)));
        for (var i = 0; i < 2; i++)
        {
            module.AddFunction(type, new FunctionBody(new FunctionCode([], [Instruction.Of(Opcode.End)])));
        }

        module.Exports.Add(new Export("first", ExternKind.Function, 1));
        module.Exports.Add(new Export("second", ExternKind.Function, 1));
        return module;
    }
}
