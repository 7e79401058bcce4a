using Mewe.Conformance.Tests.Oracle;
using Mewe.Conformance.Tests.Suite;
using Mewe.Execution;

namespace Mewe.Conformance.Tests;

/// <summary>The other engine under the oracle: what Wasmtime makes of the suite before Mewe touches it.</summary>
[Collection(EngineFixture.OneAfterTheOther)]
public sealed class WasmtimeOriginalsTests(InProcess fixture, ITestOutputHelper output)
{
    // By "script:line". All else passes.
    private static readonly Dictionary<string, string> Expected = new()
    {
        ["proposals/threads/imports:310"] = "several tables, valid since WebAssembly 3.0",
        ["proposals/threads/imports:314"] = "several tables, valid since WebAssembly 3.0",
        ["proposals/threads/imports:318"] = "several tables, valid since WebAssembly 3.0",
        ["proposals/threads/imports:405"] = "several memories, valid since WebAssembly 3.0",
        ["proposals/threads/imports:409"] = "several memories, valid since WebAssembly 3.0",
        ["proposals/threads/imports:413"] = "several memories, valid since WebAssembly 3.0",
        ["proposals/threads/memory:14"] = "several memories, valid since WebAssembly 3.0",
        ["proposals/threads/memory:15"] = "several memories, valid since WebAssembly 3.0",
    };

    [Fact]
    public async Task The_suite_passes_in_Wasmtime_but_for_a_feature_that_it_lacks_and_what_an_older_specification_forbade()
    {
        var suite = SpecSuite.Require();
        Assert.Equal([WasmFeature.LegacyExceptions], Enum.GetValues<WasmFeature>().Except(fixture.Engine.Info.Features));

        var run = await fixture.OriginalsAsync(suite);

        output.WriteCounts(run);
        var failed = run.Verdicts.Where(item => !item.Verdict.Passed).ToList();
        var unsupported = failed.Where(item => item.File.Group == SpecGroup.Legacy).ToList();
        output.WriteLine($"{WasmFeature.LegacyExceptions} is not supported: {unsupported.Count} commands fail, {unsupported.Count(item => item.Command.Asserts)} of them assertions");
        foreach (var (file, command, verdict) in failed.Except(unsupported))
        {
            var place = $"{file.Name}:{command.Line}";
            output.WriteLine($"{place}: {verdict} - {Expected.GetValueOrDefault(place, "NOT EXPECTED")}");
        }

        // What needs the feature does not run at all: its modules are invalid, and so nothing of them exists.
        Assert.All(unsupported, item => Assert.Contains(item.Verdict.Outcome, new[] { OutcomeKind.Invalid, OutcomeKind.Unknown }));
        Assert.Equal(
            Expected.Keys.Order(StringComparer.Ordinal),
            failed.Except(unsupported).Select(item => $"{item.File.Name}:{item.Command.Line}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Every_assertion_of_the_archive_is_run()
    {
        var suite = SpecSuite.Require();

        var run = await fixture.OriginalsAsync(suite);

        Assert.Equal(SpecSuite.AssertionsInScope, run.Verdicts.Count(item => item.Command.Asserts && item.Verdict.Outcome != OutcomeKind.TextOnly));
    }
}
