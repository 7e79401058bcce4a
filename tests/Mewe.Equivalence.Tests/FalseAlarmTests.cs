using System.Diagnostics;
using Mewe.Diversify;
using Mewe.Wasm;

namespace Mewe.Equivalence.Tests;

public sealed class FalseAlarmTests(EngineFixture fixture, ITestOutputHelper output)
{
    public static TheoryData<string> SmallModules => [.. Corpus.Names];

    [Theory]
    [MemberData(nameof(SmallModules))]
    public async Task EveryFunctionAgreesWithItself(string name)
    {
        var module = Corpus.Load(name);
        var tester = new DifferentialTester(fixture.Engine, module, new TestOptions());
        var clock = Stopwatch.StartNew();
        var alarms = new List<string>();
        for (var i = 0; i < module.Bodies.Count; i++)
        {
            var function = (uint)(module.ImportedFunctionCount + i);
            var code = module.Bodies[i].Decode();
            clock.Restart();
            var report = await tester.TestAsync(function, [new VariantCode(code), new VariantCode(Padded(code))], null, TestContext.Current.CancellationToken);
            output.WriteLine($"{function} {code.Instructions.Length} {clock.ElapsedMilliseconds}ms {report.BranchesCovered}/{report.BranchesTotal} {report.Executions}: {report.Verdicts[0]}");
            alarms.AddRange(report.Verdicts.Where(verdict => verdict is Refuted or Inconclusive { Kind: InconclusiveKind.EngineFailed or InconclusiveKind.InvalidCandidate }).Select(verdict => $"function {function}: {verdict}"));
        }

        Assert.Empty(alarms);
    }

    private static FunctionCode Padded(FunctionCode code) =>
        new(code.Locals, [.. code.Instructions.SelectMany(instruction => new[] { Instruction.Of(Opcode.Nop), instruction })]);
}
