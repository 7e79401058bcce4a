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
        var variants = new Option<int>("--variants") { Description = $"Most variants per function, 1 to {JobOptions.MaxVariants}", DefaultValueFactory = _ => 16, HelpName = "K" };
        variants.TakesNumber();
        var seed = new Option<ulong>("--seed") { Description = "Everything random derives from it", DefaultValueFactory = _ => 0, HelpName = "N" };
        seed.TakesNumber();
        var policy = new Option<string>("--policy")
        {
            Description = "When to choose anew: as often as --slowdown allows for each function, on every call, per request from the host, or once per instance", DefaultValueFactory = _ => "auto",
        };
        policy.AcceptOnlyFromAmong("auto", "call", "entry", "instance");
        var slowdown = new Option<double>("--slowdown") { Description = "With --policy auto: how many times as long a request may take", DefaultValueFactory = _ => JobOptions.DefaultSlowdown, HelpName = "X" };
        slowdown.TakesRatio();
        var size = new Option<long?>("--size-budget") { Description = "Most bytes of the multivariant module", HelpName = "BYTES" };
        size.TakesNumber();
        var generator = new Option<string>("--generator") { Description = "What makes random bits in the module: fast, or chacha8 where an attacker can observe choices", DefaultValueFactory = _ => "fast" };
        generator.AcceptOnlyFromAmong("fast", "chacha8");
        var plan = new Option<string?>("--plan") { Description = "A plan of an earlier job: the same choices again, nothing is measured, the same bytes", HelpName = "FILE" };
        var savePlan = new Option<string?>("--save-plan") { Description = "Where the plan goes", HelpName = "FILE" };
        var randomness = new Option<string>("--randomness")
        {
            Description = "Where random bits come from: WASI, an exported mewe_seed, or the host on every choice", DefaultValueFactory = _ => "auto",
        };
        randomness.AcceptOnlyFromAmong("auto", "wasi", "export", "import");
        var workload = new Option<string?>("--workload") { Description = "How the module is used (see samples/README.md); recorded, and compared at the end", HelpName = "FILE" };
        var functions = new Option<string?>("--functions") { Description = "Only functions whose name matches", HelpName = "REGEX" };
        var exclude = new Option<string?>("--exclude") { Description = "Not the functions whose name matches", HelpName = "REGEX" };
        var fuel = new Option<long?>("--fuel") { Description = "Work per function, in instructions looked at", HelpName = "N" };
        fuel.TakesNumber();
        var threads = new Option<int>("--threads") { Description = "Functions worked on at a time; changes the time, never the result", DefaultValueFactory = _ => Environment.ProcessorCount, HelpName = "N" };
        threads.TakesNumber();
        var report = new Option<string?>("--report") { Description = "Where the full report goes, as JSON", HelpName = "FILE" };
        var evidence = new Option<string>("--evidence") { Description = "What a linked variant must have: every one is tested, and with `proved` also proved", DefaultValueFactory = _ => "tested" };
        evidence.AcceptOnlyFromAmong("tested", "proved");
        var store = new Option<string?>("--store")
        {
            Description = "Where lemmas are kept from one job to the next, or `none`; changes the time, never the result (default: mewe/store.db in $XDG_CACHE_HOME or ~/.cache)", HelpName = "FILE",
        };
        var rules = new Option<string>("--rules")
        {
            Description = "Rewrite rules: the built-in ones, or with `learned` also those that `mewe learn` put into the store; their digest is recorded", DefaultValueFactory = _ => "builtin",
        };
        rules.AcceptOnlyFromAmong("builtin", "learned");
        variants.Must(count => count is >= 1 and <= JobOptions.MaxVariants, $"--variants is 1 to {JobOptions.MaxVariants}");
        threads.Must(count => count is >= 1 and <= 1024, "--threads is 1 to 1024");
        slowdown.Must(ratio => ratio is >= 1 and <= 1000, "--slowdown is 1 to 1000, such as 1.10");
        size.Must(bytes => bytes is null or >= 1, "--size-budget is at least 1");
        fuel.Must(amount => amount is null or >= 1, "--fuel is at least 1");

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
            """) { input, output, variants, seed, policy, slowdown, size, randomness, generator, plan, savePlan, workload, functions, exclude, fuel, evidence, rules, store, threads, report };
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
            new JobOptions
            {
                Variants = parsed.GetValue(variants),
                Seed = parsed.GetValue(seed),
                Policy = Enum.Parse<DispatchPolicy>(parsed.GetRequiredValue(policy), ignoreCase: true),
                Slowdown = parsed.GetValue(slowdown),
                SizeBudget = parsed.GetValue(size),
                Generator = Enum.Parse<GeneratorKind>(parsed.GetRequiredValue(generator), ignoreCase: true),
                Randomness = Enum.Parse<RandomnessMode>(parsed.GetRequiredValue(randomness), ignoreCase: true),
                Functions = parsed.GetValue(functions),
                Exclude = parsed.GetValue(exclude),
                Fuel = parsed.GetValue(fuel),
                Evidence = Enum.Parse<RequiredEvidence>(parsed.GetRequiredValue(evidence), ignoreCase: true),
            },
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
            Summarize(outputs.Module, result.Report!, output);
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

    /// <summary>Each engine's share, where there are several.</summary>
    private static string ByEngine(PreservationTotals preservation) => preservation.ByEngine.Count < 2 ? ""
        : " on all engines: " + string.Join(", ", preservation.ByEngine.Select(engine => string.Create(CultureInfo.InvariantCulture, $"{100.0 * engine.Value.Own / engine.Value.Variants:0.0} % on {engine.Key}")));

    private static LinkPlan ReadPlan(string path)
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

    private static void Summarize(string outputPath, DiversifyReport report, CommandOutput output)
    {
        var totals = report.Totals;
        CommandOutput.Line(string.Create(CultureInfo.InvariantCulture,
            $"{outputPath}: {totals.Variants} variants of {totals.Diversified} functions, {report.ModuleBytes:N0} bytes (original {report.SourceBytes:N0})"));
        CommandOutput.Line($"  evidence   {Evidence(report.Proofs)}");
        CommandOutput.Line(string.Create(CultureInfo.InvariantCulture,
            $"  tested     {totals.Tested} candidates on {report.Engine}: {totals.Refuted} refuted, {totals.Inconclusive} without enough evidence, {totals.Invalid} invalid; none of these is linked"));
        CommandOutput.Line(string.Create(CultureInfo.InvariantCulture,
            $"  reached    {totals.EligibleWithEight} of {totals.Eligible} functions with eight or more instructions have eight or more variants"));
        CommandOutput.Line(report.Check.Runs > 0
            ? $"  compared   {report.Check.Runs} runs of the workload ({report.Check.Workload}): the original's answers, every time"
            : "  compared   nothing: there is no workload for this module (--workload)");
        if (report.Preservation.Known > 0)
        {
            CommandOutput.Line(string.Create(CultureInfo.InvariantCulture,
                $"  preserved  {report.Preservation.Own} of {report.Preservation.Known} variants ({100 * report.Preservation.Share:0.0} %) have machine code of their own{ByEngine(report.Preservation)}"));
        }

        if (report.Plan.Slowdown is { } slowdown)
        {
            CommandOutput.Line(string.Create(CultureInfo.InvariantCulture,
                $"  slowdown   {slowdown:0.000} (95 %: {report.Plan.SlowdownLow:0.000} to {report.Plan.SlowdownHigh:0.000}) of {report.Plan.Nanoseconds:N0} ns a request, on the workload; {(report.Plan.WithinBudget == true ? "within" : "OVER")} the budget"));
        }

        foreach (var line in report.Protection)
        {
            CommandOutput.Line($"  {line}");
        }

        foreach (var note in report.Notes)
        {
            CommandOutput.Line($"  note: {note}");
        }

        var short_ = report.Functions.Where(function => function.Reason is not null && function.Instructions >= 8).ToList();
        if (short_.Count > 0)
        {
            CommandOutput.Line($"  {short_.Count} functions with eight or more instructions have fewer variants than asked for (--report says why for each), for example:");
            foreach (var function in short_.Take(3))
            {
                CommandOutput.Line($"    {function.Name}: {function.Variants.Length}; {function.Reason}");
            }
        }

        CommandOutput.Line(string.Create(CultureInfo.InvariantCulture, $"  took       {totals.WallSeconds:0.0} s, {totals.CpuSeconds:0.0} s of processor time"));
    }

    private static string Evidence(ProofsReport proofs)
    {
        var open = proofs.TestedOnly == 0 ? "" : $": {string.Join(", ", proofs.NotProved.Select(category => $"{category.Variants} {category.Category}"))}";
        var share = proofs.Linked == 0 ? 0 : 100.0 * proofs.Proved / proofs.Linked;
        return string.Create(CultureInfo.InvariantCulture,
            $"{proofs.Linked} variants, {proofs.Proved} proved ({share:0.0} %), {proofs.TestedOnly} tested only{open}");
    }
}
