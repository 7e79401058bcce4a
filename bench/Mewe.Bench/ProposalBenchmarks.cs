using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using Mewe.Diversify;
using Mewe.Wasm.Binary;

namespace Mewe.Bench;

/// <summary>Proposing candidates, on one thread, for all functions of a module.</summary>
[Config(typeof(CandidatesPerSecond))]
[MemoryDiagnoser]
public class ProposalBenchmarks
{
    private const int CandidatesPerFunction = 8;

    private FunctionInput[] functions = [];

    [Params("encrypt", "qr_str")]
    public string Sample { get; set; } = "";

    [GlobalSetup]
    public void Setup() => functions = Functions(Sample);

    [Benchmark]
    public int Propose() => Count(functions);

    private static FunctionInput[] Functions(string sample)
    {
        var facts = new ModuleFacts(ModuleReader.TryRead(Samples.Bytes(sample), out _)!);
        return [.. Enumerable.Range(0, facts.Module.Bodies.Count).Select(i => FunctionInput.Of(facts, (uint)(facts.ImportedFunctionCount + i)))];
    }

    private static int Count(FunctionInput[] functions) =>
        functions.Sum(function => Diversifier.Default.Propose(function, new DiversifyOptions { MaxCandidates = CandidatesPerFunction }).Count());

    private sealed class CandidatesPerSecond : ManualConfig
    {
        public CandidatesPerSecond() => AddColumn(new RateColumn("Candidates/s", benchmark => Count(Functions(Samples.NameIn(benchmark)))));
    }
}
