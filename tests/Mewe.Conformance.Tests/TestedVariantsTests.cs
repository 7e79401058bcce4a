using Mewe.Conformance.Tests.Multivariant;
using Mewe.Conformance.Tests.Suite;
using Mewe.Diversify;
using Mewe.Equivalence;
using Mewe.Linking;

namespace Mewe.Conformance.Tests;

/// <summary>Tested on V8, run on both engines. As in a real job: candidates go through the differential tester before they are linked. Smaller doses than a job takes, because the suite has thousands of functions.</summary>
public abstract class TestedVariantsTests(EngineFixture fixture, EngineFixture tester, ITestOutputHelper output) : MultivariantTests(fixture, output)
{
    private static readonly TestOptions Testing = new() { Seed = Seed, Inputs = 48, Pool = 96, Rounds = 1 };

    private static Task<MultivariantSuite>? prepared;

    [Fact]
    public Task Tested_variants_chosen_at_random_give_the_same_verdicts() =>
        AssertSameVerdictsAsync(PrepareAsync, new LinkOptions { Policy = DispatchPolicy.Call, Randomness = RandomnessMode.Export, Seed = Seed }, Seed);

    private protected Task<MultivariantSuite> PrepareAsync(SpecSuite suite) => prepared ??= MultivariantSuite.PrepareAsync(
        suite, new VariantSource.Tested(Diversifier.Default, new DiversifyOptions { Seed = Seed + 1 }, tester.Engine, Testing), CancellationToken.None);
}

[Collection(EngineFixture.OneAfterTheOther)]
public sealed class TestedVariantsTestsOnV8(V8 engine, ITestOutputHelper output) : TestedVariantsTests(engine, engine, output)
{
    [Fact]
    public async Task The_tester_has_nothing_against_the_candidates()
    {
        var multivariant = await PrepareAsync(SpecSuite.Require());

        WriteCounts(multivariant);
        var refuted = multivariant.Modules.SelectMany(module => module.Dropped).ToList();
        Assert.True(refuted.Count == 0, $"{refuted.Count} candidates were refuted:\n{string.Join('\n', refuted.Take(40))}");
    }
}

[Collection(EngineFixture.OneAfterTheOther)]
public sealed class TestedVariantsTestsOnWasmtime(InProcess engine, V8 tester, ITestOutputHelper output) : TestedVariantsTests(engine, tester, output);
