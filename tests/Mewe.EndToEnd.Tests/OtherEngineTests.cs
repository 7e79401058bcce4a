using Mewe.EndToEnd.Tests.Running;
using Mewe.Grains;
using Mewe.Tests;

namespace Mewe.EndToEnd.Tests;

/// <summary>What becomes of a job whose second engine is contrary.</summary>
public sealed class OtherEngineTests(EngineFixture fixture)
{
    private async Task<JobResult> RunAsync(ContraryEngine other)
    {
        var module = await File.ReadAllBytesAsync(Sample.ModulePath("bin2base64.reactor"), TestContext.Current.CancellationToken);
        var request = new JobRequest(module, new JobOptions { Variants = 2, Functions = "^sodium_bin2hex$|^malloc$|^service$" }, null);
        return await new LocalJob(new JobEngines(fixture.Engine, [other]), request).RunAsync(2, null, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task WhatTheOtherEngineRefutesIsNotLinkedAndTheReportNamesIt()
    {
        var result = await RunAsync(new ContraryEngine(fixture.Engine) { Differs = true });

        Assert.Null(result.Failure);
        Assert.Equal(0, result.Report!.Totals.Variants);
        Assert.All(result.Report.Functions.Where(function => function.Tested > 0), function => Assert.Equal(function.Tested, function.Refuted.Length));
        Assert.All(result.Report.Functions.SelectMany(function => function.Refuted), refuted => Assert.Equal(ContraryEngine.Name, refuted.Engine));
    }

    [Fact]
    public async Task ADisagreementAboutTheOriginalIsReportedAndCostsNoVariant()
    {
        var result = await RunAsync(new ContraryEngine(fixture.Engine));

        Assert.True(result.Report!.Totals.Variants > 0);
        Assert.Equal(0, result.Report.Totals.Refuted);
        Assert.Single(result.Report.Notes, note => note.Contains("do not agree about", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AnEngineThatDoesNotAcceptTheModuleIsLeftOut()
    {
        var result = await RunAsync(new ContraryEngine(fixture.Engine) { Refuses = true, Differs = true });

        Assert.True(result.Report!.Totals.Variants > 0);
        Assert.DoesNotContain(ContraryEngine.Name, result.Report.Engine);
        Assert.Single(result.Report.Notes, note => note.Contains("does not accept this module: it is contrary", StringComparison.Ordinal));
    }

    /// <summary>Whether an engine hangs may depend on the machine: a job must not be tested on fewer engines for it.</summary>
    [Fact]
    public async Task AnEngineThatCannotSayWhetherItAcceptsTheModuleEndsTheJob()
    {
        var result = await RunAsync(new ContraryEngine(fixture.Engine) { CannotSay = true });

        Assert.Equal(JobFailureKind.EngineFailed, result.Failure!.Kind);
        Assert.Contains("contrary", result.Failure.Message);
        Assert.Null(result.Module);
    }

    [Fact]
    public async Task AnEngineThatFailsEndsTheJob()
    {
        var result = await RunAsync(new ContraryEngine(fixture.Engine) { Fails = true });

        Assert.Equal(JobFailureKind.EngineFailed, result.Failure!.Kind);
        Assert.Contains("contrary: Crashed", result.Failure.Message);
        Assert.Null(result.Module);
    }
}
