using System.Collections.Immutable;
using Mewe.Diversify;
using Mewe.Execution;
using Mewe.Execution.Wasmtime;
using Mewe.Tests;
using Mewe.Wasm;
using static Mewe.Equivalence.Tests.TestModule;

namespace Mewe.Equivalence.Tests;

/// <summary>What another engine says of candidates, on the inputs that were chosen with the first.</summary>
public sealed class ConfirmationTests(EngineFixture fixture)
{
    private static readonly Instruction[] Original = [Get(0), Get(1), Op(Opcode.I32Add)];
    private static readonly VariantCode Equal = new(Code(Get(1), Get(0), Op(Opcode.I32Add))), Different = new(Code(Get(0), Get(1), Op(Opcode.I32Or)));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task WhatIsEqualIsConfirmedAndWhatIsNotIsRefuted()
    {
        if (!WasmtimeEngine.Start(new WasmtimeEngineOptions { Workers = 1 }).TryGet(out var other, out var failure))
        {
            Assert.SkipUnless(Environment.GetEnvironmentVariable("CI") == "true", failure.Message);
            Assert.Fail(failure.Message);
        }

        await using var wasmtime = other!;
        var confirmation = await ConfirmAsync(wasmtime, Equal, Different, Equal);

        Assert.Equal(256, Assert.IsType<Tested>(confirmation.Verdicts[0]).Conclusive);
        Assert.IsType<Refuted>(confirmation.Verdicts[1]);
        Assert.IsType<Tested>(confirmation.Verdicts[2]);
        Assert.Equal(0, confirmation.Disagreements);
    }

    /// <summary>Two engines that disagree about an original cannot be had for a test, so one is made to.</summary>
    [Fact]
    public async Task ADisagreementAboutTheOriginalIsCountedAndNotHeldAgainstACandidate()
    {
        var confirmation = await ConfirmAsync(new ContraryEngine(fixture.Engine), Equal, Different);

        Assert.Equal(256, confirmation.Disagreements);
        Assert.IsType<Tested>(confirmation.Verdicts[0]);
        Assert.IsType<Refuted>(confirmation.Verdicts[1]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AnEngineThatFailsConfirmsNothing(bool always)
    {
        var confirmation = await ConfirmAsync(new ContraryEngine(fixture.Engine) { Fails = always, Forgets = true }, Equal);

        Assert.Equal(InconclusiveKind.EngineFailed, Assert.IsType<Inconclusive>(confirmation.Verdicts[0]).Kind);
    }

    private async Task<EngineConfirmation> ConfirmAsync(IWasmEngine other, params ImmutableArray<VariantCode> candidates)
    {
        var tester = new DifferentialTester(fixture.Engine, Of(Binary, Original), new TestOptions()).Of(Function, null);
        await tester.TestAsync([Equal], Cancellation);
        return await tester.ConfirmAsync(other, candidates, Cancellation);
    }
}
