using Mewe.Linking;

namespace Mewe.Grains.Tests;

/// <summary>Each policy and randomness says plainly what it does not protect against.</summary>
public sealed class ProtectionTests
{
    [Theory]
    [InlineData(DispatchPolicy.Call, "call: ")]
    [InlineData(DispatchPolicy.Entry, "entry: ")]
    [InlineData(DispatchPolicy.Instance, "instance: ")]
    [InlineData(DispatchPolicy.Forced, "forced: ")]
    public void EveryPolicyHasItsText(DispatchPolicy policy, string start) =>
        Assert.StartsWith(start, Protection.Of(new MultivariantMap { Policy = policy, Randomness = RandomnessMode.Wasi })[0], StringComparison.Ordinal);

    [Theory]
    [InlineData(RandomnessMode.Wasi, "wasi: ", "not cryptographic")]
    [InlineData(RandomnessMode.Export, "export: ", "until the embedder calls mewe_seed")]
    [InlineData(RandomnessMode.Import, "import: ", "every choice asks the host")]
    [InlineData(RandomnessMode.None, "none: ", "nothing is chosen")]
    public void EveryRandomnessSaysItsLimits(RandomnessMode randomness, string start, string limit)
    {
        var text = Protection.Of(new MultivariantMap { Policy = DispatchPolicy.Call, Randomness = randomness })[1];
        Assert.StartsWith(start, text, StringComparison.Ordinal);
        Assert.Contains(limit, text, StringComparison.Ordinal);
    }
}
