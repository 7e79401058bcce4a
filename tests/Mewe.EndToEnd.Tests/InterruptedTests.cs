using System.Diagnostics;
using System.Text.RegularExpressions;
using Mewe.EndToEnd.Tests.Running;

namespace Mewe.EndToEnd.Tests;

/// <summary>A job that was interrupted is gone on with, and gives the same module.</summary>
public sealed partial class InterruptedTests
{
    [GeneratedRegex(@"^(\d+) of (\d+) functions")]
    private static partial Regex Progress();

    private static string[] Arguments(TempFolder folder, string output, string store) =>
        ["diversify", Sample.ModulePath("encrypt"), "-o", folder[output], "--variants", "2", "--functions", "sodium|store|str|mem|load", "--threads", "1", "--store", store];

    [Fact]
    public async Task AKilledJobGoesOnWhereItWasAndGivesTheSameModule()
    {
        using var folder = new TempFolder();
        var store = folder["store.db"];
        (await MeweCommand.RunAsync(Arguments(folder, "whole.wasm", "none"))).Exits(0);
        using (var process = MeweCommand.Start(new ProcessStartInfo(MeweCommand.Path, Arguments(folder, "out.wasm", store))))
        {
            while (await process.StandardError.ReadLineAsync(TestContext.Current.CancellationToken) is { } line && !(Progress().Match(line) is { Success: true } match && int.Parse(match.Groups[1].Value) >= 3))
            {
                // Until three functions are done.
            }

            process.Kill();
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        var resumed = (await MeweCommand.RunAsync(Arguments(folder, "out.wasm", store))).Exits(0);

        var first = resumed.StderrLines.Select(line => Progress().Match(line)).First(match => match.Success);
        Assert.InRange(int.Parse(first.Groups[1].Value), 3, 13);
        Assert.Equal(await File.ReadAllBytesAsync(folder["whole.wasm"], TestContext.Current.CancellationToken), await File.ReadAllBytesAsync(folder["out.wasm"], TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task AFinishedJobIsNotMistakenForAnInterruptedOne()
    {
        using var folder = new TempFolder();
        var store = folder["store.db"];
        (await MeweCommand.RunAsync(Arguments(folder, "a.wasm", store))).Exits(0);

        var second = (await MeweCommand.RunAsync(Arguments(folder, "b.wasm", store))).Exits(0);

        Assert.Equal("0", second.StderrLines.Select(line => Progress().Match(line)).First(match => match.Success).Groups[1].Value);
    }

    [Fact]
    public async Task OtherOptionsAreAnotherJob()
    {
        using var folder = new TempFolder();
        var store = folder["store.db"];
        using (var process = MeweCommand.Start(new ProcessStartInfo(MeweCommand.Path, Arguments(folder, "out.wasm", store))))
        {
            while (await process.StandardError.ReadLineAsync(TestContext.Current.CancellationToken) is { } line && !(Progress().Match(line) is { Success: true } match && int.Parse(match.Groups[1].Value) >= 3))
            {
                // Until three functions are done.
            }

            process.Kill();
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        var other = (await MeweCommand.RunAsync([.. Arguments(folder, "out.wasm", store), "--seed", "1"])).Exits(0);

        Assert.Equal("0", other.StderrLines.Select(line => Progress().Match(line)).First(match => match.Success).Groups[1].Value);
    }
}
