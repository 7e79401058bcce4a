using Mewe.Diversify;
using Mewe.Wasm;
using Mewe.Equivalence.Testing;
namespace Mewe.Equivalence.Tests;
public sealed class Scratch(EngineFixture fixture, ITestOutputHelper output)
{
    [Theory(Explicit = true)]
    [InlineData("more/lua.command.wasm", 256)]
    [InlineData("more/lua.command.wasm", 53)]
    [InlineData("more/cpp.command.wasm", 55)]
    [InlineData("more/lua.command.wasm", 516)]
    public async Task Look(string name, uint function)
    {
        var module = Corpus.Load(name);
        var code = module.Bodies[(int)function - module.ImportedFunctionCount].Decode();
        output.WriteLine(module.TypeOfFunction(function) + string.Join("; ", code.Instructions));
        var o = new TestOptions();
        var om = new OriginalModule(module, o);
        var gen = new InputGenerator(om, function, code, o, RecordedInputs.None);
        var sel = new InputSelection(om, function, o, fixture.Engine);
        var c = (await sel.ChooseAsync(code, new SubjectNeeds(om).Add(code), gen, FunctionSetting.Of(om, code, RecordedInputs.None, o), TestContext.Current.CancellationToken)).Value;
        output.WriteLine($"{c.BranchesCovered}/{c.BranchesTotal} completed {c.Completed} exec {c.Executions} maxnumber {c.Inputs.Max(i => i.Number)}");
        foreach (var t in c.Inputs.Take(5)) { output.WriteLine($"{t.Mood} arena {t.Arena:x} {string.Join(",", t.Arguments)} fills {string.Join(",", t.Fills)} {string.Join(",", t.Pokes)} {string.Join(",", t.Answers)}"); }
    }
}
