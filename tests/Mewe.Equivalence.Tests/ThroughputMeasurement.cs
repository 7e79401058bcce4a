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
            var engine = EngineTime();
            var candidates = 0;
            foreach (var (function, code) in functions)
            {
                var report = await tester.TestAsync(function, [.. Enumerable.Repeat(new VariantCode(code), 32)], null, TestContext.Current.CancellationToken);
                candidates += report.Verdicts.Length;
            }

            var own = Process.GetCurrentProcess().TotalProcessorTime - cpu;
            engine = EngineTime() - engine;
            output.WriteLine($"{functions.Count} functions, {candidates} candidates: {candidates / (own + engine).TotalSeconds:f0} candidates per second of CPU time; "
                + $"per function {own.TotalMilliseconds / functions.Count:f1} ms own, {engine.TotalMilliseconds / functions.Count:f1} ms engine, {clock.Elapsed.TotalMilliseconds / functions.Count:f1} ms wall");
        }
    }

    // CPU time of our child processes, from /proc/PID/stat (fields 4, 14 and 15; a clock tick is 10 ms).
    private static TimeSpan EngineTime()
    {
        var ticks = 0L;
        foreach (var folder in Directory.EnumerateDirectories("/proc").Where(folder => char.IsAsciiDigit(Path.GetFileName(folder)[0])))
        {
            try
            {
                var stat = File.ReadAllText(Path.Combine(folder, "stat"));
                var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
                ticks += fields[1] == Environment.ProcessId.ToString() ? long.Parse(fields[11]) + long.Parse(fields[12]) : 0;
            }
            catch (IOException)
            {
                // It ended meanwhile.
            }
        }

        return TimeSpan.FromMilliseconds(ticks * 10);
    }
}
