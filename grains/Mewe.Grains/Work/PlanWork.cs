using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Mewe.Diversify;
using Mewe.Equivalence.Proof.Solving;
using Mewe.Linking;
using Mewe.Wasm;
using Mewe.Wasm.Binary;
using Mewe.Wasm.Validation;

namespace Mewe.Grains;

/// <summary>The first step of a job: reads and checks the module, chooses functions, and runs the workload on an instrumented copy.</summary>
public sealed class PlanWork(JobEngines engines, ISolver? solver, JobRequest request)
{
    private static readonly TimeSpan PatternTimeout = TimeSpan.FromSeconds(1);

    /// <summary>The plan, or why there can be none.</summary>
    /// <exception cref="EngineFailedException">An engine failed.</exception>
    public async Task<(JobPlan? Plan, JobFailure? Failure)> RunAsync(IProgress<JobProgress>? progress, CancellationToken cancellationToken)
    {
        progress?.Report(new JobProgress(JobPhase.Planning, 0, 0, 0, 0, 0));
        var module = ModuleReader.TryRead(request.Module, out var error);
        error ??= ModuleValidator.Validate(module!, cancellationToken);
        if (error is not null)
        {
            return Failed(JobFailureKind.BadModule, error.ToString());
        }

        if (MeweSection.IsIn(module!))
        {
            return Failed(JobFailureKind.BadModule, "this module is multivariant already; give the original");
        }

        var validation = await engines.Target.ValidateAsync(request.Module, cancellationToken);
        if (!validation.TryGet(out var answer, out var engineFailure))
        {
            return Failed(JobFailureKind.EngineFailed, engineFailure.ToString());
        }

        if (!answer.Valid)
        {
            return Failed(JobFailureKind.EngineFailed, $"the module is valid, but {JobEngines.NameOf(engines.Target)} does not accept it, so no variant could be tested: {answer.Message}");
        }

        var names = new FunctionNames(module!);
        if (!TrySelectFunctions(module!, names, out var functions, out var leftAlone, out var failure))
        {
            return (null, failure);
        }

        var workload = request.Workload ?? WorkloadFile.Default(JobPlan.IsCommand(module!));
        var notes = ImmutableArray.CreateBuilder<string>();
        progress?.Report(new JobProgress(JobPhase.Recording, 0, functions.Length, 0, 0, 0));
        var recorded = await new WorkloadRecording(engines.Target, module!).RecordAsync(workload, request.Options.Seed, notes, cancellationToken);
        var hot = await HotFunctions.FindAsync(engines.Target, module!, request.Workload, request.Options.Seed, cancellationToken);
        if (solver is null)
        {
            notes.Add($"fewer variants are proved without the solver: {Z3Solver.MissingReason ?? "none was given"}");
        }

        var (accepting, refusals) = await engines.AcceptingAsync(request.Module, cancellationToken);
        notes.AddRange(refusals);
        var plan = new JobPlan(request, module!, new ModuleFacts(module!), names, workload, recorded)
        {
            Engines = accepting,
            Functions = functions,
            LeftAlone = leftAlone,
            Hot = hot,
            RecordedOptions = request.Options.Canonical() + (solver is null ? " solver=none" : ""),
            Notes = notes.ToImmutable(),
        };
        return request.Plan is { } given && PlanCheck.BeforeWork(given, plan) is { } misfit ? (null, misfit) : (plan, null);
    }

    internal static Regex? Pattern(string? text) => text is null ? null : new Regex(text, RegexOptions.CultureInvariant, PatternTimeout);

    private static (JobPlan?, JobFailure) Failed(JobFailureKind kind, string message) => (null, new JobFailure(kind, message));

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
}
