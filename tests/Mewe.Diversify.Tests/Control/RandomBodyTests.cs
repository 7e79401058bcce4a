using Mewe.Diversify.Tests.Running;
using Mewe.Diversify.Transforms.Control;
using Mewe.Diversify.Transforms.Locals;

namespace Mewe.Diversify.Tests.Control;

/// <summary>Every registered transform of control and locals alone, then all together, on random bodies and a real engine.</summary>
public sealed class RandomBodyTests(EngineFixture fixture)
{
    public static TheoryData<string> Names => [.. ControlTransforms.All.Concat(LocalsTransforms.All).Select(item => item.Transform.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public Task Fires_on_random_bodies_and_changes_nothing_that_can_be_observed(string name) =>
        TransformChecks.FiresAndIsRight(fixture, ControlTransforms.All.Concat(LocalsTransforms.All).Single(item => item.Transform.Name == name).Transform);

    [Fact]
    public async Task Random_bodies_run_and_do_not_all_trap_or_agree()
    {
        // The generator is only worth something if the digests depend on what bodies compute.
        for (var seed = 0; seed < 20; seed++)
        {
            var wrong = await fixture.Compare(RandomBody.Make(seed), [], 8);
            Assert.True(wrong.Count == 0, wrong.FirstOrDefault());
        }
    }

    [Fact]
    public async Task Together_they_change_nothing_that_can_be_observed()
    {
        var all = new Diversifier([.. ControlTransforms.All, .. LocalsTransforms.All]);
        for (var seed = TransformChecks.FirstBody + 1000; seed < TransformChecks.FirstBody + 1000 + (2 * TransformChecks.Bodies); seed++)
        {
            var body = RandomBody.Make(seed);
            var candidates = TransformChecks.Valid(all.Propose(new TestBench(body).Input, TransformChecks.Options(12, (ulong)seed, steps: 8)));
            var wrong = await fixture.Compare(body, candidates, 16);
            Assert.True(wrong.Count == 0, wrong.FirstOrDefault());
        }
    }
}
