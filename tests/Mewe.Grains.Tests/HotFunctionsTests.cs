using Mewe.Diversify;

namespace Mewe.Grains.Tests;

/// <summary>Functions that are hot get candidates that are little longer than they are, for others would not be linked.</summary>
public sealed class HotFunctionsTests(ITestOutputHelper output)
{
    /// <summary>What reads the blind word and steps it stands before a body and is counted apart from it.</summary>
    private const int BlindEntry = 7;

    [Theory]
    [InlineData("encrypt")]
    [InlineData("bin2base64")]
    [InlineData("qr_str")]
    public void CandidatesOfHotFunctionsAreShortAndThereAreEnoughOfThem(string sample)
    {
        var plan = SamplePlans.Of(SamplePlans.Module(sample), new JobOptions());
        Assert.NotEmpty(plan.Hot);
        foreach (var function in plan.Hot)
        {
            var input = FunctionInput.Of(plan.Facts, function);
            var length = input.Code.Instructions.Length;

            var candidates = plan.Diversifier.Propose(input, plan.DiversifyOptionsOf(function) with { MaxCandidates = CandidatePool.PerVariant * plan.Request.Options.Variants }).ToList();

            output.WriteLine($"function {function}: {length} instructions, {candidates.Count} candidates of up to {candidates.Max(candidate => candidate.Code.InstructionCount)}");
            Assert.Equal(CandidatePool.PerVariant * plan.Request.Options.Variants, candidates.Count);
            // The limit is on bodies; what was taken out of one to a function of its own counts here, too.
            Assert.InRange(candidates.Count(candidate => candidate.Code.InstructionCount <= (1.5 * length) + 4 + BlindEntry), 3 * candidates.Count / 4, candidates.Count);
        }
    }

    [Fact]
    public void OtherFunctionsMayGrow()
    {
        var plan = SamplePlans.Of(SamplePlans.Module("encrypt"), new JobOptions());
        var cold = plan.Functions.First(function => !plan.Hot.Contains(function));

        Assert.Equal(new DiversifyOptions().MaxSizeGrowth, plan.DiversifyOptionsOf(cold).MaxSizeGrowth);
        Assert.NotEqual(plan.DiversifyOptionsOf(cold).MaxSizeGrowth, plan.DiversifyOptionsOf(plan.Hot.First()).MaxSizeGrowth);
    }
}
