using System.Globalization;
using Mewe.Diversify;
using Mewe.Equivalence.Proof;
using Mewe.Equivalence.Proof.Solving;
using Mewe.Grains;
using Mewe.Wasm.Binary;

namespace Mewe.Throughput;

/// <summary>
/// Measures the prover alone on one thread, on functions of median size: all candidates without the solver, then those that failed with it; and what a job does, which stops when it has
/// enough and asks the solver only where it has to.
/// </summary>
internal static class ProofMeasurement
{
    /// <summary>Variants wanted of a function, as a job with default options wants them.</summary>
    private const int Wanted = 16;

    /// <summary>A line of the table.</summary>
    public static async Task<string> RunAsync(string path, int candidates, int functions)
    {
        var module = ModuleReader.Read(File.ReadAllBytes(path));
        var facts = new ModuleFacts(module);
        var chosen = TesterMeasurement.MedianFunctions(module, functions);
        var work = chosen.Select(function => (Input: FunctionInput.Of(facts, function.Function), Candidates: TesterMeasurement.Propose(facts, function.Function, candidates))).ToList();
        Z3Solver.TryCreate(out var solver);
        var lemmas = new MemoryLemmaCache();
        var (attempts, quick, proved) = (0, 0, 0);
        var start = Environment.CpuUsage.TotalTime;
        var failed = new List<(TranslationValidator Validator, VariantCode Variant)>();
        foreach (var (input, variants) in work)
        {
            var validator = new TranslationValidator(input, solver, lemmas);
            foreach (var variant in variants)
            {
                attempts++;
                if (validator.Prove(variant, askSolver: false) is ProvedEqual)
                {
                    quick++;
                }
                else
                {
                    failed.Add((validator, variant));
                }
            }
        }

        var without = (Environment.CpuUsage.TotalTime - start).TotalSeconds;
        proved = quick + failed.Count(item => item.Validator.Prove(item.Variant) is ProvedEqual);
        var whole = (Environment.CpuUsage.TotalTime - start).TotalSeconds;

        start = Environment.CpuUsage.TotalTime;
        var inJob = 0;
        using (var prover = new Prover(1, solver, new MemoryLemmaCache()))
        {
            // The numbers are those of a job's pool of candidates: twice as many as wanted, proofs of all but half of what is wanted, the solver for what is missing of it.
            foreach (var (input, variants) in work)
            {
                var results = await prover.Of(input).ProveAsync([.. variants.Take(2 * Wanted)], (2 * Wanted) - (Wanted / 2), Wanted, CancellationToken.None);
                inJob += results.Count(result => result is ProvedEqual);
            }
        }

        var job = (Environment.CpuUsage.TotalTime - start).TotalSeconds;
        return string.Create(CultureInfo.InvariantCulture,
            $"{Path.GetFileName(path),-26} {work.Count,9} {chosen[chosen.Count / 2].Size,7} {attempts,9} {proved,7} {quick,22} {attempts / without,16:F0} {proved / whole,14:F0} {quick / without,29:F0} {inJob,7} {inJob / job,23:F0}");
    }
}
