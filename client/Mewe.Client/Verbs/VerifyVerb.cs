using System.CommandLine;
using Mewe.Client.Output;
using Mewe.Grains;

namespace Mewe.Client.Verbs;

/// <summary><c>mewe verify ORIGINAL MULTIVARIANT</c>: checks a module again, from the two files alone.</summary>
internal static class VerifyVerb
{
    public static Command Command()
    {
        var original = new Argument<string>("ORIGINAL") { Description = "The module that was diversified" };
        var multivariant = new Argument<string>("MULTIVARIANT") { Description = "The module that claims to behave the same" };
        var threads = new Option<int>("--threads") { Description = "Functions worked on at a time", DefaultValueFactory = _ => Environment.ProcessorCount, HelpName = "N" };
        threads.TakesNumber();
        threads.Must(count => count is >= 1 and <= 1024, "--threads is 1 to 1024");
        var engines = new EngineOptions(hasTarget: false);
        var common = new CommonOptions();
        var command = new Command("verify", """
            Check from the two files alone that everything outside dispatchers and variants is unchanged, test every variant again on fresh inputs,
            and prove again every variant that is recorded as proved.
            Exits with 0 if all of it holds, with 1 if not.

            Example:
              mewe verify samples/encrypt.wasm encrypt.mv.wasm
            """) { original, multivariant, threads };
        engines.AddTo(command);
        common.AddTo(command);
        command.SetAction((parsed, token) => RunAsync(
            parsed.GetRequiredValue(original), parsed.GetRequiredValue(multivariant), parsed.GetValue(threads), engines.Choice(parsed), common.Output(parsed), token));
        return command;
    }

    private static async Task<int> RunAsync(string originalPath, string multivariantPath, int threads, EngineChoice engineChoice, CommandOutput output, CancellationToken cancellationToken)
    {
        var original = Modules.Read(originalPath);
        var multivariant = Modules.Read(multivariantPath);
        await using var engines = await StartedEngines.StartAsync(engineChoice, threads, output, cancellationToken);
        var report = await new JobDisplay(output).ShowAsync(progress => new ModuleVerification(engines.Set).VerifyAsync(original, multivariant, threads, progress, cancellationToken));
        if (output.Json)
        {
            CommandOutput.WriteJson(report.ToJson());
        }
        else if (!output.IsQuiet)
        {
            foreach (var difference in report.Differences)
            {
                CommandOutput.Line($"differs: {difference}");
            }

            foreach (var failure in report.Failures)
            {
                CommandOutput.Line($"variant {failure.Variant} of {failure.Name} (function {failure.Function}): {failure.Verdict}: {failure.Detail}");
            }

            foreach (var note in report.Notes)
            {
                CommandOutput.Line($"note: {note}");
            }

            CommandOutput.Line(report.Verified
                ? $"verified: {report.Variants} variants of {report.Functions} functions agree with the original on {report.Engine}; {report.Proved} of them are proved again "
                    + $"(solver: {report.Solver}), {report.TestedOnly} tested only; nothing else was changed"
                : $"NOT verified: {report.Differences.Length} differences outside the variants, {report.Failures.Length} of {report.Variants} variants without a pass");
        }

        return report.Verified ? ExitCode.Success : ExitCode.Negative;
    }
}
