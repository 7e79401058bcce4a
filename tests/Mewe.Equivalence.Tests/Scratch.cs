using Mewe.Diversify;
using Mewe.Wasm;
using Mewe.Equivalence.Testing;
namespace Mewe.Equivalence.Tests;
public sealed class Scratch(EngineFixture fixture, ITestOutputHelper output)
{
    [Fact(Explicit = true)]
    public async Task Look()
    {
        var module = Corpus.Load("more/lua.command.wasm");
        uint function = 300;
        var code = module.Bodies[(int)function - module.ImportedFunctionCount].Decode();
        output.WriteLine(module.TypeOfFunction(function) + string.Join("; ", code.Instructions));
        var o = new TestOptions();
        var om = new OriginalModule(module, o);
        var gen = new InputGenerator(om, function, code, o, RecordedInputs.None);
        for (int i = 0; i < 12; i++) { var t = gen.Make(i); output.WriteLine($"{t.Mood} arena {t.Arena:x} {string.Join(",", t.Arguments)} fills {string.Join(",", t.Fills)}"); }
        _ = fixture; await Task.CompletedTask;
    }
}
