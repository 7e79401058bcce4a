using Mewe.Diversify;
using Mewe.Equivalence.Proof;
using Mewe.Wasm;

namespace Mewe.Equivalence.Tests;

/// <summary>What the diversifier makes of real functions with the blind word: nothing is refuted, and most is proved without a question to the solver.</summary>
public sealed class BlindedCandidateTests(EngineFixture fixture, ITestOutputHelper output)
{
    private const int FunctionsPerModule = 16, Candidates = 8, Longest = 200;

    [Theory]
    [InlineData("paper/encrypt.command.wasm")]
    [InlineData("more/zlib.reactor.wasm")]
    [InlineData("paper/qr_str.reactor.wasm")]
    public async Task Blinded_candidates_of_real_functions_are_not_refuted_and_mostly_proved(string name)
    {
        var module = Corpus.Load(name);
        var facts = new ModuleFacts(module);
        var tester = new DifferentialTester(fixture.Engine, module, new TestOptions());
        var (proved, total, blinded, unsupported) = (0, 0, 0, 0);
        var (provedPlain, plain) = (0, 0);
        var refuted = new List<string>();
        foreach (var input in Functions(facts))
        {
            var all = Diversifier.Default.Propose(input, new DiversifyOptions { MaxCandidates = 4 * Candidates }).ToArray();
            CandidateVariant[] candidates = [.. all.Where(candidate => candidate.Code.IsBlinded).Take(Candidates)];
            blinded += all.Count(candidate => candidate.Code.IsBlinded);
            total += all.Length;
            var report = await tester.TestAsync(input.Index, [.. candidates.Select(candidate => candidate.Code)], null, TestContext.Current.CancellationToken);
            var validator = new TranslationValidator(input, null, null);
            foreach (var (candidate, verdict) in candidates.Zip(report.Verdicts))
            {
                Assert.StartsWith("blinded", candidate.Steps[0].Name, StringComparison.Ordinal);
                if (verdict is Refuted or Inconclusive { Kind: InconclusiveKind.InvalidCandidate })
                {
                    refuted.Add($"function {input.Index}: {verdict} {string.Join(' ', candidate.Steps)}");
                }
            }

            foreach (var candidate in all)
            {
                var result = validator.Prove(candidate.Code, askSolver: false);
                var isProved = result is ProvedEqual ? 1 : 0;
                unsupported += candidate.Code.IsBlinded && result is NotProved { Category: "unsupported" } ? 1 : 0;
                (proved, provedPlain, plain) = candidate.Code.IsBlinded ? (proved + isProved, provedPlain, plain) : (proved, provedPlain + isProved, plain + 1);
            }
        }

        output.WriteLine($"{name}: {blinded} of {total} candidates are blinded; proved {proved} of {blinded} blinded ({unsupported} unsupported), {provedPlain} of {plain} others");
        Assert.Empty(refuted);
        Assert.InRange(blinded, total / 8, total / 2);
        Assert.True(proved * 2 > blinded, $"{proved} of {blinded} are proved");
    }

    private static IEnumerable<FunctionInput> Functions(ModuleFacts facts)
    {
        var fitting = Enumerable.Range(facts.ImportedFunctionCount, facts.Module.Bodies.Count).Select(index => FunctionInput.Of(facts, (uint)index))
            .Where(input => input.Code.Instructions.Length is >= 8 and <= Longest).ToArray();
        return fitting.Where((_, i) => i % Math.Max(1, fitting.Length / FunctionsPerModule) == 0).Take(FunctionsPerModule);
    }
}
