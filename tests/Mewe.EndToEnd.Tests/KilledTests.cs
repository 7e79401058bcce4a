using System.Diagnostics;
using Mewe.EndToEnd.Tests.Running;

namespace Mewe.EndToEnd.Tests;

/// <summary>What is left when the program cannot tidy up.</summary>
public sealed class KilledTests
{
    /// <summary>(module (func (export "_start") (loop (br 0))))</summary>
    private static readonly byte[] EndlessModule =
    [
        0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 7, 10, 1, 6, 0x5f, 0x73, 0x74, 0x61, 0x72, 0x74, 0, 0,
        10, 9, 1, 7, 0, 3, 0x40, 0x0c, 0, 0x0b, 0x0b,
    ];

    [Fact]
    public async Task TheEngineDoesNotOutliveAKilledProgramEvenInAnEndlessLoop()
    {
        using var abort = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        abort.CancelAfter(TimeSpan.FromMinutes(2));
        using var folder = new TempFolder();
        using var process = MeweCommand.Start(new ProcessStartInfo(MeweCommand.Path, ["run", folder.Write("endless.wasm", EndlessModule)]));
        IReadOnlyList<ProcessTree.Member> children = [];
        try
        {
            // Starting takes it a tenth of that: it is in the loop.
            while (!children.Any(child => ProcessTree.ProcessorTime(child) > TimeSpan.FromSeconds(1)))
            {
                await Task.Yield();
                abort.Token.ThrowIfCancellationRequested();
                children = ProcessTree.DescendantsOf(process.Id);
            }
        }
        finally
        {
            process.Kill(); // as kill -9 does: this process alone
        }

        Assert.NotEmpty(children);
        foreach (var child in children)
        {
            await ProcessTree.GoneAsync(child, abort.Token);
        }
    }
}
