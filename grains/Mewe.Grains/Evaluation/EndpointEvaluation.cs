using System.Collections.Immutable;
using System.Globalization;
using System.Numerics;
using Mewe.Execution;
using Mewe.Linking;
using Mewe.Store;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Grains;

/// <summary>The evaluation of one endpoint.</summary>
internal sealed class EndpointEvaluation(JobEngines engines, EvaluationOptions options, EvaluationSubject subject, int threads)
{
    /// <summary>Runs of each workload entry with which every form is compared with the original before it is measured.</summary>
    private const int ComparedRuns = 3;

    private const int OriginalNodes = 8, OriginalRuns = 10;

    /// <summary>See <see cref="TimingRequest.Processes"/>.</summary>
    private const int TimedProcesses = 5;

    private static readonly TimeSpan TimingLimit = TimeSpan.FromMinutes(10);

    // Traces and times are the target's.
    private readonly IWasmEngine engine = engines.Target;

    private sealed record Form(LinkRecipe Recipe, byte[] Module, MultivariantMap Map);

    /// <summary>Lemmas of earlier jobs.</summary>
    public ILemmaStore? Store { get; init; }

    /// <summary>Is told what a reader of the report should know.</summary>
    public required Action<string> Note { get; init; }

    /// <summary>Is told the step and the share of it that is done.</summary>
    public required Action<string, double> Progress { get; init; }

    /// <summary>The report; null, after a note, where there is nothing to run, and where there is a failure.</summary>
    public async Task<(EndpointReport? Report, JobFailure? Failure)> RunAsync(CancellationToken cancellationToken)
    {
        if (subject.Shape is not { } shape)
        {
            Note("it is left out, for its workload has nothing to run");
            return (null, null);
        }

        Progress("diversifying", 0);
        // A plan is made only where a form needs it. What it decides is in the variants that are taken out of the module, for that form alone.
        var policy = options.Recipes.Any(recipe => recipe.Policy == DispatchPolicy.Auto) ? DispatchPolicy.Auto : DispatchPolicy.Call;
        var jobOptions = new JobOptions { Variants = options.Variants, Seed = options.Seed, Policy = policy };
        var request = new JobRequest(subject.Module, jobOptions, subject.Workload);
        var job = await new LocalJob(engines, request, Store).RunAsync(threads, new Diversifying(Progress), cancellationToken);
        if (job.Failure is not null)
        {
            return (null, job.Failure);
        }

        var original = ModuleReader.Read(subject.Module);
        var contents = MultivariantReader.TryRead(ModuleReader.Read(job.Module!), out var error) ?? throw new WasmException(error!);
        var (forms, failure) = await LinkAsync(original, contents, cancellationToken);
        if (failure is not null)
        {
            return (null, failure);
        }

        var traces = await TraceAsync(original, forms, shape, cancellationToken);
        var times = await TimeAsync(forms, shape, cancellationToken);
        var reports = forms.Select((form, i) => new FormReport(form.Recipe.Name, form.Module.Length, traces[i + 1], times?[i + 1]));
        return (Report(original, contents, job.Report!.Preservation, shape, new FormReport("original", subject.Module.Length, traces[0], times?[0]), [.. reports]), null);
    }

    private async Task<(ImmutableArray<Form> Forms, JobFailure? Failure)> LinkAsync(WasmModule original, MultivariantContents contents, CancellationToken cancellationToken)
    {
        var forms = ImmutableArray.CreateBuilder<Form>();
        var profile = options.Recipes.Any(recipe => recipe.Policy != DispatchPolicy.Auto)
            ? await new ProfileRecording(engine, original).RecordAsync(subject.Workload, options.Seed, cancellationToken) : null;
        foreach (var recipe in options.Recipes)
        {
            Progress($"linking and comparing: {recipe.Name}", 0);
            var functions = profile is null || recipe.Policy == DispatchPolicy.Auto || recipe.Name == LinkRecipe.MeweStyle ? contents.Functions : Dispatched(recipe.Policy, original, contents.Functions, profile);
            var linkOptions = new LinkOptions { Policy = recipe.Policy, Randomness = recipe.Randomness, Seed = options.Seed, ToolVersion = ToolVersion.Text };
            if (MultivariantLinker.TryLink(original, functions, linkOptions, out var error) is not { } linked)
            {
                Note($"it cannot be linked with {recipe.Name}: {error!.Message}");
                continue;
            }

            var comparison = await new WorkloadComparison(engine).CompareAsync(subject.Module, linked.Module, subject.Workload, options.Seed, ComparedRuns, cancellationToken);
            if (comparison.Failure is { } difference)
            {
                return ([], new JobFailure(comparison.EngineFailed ? JobFailureKind.EngineFailed : JobFailureKind.CheckFailed, $"{recipe.Name}: {difference}"));
            }

            forms.Add(new Form(recipe, linked.Module, linked.Map));
        }

        return (forms.ToImmutable(), null);
    }

    /// <summary>As a job under the policy decides, and not as the plan that was made for <c>auto</c> does.</summary>
    private ImmutableArray<FunctionVariants> Dispatched(DispatchPolicy policy, WasmModule original, ImmutableArray<FunctionVariants> functions, WorkloadProfile profile)
    {
        var lengths = functions.Select(function => new FunctionLengths(function.Function,
            [original.Bodies[(int)function.Function - original.ImportedFunctionCount].Decode().Instructions.Length, .. function.Variants.Select(variant => variant.Code.Code.Instructions.Length)])).ToList();
        var dispatch = new UniformDispatch(policy, original, subject.Workload, lengths, profile, repeats: true);
        return [.. functions.Select(function => function with
        {
            Dispatch = new FunctionDispatch(DispatchMode.Call) { Form = dispatch.Form(function.Function) ?? DispatchForm.BranchTable, Bound = dispatch.Bound(function.Function) ?? false },
            Inlines = dispatch.InlinedInto(function.Function) ?? [],
        })];
    }

    /// <summary>
    /// The original's traces and those of the forms that are traced. The original is expected to do the same every time, so few of its runs are enough to see whether it does;
    /// the first recipe is the one that matters, and the others are traced on a quarter of the nodes.
    /// </summary>
    private async Task<TraceReport?[]> TraceAsync(WasmModule original, ImmutableArray<Form> forms, RunShape shape, CancellationToken cancellationToken)
    {
        var traces = new TraceReport?[forms.Length + 1];
        var few = options with { Nodes = Math.Min(options.Nodes, OriginalNodes), Runs = Math.Min(options.Runs, OriginalRuns) };
        traces[0] = await TraceAsync("original", original, null, new TraceMeasurement(engine, shape, few), cancellationToken);
        var all = new TraceMeasurement(engine, shape, options);
        var some = new TraceMeasurement(engine, shape, options with { Nodes = Math.Max(Math.Min(options.Nodes, OriginalNodes), options.Nodes / 4) });
        for (var i = 0; i < forms.Length; i++)
        {
            if (forms[i].Recipe.IsTraced)
            {
                traces[i + 1] = await TraceAsync(forms[i].Recipe.Name, ModuleReader.Read(forms[i].Module), forms[i].Map, forms[i].Recipe == options.Recipes[0] ? all : some, cancellationToken);
            }
        }

        return traces;
    }

    private async Task<TraceReport?> TraceAsync(string name, WasmModule module, MultivariantMap? map, TraceMeasurement measurement, CancellationToken cancellationToken)
    {
        var outcome = await measurement.MeasureAsync(module, map, threads, share => Progress($"tracing: {name}", share), cancellationToken);
        if (outcome.Problem is { } problem)
        {
            Note($"{name} was not traced: {problem}");
        }

        return outcome.Report;
    }

    private async Task<TimeReport[]?> TimeAsync(ImmutableArray<Form> forms, RunShape shape, CancellationToken cancellationToken)
    {
        Progress("timing", 0);
        ImmutableArray<ReadOnlyMemory<byte>> modules = [subject.Module, .. forms.Select(form => (ReadOnlyMemory<byte>)form.Module)];

        // A service runs for long: timed is what it comes to, with every variant optimized, and not how fast an engine gets there with seventeen times the code.
        var request = new TimingRequest(modules, shape.Once, options.Rounds)
        {
            Seed = options.Seed, Tier = TimingTier.Settled, Processes = TimedProcesses, WarmupRounds = LinkPlanner.WarmupRounds, UnknownImports = UnknownImports.Zero, AbortAfter = TimingLimit,
        };
        var answer = await engine.TimeAsync(request, cancellationToken);
        if (!answer.TryGet(out var result, out var failure))
        {
            throw new EngineFailedException($"the endpoint could not be timed: {failure}");
        }

        if (result.Rejection is { } rejection)
        {
            Note($"it was not timed: {rejection}");
            return null;
        }

        return [.. result.Nanoseconds.Select((own, i) => TimeReport.Of(own, result.Nanoseconds[0], i == 0))];
    }

    private EndpointReport Report(WasmModule original, MultivariantContents contents, PreservationTotals preservation, RunShape shape, FormReport originalReport, ImmutableArray<FormReport> forms)
    {
        var graph = CallGraph.Of(original);
        var entries = original.Exports.Where(export => export.Kind == ExternKind.Function && shape.Entries.Contains(export.Name)).Select(export => (int)export.Index).ToList();
        var choices = contents.Functions.ToDictionary(function => (int)function.Function, function => 1 + function.Variants.Length);
        var variants = contents.Functions.SelectMany(function => function.Variants).ToList();
        return new EndpointReport
        {
            Name = subject.Name,
            File = subject.File,
            Form = shape.Form,
            Functions = original.Bodies.Count,
            Dispatchers = contents.Functions.Count(function => !function.Variants.IsEmpty),
            Variants = variants.Count,
            Proved = variants.Count(variant => variant.Evidence.Kind == EvidenceKind.Proved),
            Preservation = preservation,
            OriginalPaths = Digits(graph.CountPaths(entries, _ => 1)),
            MultivariantPaths = Digits(graph.CountPaths(entries, function => choices.GetValueOrDefault(function, 1))),
            Original = originalReport,
            Forms = forms,
            Paper = PaperFigures.Of(subject.Name),
        };
    }

    private static string Digits(BigInteger number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>The progress of diversifying as a share of the evaluation's step.</summary>
    private sealed class Diversifying(Action<string, double> report) : IProgress<JobProgress>
    {
        public void Report(JobProgress value) =>
            report(value.Phase == JobPhase.Measuring ? "planning" : "diversifying", value.FunctionsTotal == 0 ? 0 : (double)value.FunctionsDone / value.FunctionsTotal);
    }
}
