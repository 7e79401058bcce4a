using System.Diagnostics;
using System.Text.Json;
using Mewe.EndToEnd.Tests.Running;

namespace Mewe.EndToEnd.Tests;

/// <summary>Where the program speaks, and how it is stopped.</summary>
public sealed class OutputTests
{
    [Fact]
    public async Task QuietSaysNothing()
    {
        using var folder = new TempFolder();
        var result = (await MeweCommand.RunAsync("diversify", Sample.ModulePath("encrypt"), "-o", folder["out.wasm"], "--variants", "1", "--quiet")).Exits(0);
        Assert.Equal(("", ""), (result.Stdout, result.Stderr));
        var verified = (await MeweCommand.RunAsync("verify", Sample.ModulePath("encrypt"), folder["out.wasm"], "--quiet")).Exits(0);
        Assert.Equal(("", ""), (verified.Stdout, verified.Stderr));
    }

    [Fact]
    public async Task JsonIsAllThatIsOnStandardOutput()
    {
        using var folder = new TempFolder();
        var result = (await MeweCommand.RunAsync("diversify", Sample.ModulePath("encrypt"), "-o", folder["out.wasm"], "--variants", "1", "--json", "--report", folder["report.json"])).Exits(0);
        Assert.Equal(JsonValueKind.Object, JsonDocument.Parse(result.StdoutBytes).RootElement.ValueKind);
        Assert.Equal((await File.ReadAllTextAsync(folder["report.json"], TestContext.Current.CancellationToken)).Trim(), result.Stdout.Trim());
        var verified = (await MeweCommand.RunAsync("verify", Sample.ModulePath("encrypt"), folder["out.wasm"], "--json")).Exits(0);
        Assert.True(JsonDocument.Parse(verified.StdoutBytes).RootElement.GetProperty("verified").GetBoolean());
    }

    [Fact]
    public async Task AClosedStandardInputIsNoProblem()
    {
        using var folder = new TempFolder();
        var start = new ProcessStartInfo("/bin/sh", ["-c", "exec \"$@\" <&-", "sh", MeweCommand.Path, "diversify", Sample.ModulePath("encrypt"), "-o", folder["out.wasm"], "--variants", "1", "-q"]);
        (await MeweCommand.RunAsync(start)).Exits(0);
        Assert.Equal(["out.wasm"], folder.Names);
    }

    [Fact]
    public async Task CtrlCEndsQuicklyAndLeavesNothing()
    {
        using var abort = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        abort.CancelAfter(TimeSpan.FromMinutes(5));
        using var folder = new TempFolder();
        using var process = MeweCommand.Start(new ProcessStartInfo(MeweCommand.Path, ["diversify", Sample.ModulePath("qr_str"), "-o", folder["out.wasm"], "--report", folder["report.json"], "--variants", "64"]));
        try
        {
            // In the middle of the work: some candidates have been tested.
            while (await process.StandardError.ReadLineAsync(abort.Token) is { } line && !line.Contains("candidates tested", StringComparison.Ordinal))
            {
            }

            var children = ProcessTree.DescendantsOf(process.Id);
            Assert.Contains(children, child => child.Name is "node" or "MainThread" || child.Name.StartsWith("node", StringComparison.Ordinal));
            var interrupted = Stopwatch.GetTimestamp();
            ProcessTree.Interrupt(process);
            var rest = await process.StandardError.ReadToEndAsync(abort.Token);
            await process.WaitForExitAsync(abort.Token);
            Assert.Equal(130, process.ExitCode);

            // A generous bound for a busy machine: the whole job takes many times as long.
            Assert.InRange(Stopwatch.GetElapsedTime(interrupted), TimeSpan.Zero, TimeSpan.FromSeconds(15));
            Assert.Equal("mewe: cancelled; nothing was written", rest.TrimEnd().Split('\n')[^1]);
            Assert.Empty(folder.Names);
            foreach (var child in children)
            {
                await ProcessTree.GoneAsync(child, abort.Token);
            }
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }
}
