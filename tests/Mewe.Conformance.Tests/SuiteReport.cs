using Mewe.Conformance.Tests.Oracle;
using Mewe.Conformance.Tests.Suite;

namespace Mewe.Conformance.Tests;

/// <summary>Numbers of a run for the test output.</summary>
internal static class SuiteReport
{
    private const int ShownDifferences = 40;

    /// <summary>One line for each group: assertions by how they went.</summary>
    public static void WriteCounts(this ITestOutputHelper output, SuiteRun run)
    {
        foreach (var group in Enum.GetValues<SpecGroup>())
        {
            var all = run.Verdicts.Where(item => item.File.Group == group).ToList();
            var asserted = all.Where(item => item.Command.Asserts && item.Verdict.Outcome != OutcomeKind.TextOnly).ToList();
            output.WriteLine($"{group}: {run.Scripts.Count(script => script.File.Group == group)} scripts, {all.Count} commands, {asserted.Count} assertions on binaries: "
                + $"{asserted.Count(item => item.Verdict.Passed)} pass, {asserted.Count(item => !item.Verdict.Passed)} fail "
                + $"(assert_return {asserted.Count(item => item.Verdict.Passed && item.Command is SpecCommand.Act { Expected: Expectation.Returns })}); "
                + $"{all.Count(item => item.Verdict.Outcome == OutcomeKind.TextOnly)} about text only");
        }
    }

    /// <summary>Fails when anything differs, and shows the first differences.</summary>
    public static void AssertSame(this ITestOutputHelper output, SuiteRun run, SuiteRun originals)
    {
        var differences = run.DifferencesTo(originals);
        output.WriteLine($"{run.Verdicts.Count()} verdicts and {run.Scripts.Sum(script => script.FinalState.Length)} exported globals and memories compared, {differences.Length} differ");
        Assert.True(differences.IsEmpty, $"{differences.Length} differ:\n{string.Join('\n', differences.Take(ShownDifferences))}");
    }
}
