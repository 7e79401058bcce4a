using Mewe.Conformance.Tests.Multivariant;
using Mewe.Linking;

namespace Mewe.Conformance.Tests;

/// <summary>The linker by itself: every variant is a copy of its original, so whatever differs comes from dispatchers, wrappers, generators or moved indices.</summary>
public abstract class CopiesTests(EngineFixture fixture, ITestOutputHelper output) : MultivariantTests(fixture, output)
{
    private static readonly VariantSource Source = new VariantSource.Copies();

    private static Task<MultivariantSuite>? prepared;

    private protected Task AssertSameVerdictsAsync(DispatchPolicy policy, RandomnessMode randomness) => AssertSameVerdictsAsync(
        suite => prepared ??= MultivariantSuite.PrepareAsync(suite, Source, CancellationToken.None),
        new LinkOptions { Policy = policy, Randomness = randomness, ForcedChoice = 1, Seed = Seed },
        Seed);
}

[Collection(EngineFixture.OneAfterTheOther)]
public sealed class CopiesTestsOnV8(V8 engine, ITestOutputHelper output) : CopiesTests(engine, output)
{
    [Theory]
    [InlineData(DispatchPolicy.Forced, RandomnessMode.Auto)]
    [InlineData(DispatchPolicy.Call, RandomnessMode.Export)]
    [InlineData(DispatchPolicy.Entry, RandomnessMode.Export)]
    [InlineData(DispatchPolicy.Instance, RandomnessMode.Export)]
    public Task Dispatching_to_copies_gives_the_same_verdicts(DispatchPolicy policy, RandomnessMode randomness) => AssertSameVerdictsAsync(policy, randomness);
}

[Collection(EngineFixture.OneAfterTheOther)]
public sealed class CopiesTestsOnWasmtime(InProcess engine, ITestOutputHelper output) : CopiesTests(engine, output)
{
    [Theory]
    [InlineData(DispatchPolicy.Forced, RandomnessMode.Auto)]
    [InlineData(DispatchPolicy.Call, RandomnessMode.Export)]
    public Task Dispatching_to_copies_gives_the_same_verdicts(DispatchPolicy policy, RandomnessMode randomness) => AssertSameVerdictsAsync(policy, randomness);
}
