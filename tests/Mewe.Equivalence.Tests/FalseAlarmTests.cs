using Mewe.Diversify;
using Mewe.Wasm;

namespace Mewe.Equivalence.Tests;

public sealed class FalseAlarmTests(EngineFixture fixture, ITestOutputHelper output)
{
    public static TheoryData<string> SmallModules => ["paper/encrypt.command.wasm", "more/float.command.wasm", "more/simd.command.wasm", "more/as_program.wasm"];

    public static TheoryData<string> AllModules => [.. Corpus.Names];

    [Theory]
    [MemberData(nameof(SmallModules))]
    public Task EveryFunctionAgreesWithItself(string name) => AssertAgreesAsync(name, function => function % 3 == 0);

    /// <summary>Takes minutes: run it by name.</summary>
    [Theory(Explicit = true)]
    [MemberData(nameof(AllModules))]
    public Task EveryFunctionOfTheCorpusAgreesWithItself(string name) => AssertAgreesAsync(name, _ => true);

    private async Task AssertAgreesAsync(string name, Func<uint, bool> where)
    {
        var module = Corpus.Load(name);
        var tester = new DifferentialTester(fixture.Engine, module, new TestOptions());
        var alarms = new List<string>();
        var (functions, undecided, covered, total) = (0, 0, 0, 0);
        for (var i = 0; i < module.Bodies.Count; i++)
        {
            var function = (uint)(module.ImportedFunctionCount + i);
            if (!where(function))
            {
                continue;
            }

            var code = module.Bodies[i].Decode();
            var report = await tester.TestAsync(function, [new VariantCode(code), new VariantCode(Padded(code))], null, TestContext.Current.CancellationToken);
            functions++;
            undecided += report.Verdicts[0] is Tested ? 0 : 1;
            covered += report.BranchesCovered;
            total += report.BranchesTotal;
            alarms.AddRange(report.Verdicts
                .Where(verdict => verdict is Refuted or Inconclusive { Kind: InconclusiveKind.EngineFailed or InconclusiveKind.InvalidCandidate })
                .Select(verdict => $"function {function}: {verdict}"));
        }

        output.WriteLine($"{name}: {functions} functions, {undecided} not decided, {covered} of {total} branch outcomes");
        Assert.Empty(alarms);
    }

    private static FunctionCode Padded(FunctionCode code) =>
        new(code.Locals, [.. code.Instructions.SelectMany(instruction => new[] { Instruction.Of(Opcode.Nop), instruction })]);
}
