using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Mewe.Diversify;
using Mewe.Equivalence;
using Mewe.Equivalence.Proof.Solving;
using Mewe.Execution;
using Mewe.Linking;
using Mewe.Store;
using Mewe.Wasm;
using Mewe.Wasm.Binary;
using Mewe.Wasm.Validation;

namespace Mewe.Grains;

/// <summary>
/// Takes one job from request to module: plans, lets a <see cref="FunctionGrain"/> work on each function, and hands the results to the
/// <see cref="LinkerGrain"/>. A grain runs one job once.
/// </summary>
/// <param name="store">Lemmas of earlier jobs, which change the time and never the result; null for none.</param>
public sealed class JobGrain(JobEngines engines, JobRequest request, ILemmaStore? store = null)
{
    /// <summary>A job on one engine.</summary>
    public JobGrain(IWasmEngine engine, JobRequest request, ILemmaStore? store = null)
        : this(JobEngines.Only(engine), request, store)
    {
    }

    /// <summary>Functions of this size are counted in the report's share of functions with eight or more variants.</summary>
    private const int EligibleInstructions = 8;

    private static readonly TimeSpan PatternTimeout = TimeSpan.FromSeconds(1);

    /// <summary>Helps with proofs; null for none, and then less is proved.</summary>
    public ISolver? Solver { get; init; } = Prover.DefaultSolver;

    /// <summary>Runs the job on at most <paramref name="threads"/> functions at a time. The number decides nothing but the time it takes.</summary>
    public async Task<JobResult> RunAsync(int threads, IProgress<JobProgress>? progress, CancellationToken cancellationToken)
    {
        var clock = new JobClock(engines);
        progress?.Report(new JobProgress(JobPhase.Planning, 0, 0, 0, 0, 0));
        JobPlan? plan;
        LinkPlan? decided;
        FunctionCandidates[] candidates;
        JobLemmas lemmas;
        try
        {
            (plan, var failure) = await PlanAsync(progress, cancellationToken);
            if (plan is null)
            {
                return new JobResult(null, null, failure);
            }

            if (request.Plan is { } early && PlanCheck.BeforeWork(early, plan) is { } misfit)
            {
                return new JobResult(null, null, misfit);
            }

            (lemmas, var problem) = await JobLemmas.LoadAsync(store, Solver, cancellationToken);
            var machineCode = new MachineCodeReading(plan.Engines, plan.Module, wanted: request.Plan is null);
            var tester = new DifferentialTester(engines.Target, plan.Module, new TestOptions { Seed = request.Options.Seed });
            using var prover = new Prover(threads, Solver, lemmas);
            candidates = await RunFunctionsAsync(plan, tester, prover, machineCode, threads, progress, cancellationToken);
            plan = machineCode.Problems.Aggregate(plan, (noted, note) => noted.Noting(note)).Noting(Disagreement(plan, candidates));
            progress?.Report(new JobProgress(JobPhase.Measuring, candidates.Length, candidates.Length, 0, 0, 0));
            decided = request.Plan;
            if (decided is not null && PlanCheck.AgainstCandidates(decided, candidates) is { } unfit)
            {
                return new JobResult(null, null, unfit);
            }

            if (decided is null)
            {
                (decided, var notes) = await new LinkPlanner(engines.Target, plan).DecideAsync(candidates, cancellationToken);
                plan = notes.Aggregate(plan, (noted, note) => noted.Noting(note));
            }

            var proofs = new ChosenProofs(plan, tester, prover);
            var chosen = decided.Functions.ToDictionary(function => function.Function, function => function.Variants);
            await Parallel.ForEachAsync(candidates, new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellationToken },
                async (function, token) => await proofs.RunAsync(function, chosen.GetValueOrDefault(function.Function, []), token));
            problem ??= await lemmas.SaveAsync(cancellationToken);
            plan = plan.Noting(problem is null ? null : $"lemmas are not kept: {problem.Message}");
        }
        catch (EngineFailedException exception)
        {
            return JobResult.Failed(JobFailureKind.EngineFailed, exception.Message);
        }

        var planned = decided.Functions.ToDictionary(function => function.Function);
        var outcomes = candidates.Select(function => function.Choose(planned.GetValueOrDefault(function.Function))).ToArray();
        var linker = new LinkerGrain(plan);
        var linked = await linker.RunAsync([.. outcomes.Select(outcome => outcome.Variants)], decided, progress, cancellationToken);
        if (linked.Failure is not null)
        {
            return new JobResult(null, null, linked.Failure);
        }

        var report = Report(plan, decided, outcomes, linked, lemmas, clock);
        progress?.Report(new JobProgress(JobPhase.Completed, outcomes.Length, outcomes.Length, report.Totals.Tested, report.Totals.Variants, report.Totals.Refuted));
        return new JobResult(linked.Module, report, null) { Plan = decided };
    }

    private async Task<(JobPlan? Plan, JobFailure? Failure)> PlanAsync(IProgress<JobProgress>? progress, CancellationToken cancellationToken)
    {
        var module = ModuleReader.TryRead(request.Module, out var error);
        error ??= ModuleValidator.Validate(module!, cancellationToken);
        if (error is not null)
        {
            return (null, new JobFailure(JobFailureKind.BadModule, error.ToString()));
        }

        if (MeweSection.IsIn(module!))
        {
            return (null, new JobFailure(JobFailureKind.BadModule, "this module is multivariant already; give the original"));
        }

        var validation = await engines.Target.ValidateAsync(request.Module, cancellationToken);
        if (!validation.TryGet(out var answer, out var engineFailure))
        {
            return (null, new JobFailure(JobFailureKind.EngineFailed, engineFailure.ToString()));
        }

        if (!answer.Valid)
        {
            return (null, new JobFailure(JobFailureKind.EngineFailed,
                $"the module is valid, but {JobEngines.NameOf(engines.Target)} does not accept it, so no variant could be tested: {answer.Message}"));
        }

        var names = new FunctionNames(module!);
        if (!TrySelectFunctions(module!, names, out var functions, out var leftAlone, out var failure))
        {
            return (null, failure);
        }

        var isCommand = module!.Exports.Any(export => export is { Name: "_start", Kind: ExternKind.Function });
        var workload = request.Workload ?? WorkloadFile.Default(isCommand);
        var notes = ImmutableArray.CreateBuilder<string>();
        progress?.Report(new JobProgress(JobPhase.Recording, 0, functions.Length, 0, 0, 0));
        var recorded = await new WorkloadRecording(engines.Target, module).RecordAsync(workload, request.Options.Seed, notes, cancellationToken);
        if (Solver is null)
        {
            notes.Add($"fewer variants are proved without the solver: {Z3Solver.MissingReason ?? "none was given"}");
        }

        var (accepting, refusals) = await engines.AcceptingAsync(request.Module, cancellationToken);
        notes.AddRange(refusals);
        var plan = new JobPlan(request, module, new ModuleFacts(module), names, workload, recorded)
        {
            Engines = accepting,
            Functions = functions,
            LeftAlone = leftAlone,
            RecordedOptions = request.Options.Canonical() + (Solver is null ? " solver=none" : ""),
            Notes = notes.ToImmutable(),
        };
        return (plan, null);
    }

    private bool TrySelectFunctions(WasmModule module, FunctionNames names, out ImmutableArray<uint> functions,
        out ImmutableSortedDictionary<uint, string> leftAlone, out JobFailure? failure)
    {
        var chosen = ImmutableArray.CreateBuilder<uint>();
        var left = ImmutableSortedDictionary.CreateBuilder<uint, string>();
        (functions, leftAlone, failure) = ([], ImmutableSortedDictionary<uint, string>.Empty, null);
        try
        {
            var include = Pattern(request.Options.Functions);
            var exclude = Pattern(request.Options.Exclude);
            for (var function = (uint)module.ImportedFunctionCount; function < module.FunctionCount; function++)
            {
                var name = names.Of(function);
                if (include?.IsMatch(name) == false)
                {
                    left.Add(function, "not chosen by --functions");
                }
                else if (exclude?.IsMatch(name) == true)
                {
                    left.Add(function, "excluded by --exclude");
                }
                else
                {
                    chosen.Add(function);
                }
            }
        }
        catch (Exception exception) when (exception is ArgumentException or RegexMatchTimeoutException)
        {
            failure = new JobFailure(JobFailureKind.BadOptions, $"a function pattern cannot be used: {exception.Message}");
            return false;
        }

        if (chosen.Count == 0 && module.Bodies.Count > 0)
        {
            failure = new JobFailure(JobFailureKind.BadOptions, "the patterns leave no function to diversify; `mewe inspect` lists their names");
            return false;
        }

        (functions, leftAlone) = (chosen.ToImmutable(), left.ToImmutable());
        return true;
    }

    /// <summary>That the engines do not agree about the original: a thing to know of the service, and nothing that a variant could help.</summary>
    private static string? Disagreement(JobPlan plan, FunctionCandidates[] candidates)
    {
        var functions = candidates.Where(function => function.Disagreements > 0).ToList();
        return functions.Count == 0 ? null
            : $"{plan.Engines.Names} do not agree about {functions.Count} of the original functions, {functions[0].Name} for example ({functions[0].Disagreements} inputs): "
                + "on each engine, variants are compared with what the original does there";
    }

    internal static Regex? Pattern(string? text) => text is null ? null : new Regex(text, RegexOptions.CultureInvariant, PatternTimeout);

    private async Task<FunctionCandidates[]> RunFunctionsAsync(
        JobPlan plan, DifferentialTester tester, Prover prover, MachineCodeReading machineCode, int threads, IProgress<JobProgress>? progress, CancellationToken cancellationToken)
    {
        var outcomes = new FunctionCandidates[plan.Functions.Length];
        int done = 0;
        long tested = 0, variants = 0, refuted = 0;

        // The longest first: then the last functions to finish are short ones, and no thread waits long for another.
        var order = Enumerable.Range(0, plan.Functions.Length)
            .OrderByDescending(position => plan.Module.Bodies[(int)plan.Functions[position] - plan.Facts.ImportedFunctionCount].Content.Length);
        var parallelism = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(order, parallelism, async (position, token) =>
        {
            var grain = new FunctionGrain(plan, tester, prover, machineCode, plan.Functions[position]);
            var outcome = await grain.RunAsync(
                (count, _) =>
                {
                    Interlocked.Add(ref tested, count);
                    Show();
                },
                token);
            outcomes[position] = outcome;
            Interlocked.Increment(ref done);
            Interlocked.Add(ref variants, Math.Min(outcome.Count, request.Options.Variants));
            Interlocked.Add(ref refuted, outcome.Refuted.Length);
            Show();
        });
        return outcomes;

        void Show() => progress?.Report(new JobProgress(JobPhase.Running, Volatile.Read(ref done), outcomes.Length, Volatile.Read(ref tested),
            Volatile.Read(ref variants), Volatile.Read(ref refuted)));
    }

    private DiversifyReport Report(JobPlan plan, LinkPlan decided, FunctionOutcome[] outcomes, LinkerOutcome linked, JobLemmas lemmas, JobClock clock)
    {
        var leftAlone = plan.LeftAlone.Select(pair => new FunctionReport(pair.Key, plan.Names.Of(pair.Key),
            plan.Module.Bodies[(int)pair.Key - plan.Facts.ImportedFunctionCount].Decode().Instructions.Length, 0, 0, 0, 0, 0, pair.Value, [], []));
        var functions = outcomes.Select(outcome => outcome.Report).Concat(leftAlone).OrderBy(function => function.Index).ToImmutableArray();
        var eligible = functions.Where(function => function.Instructions >= EligibleInstructions).ToList();
        return new DiversifyReport
        {
            ToolVersion = ToolVersion.Text,
            SourceSha256 = Convert.ToHexStringLower(plan.Facts.Sha256.AsSpan()),
            ModuleSha256 = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(linked.Module!)),
            SourceBytes = request.Module.Length,
            ModuleBytes = linked.Module!.Length,
            Seed = request.Options.Seed,
            Options = plan.RecordedOptions,
            Randomness = linked.Map!.Randomness.ToString().ToLowerInvariant(),
            Protection = Protection.Of(linked.Map),
            Engine = plan.Engines.Names,
            Totals = new TotalsReport(
                functions.Length,
                functions.Count(function => function.Variants.Length > 0),
                functions.Sum(function => function.Variants.Length),
                eligible.Count,
                eligible.Count(function => function.Variants.Length >= 8),
                functions.Sum(function => (long)function.Proposed),
                functions.Sum(function => (long)function.Tested),
                functions.Sum(function => (long)function.Refuted.Length),
                outcomes.Sum(outcome => (long)outcome.Inconclusive),
                outcomes.Sum(outcome => (long)outcome.Invalid),
                Math.Round(clock.ProcessorTime.TotalSeconds, 2),
                Math.Round(clock.Elapsed.TotalSeconds, 2)),
            Proofs = Proofs(functions, outcomes, lemmas),
            Check = linked.Check!,
            Plan = decided.Basis,
            Preservation = Preservation(functions),
            Notes = [.. plan.Notes, .. linked.Notes],
            Functions = functions,
        };
    }

    private ProofsReport Proofs(ImmutableArray<FunctionReport> functions, FunctionOutcome[] outcomes, JobLemmas lemmas)
    {
        var variants = functions.SelectMany(function => function.Variants).ToList();
        var open = variants.Where(variant => variant.Evidence != EvidenceKind.Proved.Word()).ToList();
        var attempted = outcomes.Sum(outcome => (long)outcome.Proofs.Attempted);
        return new ProofsReport(
            Prover.NameOf(Solver), variants.Count, variants.Count - open.Count, open.Count, Share(variants.Count - open.Count, variants.Count),
            Categories(open.Select(variant => (variant.NotProved ?? "not attempted", 1)), variants.Count),
            attempted, outcomes.Sum(outcome => (long)outcome.Proofs.Proved), Categories(outcomes.SelectMany(outcome => outcome.Proofs.NotProved), attempted),
            lemmas.Asked, lemmas.Known);
    }

    private static PreservationTotals Preservation(ImmutableArray<FunctionReport> functions)
    {
        var known = functions.SelectMany(function => function.Variants).Where(variant => variant.OwnMachineCode is not null).ToList();
        var own = known.Count(variant => variant.OwnMachineCode == true);
        var byTransform = known.SelectMany(variant => variant.Transforms.Select(transform => (Transform: transform.Split('*')[0], Own: variant.OwnMachineCode == true)).Distinct())
            .GroupBy(entry => entry.Transform)
            .ToImmutableSortedDictionary(entries => entries.Key, entries => new PreservedShare(entries.Count(), entries.Count(entry => entry.Own)), StringComparer.Ordinal);
        var byEngine = known.SelectMany(variant => variant.OwnMachineCodeOn!.Value).CountBy(engine => engine)
            .ToImmutableSortedDictionary(count => count.Key, count => new PreservedShare(known.Count, count.Value), StringComparer.Ordinal);
        return new PreservationTotals(known.Count, own, Share(own, known.Count), byTransform, byEngine);
    }

    private static ImmutableArray<CategoryReport> Categories(IEnumerable<(string Category, int Count)> counts, long all) =>
        [.. counts.GroupBy(pair => pair.Category, (category, pairs) => (Category: category, Count: pairs.Sum(pair => (long)pair.Count)))
            .OrderByDescending(pair => pair.Count).ThenBy(pair => pair.Category, StringComparer.Ordinal)
            .Select(pair => new CategoryReport(pair.Category, pair.Count, Share(pair.Count, all)))];

    private static double Share(long part, long all) => all == 0 ? 1 : Math.Round((double)part / all, 4);
}
