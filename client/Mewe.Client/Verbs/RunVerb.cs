using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using Mewe.Client.Output;
using Mewe.Execution;
using Mewe.Grains;
using Mewe.Linking;
using Mewe.Linking.Tracing;
using Mewe.Wasm;

namespace Mewe.Client.Verbs;

/// <summary><c>mewe run FILE</c>: runs a command or reactor, and can say which variants each run chose.</summary>
internal static class RunVerb
{
    /// <summary>Choices that a trace keeps per run: the last ones.</summary>
    private const uint TraceCapacity = 1 << 20;

    public static Command Command()
    {
        var file = new Argument<string>("FILE") { Description = "A WASI command or a reactor (.wasm)" };
        var runs = new Option<int>("--runs") { Description = "How often, each time in a fresh instance", DefaultValueFactory = _ => 1, HelpName = "N" };
        runs.TakesNumber();
        runs.Must(count => count is >= 1 and <= 100_000, "--runs is 1 to 100000");
        var seed = new Option<ulong?>("--seed") { Description = "Makes the host's randomness, and so the choices, repeatable", HelpName = "N" };
        seed.TakesNumber();
        var stdin = new Option<string?>("--stdin") { Description = "Standard input of a command, or the request of a reactor", HelpName = "FILE" };
        var trace = new Option<string?>("--trace") { Description = "Write the variants that each run chose, one line of JSON a run (multivariant modules)", HelpName = "OUT" };
        var arguments = new Argument<string[]>("ARGS") { Description = "Arguments of a command, after --", Arity = ArgumentArity.ZeroOrMore };
        var engines = new EngineOptions(hasTarget: false);
        var common = new CommonOptions();
        var command = new Command("run", """
            Run a WASI command, or send a request to a reactor, and print what it answers. Exits with the command's exit code.

            Examples:
              mewe run encrypt.mv.wasm --stdin message.txt
              mewe run encrypt.mv.wasm --runs 200 --trace choices.jsonl
              mewe run tool.wasm -- --flag value
            """) { file, runs, seed, stdin, trace, arguments };
        engines.AddTo(command);
        common.AddTo(command);
        command.SetAction((parsed, token) => RunAsync(
            parsed.GetRequiredValue(file), parsed.GetValue(runs), parsed.GetValue(seed), parsed.GetValue(stdin), parsed.GetValue(trace),
            parsed.GetValue(arguments) ?? [], engines.Choice(parsed), common.Output(parsed), token));
        return command;
    }

    private static async Task<int> RunAsync(string path, int runs, ulong? seed, string? stdinPath, string? tracePath, string[] arguments,
        EngineChoice engineChoice, CommandOutput output, CancellationToken cancellationToken)
    {
        var module = Modules.Read(path);
        var input = stdinPath is null ? [] : Files.Read(stdinPath);
        var first = seed ?? BitConverter.ToUInt64(System.Security.Cryptography.RandomNumberGenerator.GetBytes(8));
        var run = new ModuleRun(module.Source, Workload(path, module, input, arguments))
        {
            Seeds = [.. Enumerable.Range(0, runs).Select(i => unchecked(first + (ulong)i))],
            UnknownImports = UnknownImports.Zero,
        };
        MultivariantMap? map = null;
        TracedModule? traced = null;
        if (tracePath is not null)
        {
            Files.CheckWritable(tracePath);
            map = (MeweSection.TryRead(module, out var error) ?? throw new CommandException(ExitCode.DataError, $"{path}: {error!.Message}")).Map;
            traced = Modules.Guard(path, () => EntryTrace.Instrument(module, map, TraceCapacity));
            run = run with { Module = traced.Module, ReadBack = [new MemoryRange(traced.MemoryExport, 0, checked((int)traced.MemoryBytes))] };
        }

        await using var engines = await StartedEngines.StartAsync(engineChoice, 1, output, cancellationToken);
        var (accepting, refusals) = await engines.Set.AcceptingAsync(run.Module, cancellationToken);
        foreach (var refusal in refusals)
        {
            output.Note(refusal);
        }

        var lines = new List<string>();
        var distinct = new Dictionary<string, int>(StringComparer.Ordinal);
        var exitCode = ExitCode.Success;

        // One engine request a run where there is a trace to read back, because traces are large and never equal.
        var batches = traced is null ? [run.Seeds] : run.Seeds.Select(s => ImmutableArray.Create(s));
        var number = 0;
        foreach (var seeds in batches)
        {
            var result = await OnAsync(accepting.Target, seeds);
            foreach (var other in accepting.Others)
            {
                var there = await OnAsync(other, seeds);
                if (Enumerable.Range(0, seeds.Length).FirstOrDefault(i => RunText.Of(result[i]) != RunText.Of(there[i]), -1) is >= 0 and var differs)
                {
                    exitCode = ExitCode.Negative;
                    CommandOutput.Error(
                        $"{accepting.Target.Info.Name} and {other.Info.Name} disagree under seed {seeds[differs]}: {RunText.Of(result[differs])} and {RunText.Of(there[differs])}");
                }
            }

            for (var i = 0; i < seeds.Length; i++, number++)
            {
                var outcome = result[i];
                var text = RunText.Of(outcome);
                if (distinct.TryAdd(text, 1))
                {
                    if (!output.Json && !output.IsQuiet)
                    {
                        RunText.Print(outcome);
                    }

                    exitCode = outcome.Trap is not null ? ExitCode.Negative : exitCode == ExitCode.Success ? outcome.ExitCode ?? exitCode : exitCode;
                }
                else
                {
                    distinct[text]++;
                }

                if (traced is not null)
                {
                    var choices = EntryTrace.Decode(outcome.ReadBack[0].Span, traced.Capacity, map!);
                    lines.Add(JsonSerializer.Serialize(
                        new TraceLine(number, seeds[i], choices.Total, [.. choices.Choices.Select(choice => new[] { (long)choice.Function, choice.Choice })]),
                        RunJsonContext.Default.TraceLine));
                }
            }
        }

        if (tracePath is not null)
        {
            Files.Write(tracePath, System.Text.Encoding.UTF8.GetBytes(string.Concat(lines.Select(line => line + "\n"))));
        }

        if (output.Json)
        {
            CommandOutput.WriteJson(JsonSerializer.SerializeToUtf8Bytes(new RunSummary(runs, [.. distinct.Select(pair => new RunAnswerCount(pair.Value, pair.Key))]), RunJsonContext.Default.RunSummary));
        }
        else if (runs > 1)
        {
            output.Note($"{runs} runs, {(distinct.Count == 1 ? "all with this answer" : $"{distinct.Count} different answers")}");
        }

        return exitCode;

        async Task<RunResult> OnAsync(IWasmEngine engine, ImmutableArray<ulong> seeds)
        {
            var answer = await engine.RunAsync(run with { Seeds = seeds }, cancellationToken);
            return !answer.TryGet(out var result, out var failure) ? throw new CommandException(ExitCode.Unavailable, $"{engine.Info.Name}: {failure}")
                : result.Rejection is { } rejection ? throw new CommandException(ExitCode.DataError, $"{path} cannot be run on {engine.Info.Name}: {rejection}")
                : result;
        }
    }

    private static Workload Workload(string path, WasmModule module, byte[] input, string[] arguments)
    {
        bool Exports(string name) => module.Exports.Any(export => export.Name == name && export.Kind == ExternKind.Function);
        if (Exports("_start"))
        {
            return new CommandWorkload { Args = [.. arguments], Stdin = input };
        }

        if (Exports("alloc") && Exports("run") && Exports("answer") && Exports("release"))
        {
            return new ReactorWorkload([input]);
        }

        throw new CommandException(ExitCode.DataError, $"{path} exports neither _start (a command) nor alloc, run, answer and release (a reactor), so there is nothing to run");
    }
}

/// <summary>What a run answered, as text.</summary>
internal static class RunText
{
    public static string Of(RunOutcome outcome)
    {
        var answers = outcome.Answers.Select(answer => answer is RunAnswer.Bytes bytes ? Convert.ToHexStringLower(bytes.Data.Span) : answer.ToString());
        return $"exit {outcome.ExitCode?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "-"} trap {outcome.Trap?.Kind.ToString() ?? "-"} "
            + $"stdout {Convert.ToHexStringLower(outcome.Stdout.Span)} stderr {Convert.ToHexStringLower(outcome.Stderr.Span)} answers {string.Join(',', answers)}";
    }

    public static void Print(RunOutcome outcome)
    {
        using (var stdout = Console.OpenStandardOutput())
        {
            stdout.Write(outcome.Stdout.Span);
            foreach (var answer in outcome.Answers)
            {
                if (answer is RunAnswer.Bytes bytes)
                {
                    stdout.Write(bytes.Data.Span);
                }
                else
                {
                    Console.Error.WriteLine("mewe: the request was refused");
                }
            }
        }

        using (var stderr = Console.OpenStandardError())
        {
            stderr.Write(outcome.Stderr.Span);
        }

        if (outcome.Trap is { } trap)
        {
            CommandOutput.Error($"trapped: {trap.Message}");
        }
    }
}

/// <summary>One line of <c>--trace</c>.</summary>
/// <param name="Total">Choices in the run.</param>
/// <param name="Choices">The last of them in order, each [function index, choice]; choice 0 is the original, n is variant n.</param>
internal sealed record TraceLine(int Run, ulong Seed, ulong Total, long[][] Choices);

internal sealed record RunSummary(int Runs, RunAnswerCount[] Answers);

internal sealed record RunAnswerCount(int Runs, string Answer);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(TraceLine))]
[JsonSerializable(typeof(RunSummary))]
internal sealed partial class RunJsonContext : JsonSerializerContext;
