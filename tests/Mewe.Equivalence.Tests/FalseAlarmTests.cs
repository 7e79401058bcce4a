using Mewe.Diversify;
using Mewe.Wasm;

namespace Mewe.Equivalence.Tests;

public sealed class FalseAlarmTests(EngineFixture fixture, ITestOutputHelper output)
{
    /// <summary>Functions of each module in a normal run; the explicit test takes them all.</summary>
    private const int Sample = 10;

    public static TheoryData<string> Modules => [.. Corpus.Names];

    [Theory]
    [MemberData(nameof(Modules))]
    public Task FunctionsOfEveryModuleAgreeWithThemselves(string name) => AssertAgreesAsync(name, (position, functions) => position * Sample / functions != (position - 1) * Sample / functions);

    /// <summary>Takes minutes: run it by name, with <c>-explicit only</c>.</summary>
    [Theory(Explicit = true)]
    [MemberData(nameof(Modules))]
    public Task EveryFunctionOfTheCorpusAgreesWithItself(string name) => AssertAgreesAsync(name, (_, _) => true);

    private async Task AssertAgreesAsync(string name, Func<int, int, bool> isTaken)
    {
        var module = Corpus.Load(name);
        var tester = new DifferentialTester(fixture.Engine, module, new TestOptions());
        var alarms = new List<string>();
        var coverages = new List<double>();
        var (undecided, covered, total) = (0, 0, 0);
        for (var i = 0; i < module.Bodies.Count; i++)
        {
            if (!isTaken(i, module.Bodies.Count))
            {
                continue;
            }

            var function = (uint)(module.ImportedFunctionCount + i);
            var code = module.Bodies[i].Decode();
            var report = await tester.TestAsync(function, [new VariantCode(code), new VariantCode(Padded(code))], null, TestContext.Current.CancellationToken);
            undecided += report.Verdicts[0] is Tested ? 0 : 1;
            covered += report.BranchesCovered;
            total += report.BranchesTotal;
            coverages.Add(report.BranchCoverage);
            alarms.AddRange(report.Verdicts
                .Where(verdict => verdict is Refuted or Inconclusive { Kind: InconclusiveKind.EngineFailed or InconclusiveKind.InvalidCandidate })
                .Select(verdict => $"function {function}: {verdict}"));
        }

        output.WriteLine($"{name}: {coverages.Count} functions, {undecided} not decided, {covered} of {total} branch outcomes; "
            + $"{coverages.Count(coverage => coverage < 0.5)} functions below a half, {coverages.Count(coverage => coverage < 0.25)} below a quarter");
        Assert.Empty(alarms);
    }

    private static FunctionCode Padded(FunctionCode code) =>
        new(code.Locals, [.. code.Instructions.SelectMany(instruction => new[] { Instruction.Of(Opcode.Nop), instruction })]);
}
