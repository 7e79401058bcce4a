using System.CommandLine;
using System.Globalization;
using Mewe.Client.Output;
using Mewe.Equivalence.Proof.Solving;
using Mewe.Grains;

namespace Mewe.Client.Verbs;

/// <summary><c>mewe learn MODULE</c>: finds and proves rules for the expressions of a module, and keeps them.</summary>
internal static class LearnVerb
{
    public static Command Command()
    {
        var input = new Argument<string>("MODULE") { Description = "The module to learn from (.wasm)" };
        var functions = new Option<string?>("--functions") { Description = "Only expressions of functions whose name matches", HelpName = "REGEX" };
        var expressions = new Option<int>("--expressions")
        {
            Description = $"Different expressions to look at, the most frequent first, 1 to {LearningOptions.MaxExpressions}", DefaultValueFactory = _ => new LearningOptions().Expressions, HelpName = "N",
        };
        expressions.TakesNumber();
        expressions.Must(count => count is >= 1 and <= LearningOptions.MaxExpressions, $"--expressions is 1 to {LearningOptions.MaxExpressions}");
        var store = new Option<string?>("--store") { Description = "Where rules are kept (default: mewe/store.db in $XDG_CACHE_HOME or ~/.cache)", HelpName = "FILE" };
        var common = new CommonOptions();
        var command = new Command("learn", """
            Find new rewrite rules for the expressions of a module, prove each for all values, and keep them for `mewe diversify --rules learned`.
            What is known already is not learned again, so a second run goes further.

            Examples:
              mewe learn service.wasm
              mewe learn samples/encrypt.wasm --functions poly1305 --store rules.db
              mewe diversify samples/encrypt.wasm -o encrypt.mv.wasm --rules learned --store rules.db
            """) { input, functions, expressions, store };
        common.AddTo(command);
        command.SetAction((parsed, token) => RunAsync(
            parsed.GetRequiredValue(input),
            parsed.GetValue(store),
            new LearningOptions { Functions = parsed.GetValue(functions), Expressions = parsed.GetValue(expressions) },
            common.Output(parsed),
            token));
        return command;
    }

    private static async Task<int> RunAsync(string path, string? storePath, LearningOptions options, CommandOutput output, CancellationToken cancellationToken)
    {
        var module = Modules.Read(path);
        if (storePath == Stores.None)
        {
            throw new CommandException(ExitCode.Usage, "what is learned is kept in a store, so --store cannot be none");
        }

        var solver = Prover.DefaultSolver ?? throw new CommandException(ExitCode.Unavailable, $"no rule can be proved: {Z3Solver.MissingReason}");
        await using var store = await Stores.OpenForRulesAsync(storePath, ExitCode.CannotCreate, cancellationToken);
        var result = await new LearningDisplay(output).ShowAsync(progress => new RuleLearning(store, solver).RunAsync(module, options, progress, cancellationToken));
        if (result.Report is not { } report)
        {
            throw result.BadOptions is { } wrong ? new CommandException(ExitCode.Usage, wrong) : new CommandException(ExitCode.CannotCreate, result.Problem!.Message);
        }

        if (output.Json)
        {
            CommandOutput.WriteJson(report.ToJson());
        }
        else if (!output.IsQuiet)
        {
            foreach (var rule in report.Rules)
            {
                CommandOutput.Line($"  {rule.Rule}");
                CommandOutput.Line($"    proved for all {rule.Width}-bit values: {rule.Proof}");
            }

            CommandOutput.Line(string.Create(CultureInfo.InvariantCulture,
                $"{report.Rules.Length} new rules from {report.Expressions} expressions, all proved ({report.Solver}); {report.InStore} in {store.Path}"));
            CommandOutput.Line(string.Create(CultureInfo.InvariantCulture,
                $"  of {report.Candidates} candidates {report.Implied} follow from known rules, {report.Refuted} were refuted, {report.Undecided} could not be decided"));
        }

        return ExitCode.Success;
    }
}
