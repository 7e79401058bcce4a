using System.Diagnostics;
using Mewe.Diversify;
using Mewe.Equivalence;
using Mewe.Execution;
using Mewe.Execution.Node;
using Mewe.Execution.Wasmtime;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Throughput;

/// <summary>Measures the tester alone, on functions of median size: candidates are proposed beforehand, and nothing is selected or linked.</summary>
internal static class TesterMeasurement
{
    /// <param name="copies">How often the module's functions are repeated: what a variant costs must not depend on how many others there are.</param>
    /// <param name="name">The engine: v8 or wasmtime.</param>
    public static async Task<TesterResult> RunAsync(string name, string path, int candidates, int functions, int copies)
    {
        var module = Repeat(ModuleReader.TryRead(await File.ReadAllBytesAsync(path), out var error) ?? throw new InvalidDataException(error!.ToString()), copies);
        var bytes = ModuleWriter.Write(module);
        var facts = new ModuleFacts(module);
        var chosen = MedianFunctions(module, functions);
        var work = chosen.Select(function => (function.Function, Candidates: Propose(facts, function.Function, candidates))).Where(item => item.Candidates.Length > 0).ToList();
        await using var engine = await StartAsync(name);

        // With other inputs every time, for as long until nothing is compiled any more: neither what is measured nor the engine's process.
        var warmUp = Stopwatch.StartNew();
        for (var round = 1UL; round <= 2 || warmUp.Elapsed < WarmUp; round++)
        {
            await RoundAsync(round, _ => { });
        }

        var (own, ofEngine, clock) = (Environment.CpuUsage.TotalTime, engine.ProcessorTime, Stopwatch.StartNew());
        long tested = 0, conclusive = 0, refuted = 0, executions = 0, covered = 0, outcomes = 0;
        for (var round = 0UL; round == 0 || clock.Elapsed < Measured; round++)
        {
            await RoundAsync(round << 32, report =>
            {
                tested += report.Verdicts.Length;
                conclusive += report.Verdicts.Count(verdict => verdict is Tested);
                refuted += report.Verdicts.Count(verdict => verdict is Refuted);
                executions += report.Executions;
                covered += report.BranchesCovered;
                outcomes += report.BranchesTotal;
            });
        }

        own = Environment.CpuUsage.TotalTime - own;
        ofEngine = engine.ProcessorTime - ofEngine;
        var cpu = (own + ofEngine).TotalSeconds;
        return new TesterResult(
            Path.GetFileName(path), copies, bytes.Length, module.Bodies.Count, work.Count, chosen[chosen.Count / 2].Size, tested, conclusive, refuted, executions,
            outcomes == 0 ? 1 : (double)covered / outcomes, own.TotalSeconds, ofEngine.TotalSeconds, clock.Elapsed.TotalSeconds, tested / cpu);

        async Task RoundAsync(ulong seed, Action<FunctionTestReport> add)
        {
            var tester = new DifferentialTester(engine, module, new TestOptions { Seed = seed });
            foreach (var (function, variants) in work)
            {
                add(await tester.TestAsync(function, variants, null, CancellationToken.None));
            }
        }
    }

    /// <summary>How long what is not measured yet runs at least, and what is.</summary>
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(6), Measured = TimeSpan.FromSeconds(6);

    /// <summary>The functions nearest to the median size, at most a third of those with eight or more instructions, with their sizes.</summary>
    public static List<(uint Function, int Size)> MedianFunctions(WasmModule module, int functions)
    {
        var sizes = Enumerable.Range(0, module.Bodies.Count).Select(i => (Function: (uint)(module.ImportedFunctionCount + i), Size: module.Bodies[i].Decode().Instructions.Length))
            .Where(function => function.Size >= 8).OrderBy(function => function.Size).ToList();
        var taken = Math.Min(functions, (sizes.Count + 2) / 3);
        return [.. sizes.Skip((sizes.Count - taken) / 2).Take(taken)];
    }

    private static async Task<IWasmEngine> StartAsync(string name) => name == "wasmtime"
        ? WasmtimeEngine.Start(new WasmtimeEngineOptions { Workers = 1 }).Value
        : (await NodeEngine.StartAsync(new NodeEngineOptions { Workers = 1 }, CancellationToken.None)).Value;

    public static VariantCode[] Propose(ModuleFacts facts, uint function, int candidates) =>
        [.. Diversifier.Default.Propose(FunctionInput.Of(facts, function), new DiversifyOptions { MaxCandidates = candidates }).Select(candidate => candidate.Code)];

    private static WasmModule Repeat(WasmModule module, int copies)
    {
        var count = module.Bodies.Count;
        for (var copy = 1; copy < copies; copy++)
        {
            for (var i = 0; i < count; i++)
            {
                module.AddFunction(module.FunctionTypes[i], module.Bodies[i]);
            }
        }

        return module;
    }
}

/// <summary>What was measured of the tester on one module. Times in seconds.</summary>
/// <param name="MedianInstructions">Instructions of the function in the middle of those that were taken.</param>
/// <param name="OwnCpuSeconds">Processor time of building harnesses and choosing inputs.</param>
/// <param name="EngineCpuSeconds">Processor time of the engine's process.</param>
internal sealed record TesterResult(
    string Module, int Copies, int Bytes, int Functions, int FunctionsTaken, int MedianInstructions, long Candidates, long Tested, long Refuted, long Executions,
    double BranchCoverage, double OwnCpuSeconds, double EngineCpuSeconds, double WallSeconds, double TestedPerCpuSecond);
