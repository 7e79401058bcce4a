using System.Collections.Immutable;
using System.CommandLine;
using Mewe.Client.Output;
using Mewe.Client.Output.Evaluation;
using Mewe.Grains;

namespace Mewe.Client.Verbs;

/// <summary><c>mewe evaluate FOLDER|MODULE...</c>: the paper's study on the user's modules.</summary>
internal static class EvaluateVerb
{
    private const string DefaultPage = "evaluation.html";

    public static Command Command()
    {
        var defaults = new EvaluationOptions();
        var paths = new Argument<string[]>("FOLDER|MODULE") { Description = "Folders of modules with workloads, or modules (.wasm)", Arity = ArgumentArity.OneOrMore };
        var page = new Option<string>("--output", "-o") { Description = "Where the report goes, as one HTML file", DefaultValueFactory = _ => DefaultPage, HelpName = "OUT" };
        var json = new Option<string?>("--json-report") { Description = "Where the report goes as JSON, with the time of every round", HelpName = "FILE" };
        var nodes = new Option<int>("--nodes") { Description = "Nodes to simulate, each by instances with seeds of their own", DefaultValueFactory = _ => defaults.Nodes, HelpName = "N" };
        nodes.TakesNumber();
        nodes.Must(count => count is >= 1 and <= EvaluationOptions.MaxNodes, $"--nodes is 1 to {EvaluationOptions.MaxNodes}");
        var runs = new Option<int>("--runs") { Description = "Requests that each node answers", DefaultValueFactory = _ => defaults.Runs, HelpName = "N" };
        runs.TakesNumber();
        runs.Must(count => count is >= 1 and <= EvaluationOptions.MaxRuns, $"--runs is 1 to {EvaluationOptions.MaxRuns}");
        var rounds = new Option<int>("--rounds") { Description = "Rounds in which times are taken", DefaultValueFactory = _ => defaults.Rounds, HelpName = "N" };
        rounds.TakesNumber();
        rounds.Must(count => count is >= 3 and <= 10_000, "--rounds is 3 to 10000");
        var variants = new Option<int>("--variants") { Description = $"Most variants per function, 1 to {JobOptions.MaxVariants}", DefaultValueFactory = _ => defaults.Variants, HelpName = "K" };
        variants.TakesNumber();
        variants.Must(count => count is >= 1 and <= JobOptions.MaxVariants, $"--variants is 1 to {JobOptions.MaxVariants}");
        var seed = new Option<ulong>("--seed") { Description = "Variants, choices and traces derive from it", DefaultValueFactory = _ => 0, HelpName = "N" };
        seed.TakesNumber();
        var policies = new Option<string>("--policies")
        {
            Description = "What to compare, the first of them in most detail", DefaultValueFactory = _ => string.Join(',', LinkRecipe.All.Select(recipe => recipe.Name)), HelpName = "LIST",
        };
        policies.Must(list => Recipes(list) is not null, $"--policies is a list of {string.Join(", ", LinkRecipe.All.Select(recipe => recipe.Name))}, with commas and each once");
        var store = new Option<string?>("--store") { Description = "Where lemmas are kept from one job to the next, or `none`; changes the time, never the result", HelpName = "FILE" };
        var threads = new Option<int>("--threads") { Description = "Functions worked on, and nodes simulated, at a time; times are always taken alone", DefaultValueFactory = _ => Environment.ProcessorCount, HelpName = "N" };
        threads.TakesNumber();
        threads.Must(count => count is >= 1 and <= 1024, "--threads is 1 to 1024");

        var engines = new EngineOptions(hasTarget: true);
        var common = new CommonOptions();
        var command = new Command("evaluate", """
            Measure how different the executions of multivariant services are, and what that costs: the study of the paper, on modules with workloads.

            Examples:
              mewe evaluate samples/
              mewe evaluate samples/invert.reactor.wasm -o invert.html --policies call,entry
              mewe evaluate service.wasm --nodes 8 --runs 20 --json-report evaluation.json
            """) { paths, page, json, nodes, runs, rounds, variants, seed, policies, store, threads };
        engines.AddTo(command);
        common.AddTo(command);
        command.SetAction((parsed, token) => RunAsync(
            parsed.GetRequiredValue(paths), parsed.GetRequiredValue(page), parsed.GetValue(json), parsed.GetValue(store), parsed.GetValue(threads),
            new EvaluationOptions
            {
                Nodes = parsed.GetValue(nodes),
                Runs = parsed.GetValue(runs),
                Rounds = parsed.GetValue(rounds),
                Variants = parsed.GetValue(variants),
                Seed = parsed.GetValue(seed),
                Recipes = Recipes(parsed.GetValue(policies))!.Value,
            },
            CommandLine(parsed.Tokens.Select(token => token.Value)), engines.Choice(parsed), common.Output(parsed), token));
        return command;
    }

    private static async Task<int> RunAsync(string[] paths, string pagePath, string? jsonPath, string? storePath, int threads, EvaluationOptions options, string commandLine,
        EngineChoice engineChoice, CommandOutput output, CancellationToken cancellationToken)
    {
        Files.CheckWritable(pagePath);
        if (jsonPath is not null)
        {
            Files.CheckWritable(jsonPath);
        }

        var subjects = EvaluationSubjects.Find(paths, output);
        await using var engines = await StartedEngines.StartAsync(engineChoice, threads, output, cancellationToken);
        await using var store = await Stores.OpenAsync(storePath, output, cancellationToken);
        var grain = new EvaluationGrain(engines.Set, options, store);
        var result = await new EvaluationDisplay(output).ShowAsync(progress => grain.RunAsync(subjects, commandLine, threads, progress, cancellationToken));
        if (result.Failure is { } failure)
        {
            throw new CommandException(JobFailures.ExitCodeOf(failure.Kind), failure.Message);
        }

        cancellationToken.ThrowIfCancellationRequested();
        var report = result.Report!;
        var page = new EvaluationPage(report).Write();
        Files.WriteAll(jsonPath is null ? [(pagePath, page)] : [(pagePath, page), (jsonPath, report.ToJson())]);
        if (output.Json)
        {
            CommandOutput.WriteJson(report.ToJson());
        }
        else if (!output.IsQuiet)
        {
            EvaluationTable.Show(report, pagePath, output);
        }

        return ExitCode.Success;
    }

    /// <summary>The recipes of a list, or null where it is none.</summary>
    private static ImmutableArray<LinkRecipe>? Recipes(string? list)
    {
        var names = (list ?? "").Split(',', StringSplitOptions.TrimEntries);
        var recipes = names.Select(LinkRecipe.Find).ToList();
        return recipes.Contains(null) || names.Distinct().Count() < names.Length ? null : [.. recipes.Select(recipe => recipe!)];
    }

    /// <summary>What was typed, for a shell: words with anything unusual in them are quoted.</summary>
    private static string CommandLine(IEnumerable<string> words) => "mewe " + string.Join(' ', words.Select(word =>
        word.Length > 0 && word.All(c => char.IsAsciiLetterOrDigit(c) || "-_./,:=+@%".Contains(c)) ? word : $"'{word.Replace("'", "'\\''")}'"));
}
