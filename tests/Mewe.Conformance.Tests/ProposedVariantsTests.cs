using Mewe.Conformance.Tests.Multivariant;
using Mewe.Conformance.Tests.Suite;
using Mewe.Diversify;
using Mewe.Linking;

namespace Mewe.Conformance.Tests;

/// <summary>
/// The transforms by themselves: the first candidates of every function, linked without any test in between. The suite's own assertions are the test, and
/// they are better than any that could be generated.
/// </summary>
public abstract class ProposedVariantsTests(EngineFixture fixture, ITestOutputHelper output) : MultivariantTests(fixture, output)
{
    // Half of the variants as a job would propose them, half with every transform equally likely, long compositions and hardly a limit of cost and size.
    private static readonly VariantSource Source = new VariantSource.Proposed(
        new VariantSource.Share(2, Diversifier.Default, new DiversifyOptions { Seed = Seed }),
        new VariantSource.Share(
            2,
            new Diversifier([.. Diversifier.Default.Transforms.Select(item => item with { Weight = 1 })]),
            new DiversifyOptions { Seed = Seed, MinSteps = 8, MaxSteps = 24, MaxGrowth = 50, GrowthAllowance = 5000, MaxSizeGrowth = 12 }));

    private static Task<MultivariantSuite>? prepared;

    private protected static Task<MultivariantSuite> PrepareAsync(SpecSuite suite) => prepared ??= MultivariantSuite.PrepareAsync(suite, Source, CancellationToken.None);
}

[Collection(EngineFixture.OneAfterTheOther)]
public sealed class ProposedVariantsTestsOnV8(V8 engine, ITestOutputHelper output) : ProposedVariantsTests(engine, output)
{
    [Fact]
    public async Task Every_candidate_is_a_valid_function()
    {
        var multivariant = await PrepareAsync(SpecSuite.Require());

        WriteCounts(multivariant);
        var invalid = multivariant.Modules.SelectMany(module => module.Dropped).ToList();
        var shortest = invalid.OrderBy(text => text.Count(c => c == '*')).Take(40); // the fewer transforms, the clearer whose bug it is
        Assert.True(invalid.Count == 0, $"{invalid.Count} candidates are not valid, the shortest first:\n{string.Join('\n', shortest)}");
    }

    [Fact]
    public async Task No_transform_goes_unexercised() => Assert.Empty(Unused(await PrepareAsync(SpecSuite.Require())));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public Task Each_variant_in_turn_gives_the_same_verdicts(uint choice) =>
        AssertSameVerdictsAsync(PrepareAsync, new LinkOptions { Policy = DispatchPolicy.Forced, ForcedChoice = choice, Seed = Seed });

    [Theory]
    [InlineData(DispatchPolicy.Call)]
    [InlineData(DispatchPolicy.Entry)]
    public Task Variants_chosen_at_random_give_the_same_verdicts(DispatchPolicy policy) =>
        AssertSameVerdictsAsync(PrepareAsync, new LinkOptions { Policy = policy, Randomness = RandomnessMode.Export, Seed = Seed }, Seed);
}

[Collection(EngineFixture.OneAfterTheOther)]
public sealed class ProposedVariantsTestsOnWasmtime(InProcess engine, ITestOutputHelper output) : ProposedVariantsTests(engine, output)
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public Task Each_variant_in_turn_gives_the_same_verdicts(uint choice) =>
        AssertSameVerdictsAsync(PrepareAsync, new LinkOptions { Policy = DispatchPolicy.Forced, ForcedChoice = choice, Seed = Seed });

    [Theory]
    [InlineData(DispatchPolicy.Call)]
    public Task Variants_chosen_at_random_give_the_same_verdicts(DispatchPolicy policy) =>
        AssertSameVerdictsAsync(PrepareAsync, new LinkOptions { Policy = policy, Randomness = RandomnessMode.Export, Seed = Seed }, Seed);
}
