using System.Diagnostics;
using Mewe.Diversify;
using Mewe.Wasm;

namespace Mewe.Equivalence.Tests;

/// <summary>Measures, and checks nothing: run it by name.</summary>
public sealed class ThroughputMeasurement(EngineFixture fixture, ITestOutputHelper output)
{
    [Theory(Explicit = true)]
    [InlineData("paper/encrypt.command.wasm")]
    [InlineData("paper/qr_str.command.wasm")]
    [InlineData("paper/libsodium_all.reactor.wasm")]
    public async Task CandidatesPerSecondOnFunctionsOfMedianSize(string name)
    {
        var module = Corpus.Load(name);
        var tester = new DifferentialTester(fixture.Engine, module, new TestOptions());
        var functions = Enumerable.Range(0, module.Bodies.Count).Select(i => (Function: (uint)(module.ImportedFunctionCount + i), Code: module.Bodies[i].Decode()))
            .Where(function => function.Code.Instructions.Length is > 40 and < 90).Take(40).ToList();
        for (var round = 0; round < 3; round++)
        {
            var clock = Stopwatch.StartNew();
            var cpu = Process.GetCurrentProcess().TotalProcessorTime;
            var candidates = 0;
            foreach (var (function, code) in functions)
            {
                var report = await tester.TestAsync(function, [.. Enumerable.Repeat(new VariantCode(code), 32)], null, TestContext.Current.CancellationToken);
                candidates += report.Verdicts.Length;
            }

            output.WriteLine($"{functions.Count} functions, {candidates} candidates: {candidates / clock.Elapsed.TotalSeconds:f0}/s wall, "
                + $"own CPU {(Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalMilliseconds / functions.Count:f1} ms, wall {clock.Elapsed.TotalMilliseconds / functions.Count:f1} ms per function");
        }
    }
}
