using Mewe.Diversify.Synthesis;
using Mewe.Linking;

namespace Mewe.Grains.Tests;

/// <summary>The options as a multivariant module records them.</summary>
public sealed class JobOptionsTests
{
    private const string Rule = "a@32: (i32.add x 0) => (i32.or x 0)";

    [Fact]
    public void DefaultsAreWrittenOut() => Assert.Equal("variants=16 policy=auto randomness=auto slowdown=1.1", new JobOptions().Canonical());

    [Fact]
    public void TheSeedIsRecordedElsewhere() => Assert.Equal(new JobOptions().Canonical(), new JobOptions { Seed = 7 }.Canonical());

    [Fact]
    public void EveryOptionIsWritten() => Assert.Equal(
        "variants=4 policy=entry randomness=import functions=\"^a\" exclude=\"b$\" fuel=1000 evidence=proved rules=learned:" + LearnedRules.Of([Rule]).Hash,
        new JobOptions { Variants = 4, Policy = DispatchPolicy.Entry, Randomness = RandomnessMode.Import, Functions = "^a", Exclude = "b$", Fuel = 1000,
            Evidence = RequiredEvidence.Proved, Learned = LearnedRules.Of([Rule]),
        }.Canonical());

    [Fact]
    public void DifferentOptionsAreWrittenDifferently()
    {
        JobOptions[] options =
        [
            new() { Functions = "a", Exclude = "b" },
            new() { Functions = "a exclude=b" },
            new() { Functions = "a", Fuel = 1 },
            new() { Functions = "a fuel=1" },
        ];
        Assert.Equal(options.Length, options.Select(option => option.Canonical()).Distinct().Count());
    }

    [Fact]
    public void TheTextIsOneLine() => Assert.DoesNotContain('\n', new JobOptions { Functions = "a\nb" }.Canonical());
}
