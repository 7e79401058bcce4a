using Mewe.Wasm.Binary;
using Mewe.Wasm.Tests.Shared;
using Mewe.Wasm.Validation;

namespace Mewe.Wasm.Tests.Fuzzing;

/// <summary>Mewe and Wasmtime agree on which of many slightly damaged modules are valid.</summary>
public sealed class SecondOpinionTests(ITestOutputHelper output)
{
    [Fact]
    public void Wasmtime_agrees_on_damaged_modules_of_the_suite()
    {
        var modules = SpecSuite.InScope("a comparison of validators").Where(module => module.Type == "module" && !module.Script.StartsWith("legacy/", StringComparison.Ordinal));
        Compare([.. modules.Select(module => (module.ToString(), module.Bytes)).Where(module => module.Bytes.Length is > 8 and < 2_000)], rounds: 5);
    }

    [Fact]
    public void Wasmtime_agrees_on_damaged_modules_of_the_corpus() =>
        Compare([.. Corpus.Modules("a comparison of validators").Where(module => module.Bytes.Length < 30_000)], rounds: 15);

    private void Compare(IReadOnlyList<(string Name, byte[] Bytes)> modules, int rounds)
    {
        var wasmtime = Wasmtime.Load("a comparison of validators");
        var random = new Random(193_550 + Mutation.Factor);
        var (valid, total) = (0, 0);
        var differences = new List<string>();
        foreach (var (name, bytes) in modules)
        {
            if (wasmtime.Validate(bytes) is not null)
            {
                continue;
            }

            for (var round = 0; round < rounds * Mutation.Factor; round++)
            {
                var mutant = round % 3 == 0 ? Mutation.Apply(bytes, random) : Mutation.ReplaceOne(bytes, random);
                var theirs = wasmtime.Validate(mutant);
                var module = ModuleReader.TryRead(mutant, out var ours);
                ours ??= ModuleValidator.Validate(module!, TestContext.Current.CancellationToken);
                total++;
                valid += ours is null ? 1 : 0;

                // Wasmtime knows the legacy exceptions, and refuses them.
                if (ours is null != theirs is null && theirs?.Contains("legacy_exceptions", StringComparison.Ordinal) != true)
                {
                    differences.Add($"{name} round {round}: Mewe says {ours?.ToString() ?? "valid"}, Wasmtime says {theirs?.ReplaceLineEndings(" ") ?? "valid"}");
                }
            }
        }

        output.WriteLine($"damaged modules judged alike: {total - differences.Count} of {total}, of which {valid} valid");
        Assert.True(differences.Count == 0, $"{differences.Count}:\n{string.Join('\n', differences.Take(60))}");
    }
}
