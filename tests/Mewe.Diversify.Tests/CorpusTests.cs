using System.Diagnostics;

namespace Mewe.Diversify.Tests;

public sealed class CorpusTests(ITestOutputHelper output)
{
    /// <summary>Functions looked at per module; all with MEWE_CORPUS=all.</summary>
    private static readonly int FunctionsPerModule = Environment.GetEnvironmentVariable("MEWE_CORPUS") == "all" ? int.MaxValue : 5;

    [Fact]
    public void Nineteen_of_twenty_functions_get_sixteen_valid_distinct_candidates()
    {
        const int wanted = 20;
        int eligible = 0, sixteen = 0, invalid = 0, proposed = 0, functions = 0;
        var few = new List<string>();
        var clock = Stopwatch.StartNew();
        foreach (var (name, module) in Corpus.Modules())
        {
            var facts = new ModuleFacts(module);
            var random = SeededRandom.For(1, facts.Sha256.AsSpan(), 0, "sample");
            var indices = Enumerable.Range(facts.ImportedFunctionCount, module.Bodies.Count).ToArray();
            random.Shuffle<int>(indices);
            foreach (var index in indices.Take(FunctionsPerModule))
            {
                var function = FunctionInput.Of(facts, (uint)index);
                var stream = Diversifier.Default.Propose(function, new DiversifyOptions { MaxCandidates = wanted });
                var hashes = stream.Select(candidate => candidate.Hash).ToHashSet();
                functions++;
                proposed += stream.Proposed;
                invalid += stream.Invalid.Count;
                Assert.Equal(stream.Proposed, hashes.Count);
                foreach (var bad in stream.Invalid.Take(1))
                {
                    output.WriteLine($"INVALID {name} {index}: {string.Join(' ', bad.Candidate.Steps)}: {bad.Error}");
                }

                if (function.Code.Instructions.Length >= 8)
                {
                    eligible++;
                    sixteen += hashes.Count >= 16 ? 1 : 0;
                    if (hashes.Count < 16)
                    {
                        few.Add($"{name} {index}: {hashes.Count} of {function.Code.Instructions.Length} instructions, {stream.Stop}: {string.Join("; ", function.Code.Instructions.Take(20))}");
                    }
                }
            }
        }

        output.WriteLine($"{functions} functions, {proposed} candidates in {clock.Elapsed.TotalSeconds:0.0} s ({proposed / clock.Elapsed.TotalSeconds:0}/s); "
            + $"{sixteen} of {eligible} functions with eight or more instructions get sixteen; {invalid} invalid");
        foreach (var line in few.Take(40))
        {
            output.WriteLine(line);
        }

        Assert.Equal(0, invalid);
        Assert.True(sixteen >= 0.95 * eligible, $"{sixteen} of {eligible}");
    }
}
