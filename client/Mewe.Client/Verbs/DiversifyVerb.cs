using System.CommandLine;
using System.Globalization;
using Mewe.Client.Output;
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
        var policy = new Option<string>("--policy") { Description = "When to choose anew: on every call, per request from the host, or once per instance", DefaultValueFactory = _ => "call" };
        policy.AcceptOnlyFromAmong("call", "entry", "instance");
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
        variants.Must(count => count is >= 1 and <= JobOptions.MaxVariants, $"--variants is 1 to {JobOptions.MaxVariants}");
        threads.Must(count => count is >= 1 and <= 1024, "--threads is 1 to 1024");
        fuel.Must(amount => amount is null or >= 1, "--fuel is at least 1");

        var common = new CommonOptions();
        var command = new Command("diversify", """
            Make a module multivariant.

            Examples:
              mewe diversify samples/encrypt.wasm -o encrypt.mv.wasm
              mewe diversify service.wasm -o out.wasm --workload requests.json --variants 32 --report report.json
              mewe diversify service.wasm -o out.wasm --policy entry --functions '^crypto_'
            """) { input, output, variants, seed, policy, randomness, workload, functions, exclude, fuel, evidence, store, threads, report };
        common.AddTo(command);
        command.SetAction((parsed, token) => RunAsync(
            parsed.GetRequiredValue(input),
            parsed.GetRequiredValue(output),
            parsed.GetValue(report),
            parsed.GetValue(workload),
            parsed.GetValue(threads),
            parsed.GetValue(store),
            new JobOptions
            {
                Variants = parsed.GetValue(variants),
                Seed = parsed.GetValue(seed),
                Policy = Enum.Parse<DispatchPolicy>(parsed.GetRequiredValue(policy), ignoreCase: true),
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

    private static async Task<int> RunAsync(string inputPath, string outputPath, string? reportPath, string? workloadPath, int threads, string? storePath, JobOptions options,
        CommandOutput output, CancellationToken cancellationToken)
    {
        Files.CheckWritable(outputPath);
        if (reportPath is not null)
        {
            Files.CheckWritable(reportPath);
        }

        var module = Files.Read(inputPath);
        var workload = workloadPath is null ? null : Workloads.Read(workloadPath);
        await using var engine = await Engines.StartAsync(threads, cancellationToken);
        await using var store = await Stores.OpenAsync(storePath, output, cancellationToken);
        var job = new JobGrain(engine, new JobRequest(module, options, workload), store);
        var result = await new JobDisplay(output).ShowAsync(progress => job.RunAsync(threads, progress, cancellationToken));
        if (result.Failure is { } failure)
        {
            throw new CommandException(
                JobFailures.ExitCodeOf(failure.Kind),
                failure.Kind == JobFailureKind.BadModule ? $"{inputPath}: {failure.Message}" : failure.Message);
        }

        cancellationToken.ThrowIfCancellationRequested();
        Files.WriteAll(reportPath is null ? [(outputPath, result.Module!)] : [(outputPath, result.Module!), (reportPath, result.Report!.ToJson())]);
        if (output.Json)
        {
            CommandOutput.WriteJson(result.Report!.ToJson());
        }
        else if (!output.IsQuiet)
        {
            Summarize(outputPath, result.Report!, output);
        }

        return ExitCode.Success;
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
