using Mewe.EndToEnd.Tests.Corpus;
using Mewe.EndToEnd.Tests.Running;
using Mewe.Linking;

namespace Mewe.EndToEnd.Tests;

/// <summary>Every module of the corpus answers the same when it is multivariant, under each policy and on both engines, over 200 runs with different choices.</summary>
public sealed class CorpusAnswersTests(EngineFixture fixture, ITestOutputHelper output)
{
    private const int Runs = 200;

    /// <summary>Modules larger than this get two variants per function and not four, so that the suite stays quick.</summary>
    private const int Large = 60_000;

    public static TheoryData<string> Modules => CorpusModules.Names();

    [Theory]
    [MemberData(nameof(Modules))]
    public async Task MultivariantModulesAnswerAsTheOriginalUnderEveryPolicy(string name)
    {
        var bytes = CorpusModules.Bytes(name);
        var diversified = await Diversified.MakeAsync(fixture.Engine, bytes, bytes.Length > Large ? 2 : 4);
        Assert.True(diversified.Report.Totals.Variants > 0, "nothing was diversified");
        var answers = await SameAnswers.OfAsync(fixture.Engine, bytes, CorpusModules.Workload(name, diversified.Original), Runs);
        foreach (var policy in new[] { DispatchPolicy.Call, DispatchPolicy.Entry, DispatchPolicy.Instance })
        {
            var module = diversified.Link(policy, RandomnessMode.Auto);
            var valid = await fixture.Engine.ValidateAsync(module, TestContext.Current.CancellationToken);
            Assert.True(valid.Value.Valid, valid.Value.Message);
            Assert.True(await answers.CheckAsync(module, $"{name} {policy}") >= Runs);
        }

        var totals = diversified.Report.Totals;
        output.WriteLine($"{name}: {totals.Variants} variants of {totals.Diversified} of {totals.Functions} functions, {totals.CpuSeconds} s of processor time to make them");

        // Last, so that without Wasmtime the rest has been checked.
        var elsewhere = await SameAnswers.OfAsync(fixture.Wasmtime, bytes, CorpusModules.Workload(name, diversified.Original), Runs);
        Assert.True(await elsewhere.CheckAsync(diversified.Link(DispatchPolicy.Call, RandomnessMode.Auto), $"{name} on Wasmtime") >= Runs);
    }
}
