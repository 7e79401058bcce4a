using Mewe.Wasm.Binary;
using Mewe.Wasm.Tests.Shared;
using Mewe.Wasm.Text;

namespace Mewe.Wasm.Tests.Text;

/// <summary>What is printed, a second implementation parses to a module that means the same.</summary>
public sealed class WatRoundTripTests(ITestOutputHelper output)
{
    [Fact]
    public void Every_corpus_module_printed_and_parsed_again_means_the_same() =>
        PrintAndParse(Corpus.Modules("print, parse and compare of the corpus"), refusedAtMost: 0);

    [Fact]
    public void Every_valid_module_of_the_suite_printed_and_parsed_again_means_the_same() =>
        PrintAndParse([.. SpecSuite.InScope("print, parse and compare of the official suite").Where(module => module.Type == "module").Select(module => (module.ToString(), module.Bytes))], refusedAtMost: 0);

    private void PrintAndParse(IReadOnlyList<(string Name, byte[] Bytes)> modules, int refusedAtMost)
    {
        var wasmtime = Wasmtime.Load("print, parse and compare");
        var refused = new List<string>();
        var failures = new List<string>();
        foreach (var (name, bytes) in modules)
        {
            var module = ModuleReader.Read(bytes);
            var text = WatPrinter.Print(module);
            var (parsed, error) = wasmtime.Parse(text);
            if (parsed is null)
            {
                refused.Add($"{name}: {error}");
                continue;
            }

            try
            {
                ModuleAssert.SameCode(name, module, ModuleReader.Read(parsed));
            }
            catch (Xunit.Sdk.XunitException exception)
            {
                failures.Add(exception.Message);
            }
        }

        output.WriteLine($"printed, parsed and equal: {modules.Count - refused.Count - failures.Count} of {modules.Count}; not parsed: {refused.Count}");
        Assert.True(failures.Count == 0, string.Join('\n', failures.Take(30)));
        Assert.True(refused.Count <= refusedAtMost, string.Join('\n', refused.Take(30)));
    }
}
