using System.Collections.Concurrent;
using Mewe.Conformance.Tests.Multivariant;
using Mewe.Conformance.Tests.Oracle;
using Mewe.Conformance.Tests.Suite;
using Mewe.Diversify;
using Mewe.Linking;

namespace Mewe.Conformance.Tests;

/// <summary>What the tests of one source of variants have in common: they are made once, and linked in several ways.</summary>
public abstract class MultivariantTests(EngineFixture fixture, ITestOutputHelper output)
{
    /// <summary>Decides which candidates are proposed. Fixed, so that a run can be repeated; another one can be given to look for what this one does not find.</summary>
    private protected static readonly ulong Seed = ulong.TryParse(Environment.GetEnvironmentVariable("MEWE_CONFORMANCE_SEED"), out var seed) ? seed : 2;

    /// <summary>Links all modules in one way, runs the suite and compares.</summary>
    private protected async Task AssertSameVerdictsAsync(Func<SpecSuite, Task<MultivariantSuite>> prepare, LinkOptions options, ulong? seed = null)
    {
        var cancellation = TestContext.Current.CancellationToken;
        var suite = SpecSuite.Require();
        var originals = await fixture.OriginalsAsync(suite);
        var multivariant = await prepare(suite);
        var refusals = new ConcurrentDictionary<string, string>();

        var run = await SuiteRun.RunAsync(fixture.Engine, suite, multivariant.Linked(options, refusals), cancellation, seed: seed);

        foreach (var refusal in refusals.OrderBy(refusal => refusal.Key, StringComparer.Ordinal))
        {
            output.WriteLine($"not linked: {refusal.Key}: {refusal.Value}");
        }

        var differences = run.DifferencesTo(originals);
        output.WriteLine($"{options.Policy} {(options.Policy == DispatchPolicy.Forced ? options.ForcedChoice : "")}: {run.Verdicts.Count()} verdicts and "
            + $"{run.Scripts.Sum(script => script.FinalState.Length)} exported globals and memories compared, {differences.Length} differ");
        if (!differences.IsEmpty)
        {
            var culprits = await Culprits.FindAsync(fixture.Engine, suite, multivariant, run, originals, options, cancellation);
            Assert.Fail($"{differences.Length} differ:\n{string.Join('\n', differences.Take(40))}\n{culprits}");
        }

        Assert.Empty(refusals);
    }

    /// <summary>Transforms of which the suite says nothing, because no variant has them.</summary>
    private protected static IEnumerable<string> Unused(MultivariantSuite multivariant)
    {
        var used = multivariant.Modules.SelectMany(module => module.Functions).SelectMany(f => f.Variants).SelectMany(v => v.Transforms.Select(t => t.Split('*')[0])).ToHashSet();
        return Diversifier.Default.Transforms.Select(item => item.Transform.Name).Where(name => !used.Contains(name));
    }

    /// <summary>How many functions got how many variants, and why the others got fewer.</summary>
    private protected void WriteCounts(MultivariantSuite multivariant)
    {
        var functions = multivariant.Modules.SelectMany(module => module.Functions).ToList();
        output.WriteLine($"{multivariant.Modules.Count()} distinct modules, {functions.Count} functions: {functions.Count(f => f.Variants.Length == VariantSource.VariantsPerFunction)} with "
            + $"{VariantSource.VariantsPerFunction} variants, {functions.Count(f => f.Variants.Length is > 0 and < VariantSource.VariantsPerFunction)} with fewer, "
            + $"{functions.Count(f => f.Variants.IsEmpty)} left alone; {functions.Sum(f => f.Variants.Length)} variants");
        foreach (var reason in functions.Where(f => f.Variants.IsEmpty).GroupBy(f => f.Reason ?? "?").OrderByDescending(group => group.Count()))
        {
            output.WriteLine($"  left alone, {reason.Key}: {reason.Count()}");
        }

        foreach (var transform in functions.SelectMany(f => f.Variants).SelectMany(v => v.Transforms.Select(t => t.Split('*')[0]).Distinct()).GroupBy(name => name).OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            output.WriteLine($"  {transform.Key}: in {transform.Count()} variants");
        }
    }
}
