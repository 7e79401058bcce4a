using System.Collections.Immutable;
using Mewe.Conformance.Tests.Suite;
using Mewe.Execution;

namespace Mewe.Conformance.Tests.Oracle;

/// <summary>The whole suite, run with every module in one form.</summary>
public sealed record SuiteRun(ImmutableArray<ScriptRun> Scripts)
{
    /// <summary>As many scripts at a time as the machine is assumed to have cores.</summary>
    private const int Parallelism = 2;

    /// <summary>Runs every script in scope, or those that are given.</summary>
    /// <param name="seed">Every new instance's <c>mewe_seed</c> is called with a number that follows from it; null: nobody seeds.</param>
    public static async Task<SuiteRun> RunAsync(
        IWasmEngine engine, SpecSuite suite, ModuleForm form, CancellationToken cancellationToken, IReadOnlyList<SpecFile>? only = null, ulong? seed = null)
    {
        var files = only ?? suite.Files;
        var runs = new ScriptRun[files.Count];
        var options = new ParallelOptions { MaxDegreeOfParallelism = Parallelism, CancellationToken = cancellationToken };
        await Parallel.ForAsync(0, files.Count, options, async (i, cancellation) =>
        {
            await using var session = (await engine.OpenSessionAsync(cancellation)).Value;
            runs[i] = await SpecRunner.RunAsync(session, suite, files[i], suite.Script(files[i]), form, seed, cancellation);
        });
        return new SuiteRun([.. runs]);
    }

    /// <summary>Every command with its verdict.</summary>
    public IEnumerable<(SpecFile File, SpecCommand Command, Verdict Verdict)> Verdicts =>
        Scripts.SelectMany(script => script.Script.Commands.Zip(script.Verdicts, (command, verdict) => (script.File, command, verdict)));

    /// <summary>Where the verdicts or the final states of two runs of the same scripts differ, one line each. Nothing means: exactly the same.</summary>
    public ImmutableArray<string> DifferencesTo(SuiteRun other)
    {
        var found = ImmutableArray.CreateBuilder<string>();
        foreach (var (mine, theirs) in Scripts.Zip(other.Scripts))
        {
            for (var i = 0; i < mine.Verdicts.Length; i++)
            {
                if (!mine.Verdicts[i].IsSameAs(theirs.Verdicts[i]))
                {
                    found.Add($"{mine.File.Name}:{mine.Script.Commands[i].Line} {Describe(mine.Script.Commands[i])}: {mine.Verdicts[i]}, before: {theirs.Verdicts[i]}");
                }
            }

            if (mine.FinalState.Length != theirs.FinalState.Length)
            {
                found.Add($"{mine.File.Name}: no final state to compare");
                continue;
            }

            foreach (var (now, before) in mine.FinalState.Zip(theirs.FinalState).Where(pair => pair.First != pair.Second))
            {
                found.Add($"{mine.File.Name}: at the end {now.Name} is {now.Value}, before: {before.Value}");
            }
        }

        return found.ToImmutable();
    }

    private static string Describe(SpecCommand command) => command switch
    {
        SpecCommand.Act act => $"{act.Action.Field}({string.Join(", ", act.Action.Arguments)})",
        SpecCommand.Module module => module.File,
        SpecCommand.Definition definition => definition.File,
        SpecCommand.Reject reject => reject.File ?? "",
        _ => command.GetType().Name,
    };
}
