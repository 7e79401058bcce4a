using Mewe.Conformance.Tests.Oracle;
using Mewe.Conformance.Tests.Suite;

namespace Mewe.Conformance.Tests;

/// <summary>The engine under the oracle: what V8 makes of the suite before Mewe touches it.</summary>
[Collection(EngineFixture.OneAfterTheOther)]
public sealed class OriginalsTests(V8 fixture, ITestOutputHelper output)
{
    // By "script:line". All else passes.
    private static readonly Dictionary<string, string> Expected = new()
    {
        ["memory64:8"] = "2^48 pages: V8's limit is 262,144",
        ["memory64:9"] = "2^48 pages: V8's limit is 262,144",
        ["table:9"] = "2^32 - 1 elements: V8's limit is 10,000,000",
        ["table64:9"] = "2^64 - 1 elements: V8's limit is 10,000,000",
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
    public async Task The_suite_passes_in_V8_but_for_what_is_larger_than_V8_allows_and_what_an_older_specification_forbade()
    {
        var suite = SpecSuite.Require();

        var run = await fixture.OriginalsAsync(suite);

        output.WriteCounts(run);
        var failed = run.Verdicts.Where(item => !item.Verdict.Passed).ToList();
        foreach (var (file, command, verdict) in failed)
        {
            var place = $"{file.Name}:{command.Line}";
            output.WriteLine($"{place}: {verdict} - {Expected.GetValueOrDefault(place, "NOT EXPECTED")}");
        }

        Assert.Equal(Expected.Keys.Order(StringComparer.Ordinal), failed.Select(item => $"{item.File.Name}:{item.Command.Line}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Every_assertion_of_the_archive_is_run()
    {
        var suite = SpecSuite.Require();

        var run = await fixture.OriginalsAsync(suite);

        Assert.Equal(268, suite.Files.Count);
        Assert.Equal(52_895, run.Verdicts.Count(item => item.Command is SpecCommand.Act { Asserts: true, Expected: Expectation.Returns }));
        Assert.Equal(SpecSuite.AssertionsInScope, run.Verdicts.Count(item => item.Command.Asserts && item.Verdict.Outcome != OutcomeKind.TextOnly));
    }
}
