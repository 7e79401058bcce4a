using Mewe.EndToEnd.Tests.Corpus;
using Mewe.EndToEnd.Tests.Running;
using Mewe.Linking;

namespace Mewe.EndToEnd.Tests;

/// <summary>The seven services answer the same in every form that a user can ask for.</summary>
public sealed class SampleAnswersTests(EngineFixture fixture, ITestOutputHelper output)
{
    private const int Runs = 200;

    public static TheoryData<string> Samples => [.. Sample.Names];

    [Theory]
    [MemberData(nameof(Samples))]
    public async Task MultivariantServicesAnswerAsTheOriginalUnderEveryPolicyAndRandomness(string name)
    {
        var bytes = await File.ReadAllBytesAsync(Sample.ModulePath(name), TestContext.Current.CancellationToken);
        // The two large ones have fewer variants, so that the suite stays quick.
        var diversified = await Diversified.MakeAsync(fixture.Engine, bytes, name.StartsWith("qr_", StringComparison.Ordinal) ? 2 : 4);
        var answers = await SameAnswers.OfAsync(fixture.Engine, bytes, Sample.Workload(name).Runs, Runs);
        foreach (var policy in new[] { DispatchPolicy.Call, DispatchPolicy.Entry, DispatchPolicy.Instance })
        {
            foreach (var randomness in new[] { RandomnessMode.Wasi, RandomnessMode.Export, RandomnessMode.Import })
            {
                var agreed = await answers.CheckAsync(diversified.Link(policy, randomness), $"{name} {policy} {randomness}");
                Assert.True(agreed >= Runs);
            }
        }

        output.WriteLine($"{name}: {diversified.Report.Totals.Variants} variants, {diversified.Report.Totals.CpuSeconds} s of processor time to make them");
    }
}
