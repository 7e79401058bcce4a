using System.CommandLine;
using System.Globalization;
using Mewe.Client.Output;
using Mewe.Diversify.Synthesis;
using Mewe.Equivalence.Proof.Solving;
using Mewe.Execution;
using Mewe.Grains;
using Mewe.Linking;
using Spectre.Console;

namespace Mewe.Client.Verbs;

/// <summary><c>mewe diversify IN -o OUT</c>: the main job.</summary>
internal static class DiversifyVerb
{
    public static Command Command()
    {
        var input = new Argument<string>("IN") { Description = "The module (.wasm)" };
        var output = new Option<string>("--output", "-o") { Description = "Where the multivariant module goes", Required = true, HelpName = "OUT" };
        var plan = new Option<string?>("--plan") { Description = "A plan of an earlier job: the same choices again, nothing is measured, the same bytes", HelpName = "FILE" };
        var savePlan = new Option<string?>("--save-plan") { Description = "Where the plan goes", HelpName = "FILE" };
        var workload = new Option<string?>("--workload") { Description = "How the module is used (see samples/README.md); recorded, and compared at the end", HelpName = "FILE" };
        var threads = new Option<int>("--threads") { Description = "Functions worked on at a time; changes the time, never the result", DefaultValueFactory = _ => Environment.ProcessorCount, HelpName = "N" };
        threads.TakesNumber();
        var report = new Option<string?>("--report") { Description = "Where the full report goes, as JSON", HelpName = "FILE" };
        var store = new Option<string?>("--store")
        {
            Description = "Where lemmas are kept from one job to the next, or `none`; changes the time, never the result (default: mewe/store.db in $XDG_CACHE_HOME or ~/.cache)", HelpName = "FILE",
        };
        var rules = new Option<string>("--rules")
        {
            Description = "Rewrite rules: the built-in ones, or with `learned` also those that `mewe learn` put into the store; their digest is recorded", DefaultValueFactory = _ => "builtin",
        };
        rules.AcceptOnlyFromAmong("builtin", "learned");
        threads.Must(count => count is >= 1 and <= 1024, "--threads is 1 to 1024");

        var options = new JobOptionArguments();
        var engines = new EngineOptions(hasTarget: true);
        var common = new CommonOptions();
        var command = new Command("diversify", """
            Make a module multivariant.

            Examples:
              mewe diversify samples/encrypt.wasm -o encrypt.mv.wasm
              mewe diversify service.wasm -o out.wasm --workload requests.json --variants 32 --report report.json
              mewe diversify service.wasm -o out.wasm --workload requests.json --slowdown 1.05 --save-plan plan.json
              mewe diversify service.wasm -o out.wasm --workload requests.json --slowdown 1.05 --plan plan.json
              mewe diversify service.wasm -o out.wasm --policy entry --functions '^crypto_'
            """) { input, output, plan, savePlan, workload, rules, store, threads, report };
        options.AddTo(command);
        engines.AddTo(command);
        common.AddTo(command);
        command.SetAction((parsed, token) => RunAsync(
            parsed.GetRequiredValue(input),
            new Outputs(parsed.GetRequiredValue(output), parsed.GetValue(report), parsed.GetValue(savePlan)),
            parsed.GetValue(workload),
            parsed.GetValue(plan),
            parsed.GetValue(threads),
            parsed.GetValue(store),
            parsed.GetRequiredValue(rules) == "learned",
            engines.Choice(parsed),
            options.Read(parsed),
            common.Output(parsed),
            token));
        return command;
    }

    private static async Task<int> RunAsync(string inputPath, Outputs outputs, string? workloadPath, string? planPath, int threads, string? storePath, bool useLearned, EngineChoice engineChoice,
        JobOptions options, CommandOutput output, CancellationToken cancellationToken)
    {
        foreach (var path in outputs.Paths)
        {
            Files.CheckWritable(path);
        }

        var module = Files.Read(inputPath);
        var workload = workloadPath is null ? null : Workloads.Read(workloadPath);
        var plan = planPath is null ? null : ReadPlan(planPath);
        if (useLearned)
        {
            options = options with { Learned = await LearnedAsync(storePath, output, cancellationToken) };
        }

        await using var engines = await StartedEngines.StartAsync(engineChoice, threads, output, cancellationToken);
        await using var store = await Stores.OpenAsync(storePath, output, cancellationToken);
        var job = new LocalJob(engines.Set, new JobRequest(module, options, workload, plan), store) { JobStore = store?.Jobs, Name = Path.GetFileName(inputPath), Note = output.Note };
        var result = await new JobDisplay(output).ShowAsync(progress => job.RunAsync(threads, progress, cancellationToken));
        if (result.Failure is { } failure)
        {
            throw new CommandException(
                JobFailures.ExitCodeOf(failure.Kind),
                failure.Kind switch
                {
                    JobFailureKind.BadModule => $"{inputPath}: {failure.Message}",
                    JobFailureKind.BadPlan => $"{planPath}: {failure.Message}",
                    _ => failure.Message,
                });
        }

        cancellationToken.ThrowIfCancellationRequested();
        var files = new List<(string, byte[])> { (outputs.Module, result.Module!) };
        if (outputs.Report is not null)
        {
            files.Add((outputs.Report, result.Report!.ToJson()));
        }

        if (outputs.Plan is not null)
        {
            files.Add((outputs.Plan, result.Plan!.ToJson()));
        }

        Files.WriteAll([.. files]);
        if (output.Json)
        {
            CommandOutput.WriteJson(result.Report!.ToJson());
        }
        else if (!output.IsQuiet)
        {
            DiversifySummary.Write(outputs.Module, result.Report!);
        }

        return ExitCode.Success;
    }

    /// <summary>The rules of the store. They decide bytes, so where there are none the job does not go on without them.</summary>
    private static async Task<LearnedRules> LearnedAsync(string? storePath, CommandOutput output, CancellationToken cancellationToken)
    {
        if (storePath == Stores.None)
        {
            throw new CommandException(ExitCode.Usage, "learned rules are in a store, so with --rules learned --store cannot be none");
        }

        var solver = Prover.DefaultSolver ?? throw new CommandException(ExitCode.Unavailable, $"learned rules belong to the solver that proved them: {Z3Solver.MissingReason}");
        await using var store = await Stores.OpenForRulesAsync(storePath, ExitCode.NoInput, cancellationToken);
        var answer = await RuleLearning.LoadAsync(store, solver, cancellationToken);
        if (!answer.TryGet(out var learned))
        {
            throw new CommandException(ExitCode.NoInput, answer.Problem!.Message);
        }

        if (learned.Rules.IsEmpty)
        {
            throw new CommandException(ExitCode.NoInput, $"{store.Path} has no rules that this build proved with {Prover.NameOf(solver)}; `mewe learn` finds some");
        }

        output.Note($"{learned.Rules.Length} learned rules");
        return learned;
    }

    /// <summary>Where things go; null for what is not wanted.</summary>
    private sealed record Outputs(string Module, string? Report, string? Plan)
    {
        public IEnumerable<string> Paths => new[] { Module, Report, Plan }.OfType<string>();
    }

    internal static LinkPlan ReadPlan(string path)
    {
        try
        {
            return LinkPlan.Parse(Files.Read(path));
        }
        catch (PlanFormatException exception)
        {
            throw new CommandException(ExitCode.DataError, $"{path}: {exception.Message}");
        }
    }
}
