using System.Collections.Immutable;
using Mewe.Execution;
using Mewe.Linking;
using Mewe.Wasm.Binary;
using Mewe.Wasm.Validation;

namespace Mewe.Grains;

/// <summary>A linked and checked module, or why there is none.</summary>
public sealed record AssemblyOutcome(byte[]? Module, MultivariantMap? Map, CheckReport? Check, ImmutableArray<string> Notes, JobFailure? Failure);

/// <summary>
/// Assembles the multivariant module and lets nothing out that does not pass four checks: Mewe's own validator, the engines', the structural comparison with
/// the original, and the user's workload, run on both under many seeds, on every engine.
/// </summary>
public sealed class ModuleAssembly(JobPlan plan)
{
    /// <summary>Runs of each workload entry on the multivariant module, each under its own seed and so with its own choices.</summary>
    public const int RunsPerWorkload = 20;

    public async Task<AssemblyOutcome> RunAsync(ImmutableArray<FunctionVariants> functions, LinkPlan decided, IProgress<JobProgress>? progress, CancellationToken cancellationToken)
    {
        var variants = functions.Sum(function => (long)function.Variants.Length);
        progress?.Report(new JobProgress(JobPhase.Linking, functions.Length, functions.Length, 0, variants, 0));
        var linked = MultivariantLinker.TryLink(plan.Module, functions, plan.LinkOptions with { Plan = decided.ToCompactJson() }, out var linkError);
        if (linked is null)
        {
            var kind = linkError!.Kind is LinkErrorKind.RandomnessUnavailable or LinkErrorKind.NameTaken ? JobFailureKind.BadOptions
                : linkError.Kind is LinkErrorKind.UnfitVariant ? JobFailureKind.CheckFailed
                : JobFailureKind.BadModule;
            return Failed(kind, linkError.Message);
        }

        progress?.Report(new JobProgress(JobPhase.Checking, functions.Length, functions.Length, 0, variants, 0));
        var reread = ModuleReader.TryRead(linked.Module, out var error);
        error ??= ModuleValidator.Validate(reread!, cancellationToken);
        if (error is not null)
        {
            return Failed(JobFailureKind.CheckFailed, $"the linked module does not validate: {error}");
        }

        foreach (var engine in plan.Engines.All)
        {
            var validation = await engine.ValidateAsync(linked.Module, cancellationToken);
            if (!validation.TryGet(out var answer, out var failure))
            {
                return Failed(JobFailureKind.EngineFailed, failure.ToString());
            }

            if (!answer.Valid)
            {
                return Failed(JobFailureKind.CheckFailed, $"{engine.Info.Name} does not accept the linked module: {answer.Message}");
            }
        }

        var differences = StructureCheck.Compare(plan.Module, reread!);
        if (!differences.IsEmpty)
        {
            return Failed(JobFailureKind.CheckFailed, $"the linked module differs from the original outside its variants: {differences[0]}");
        }

        var runs = 0;
        var notes = linked.Notes.ToBuilder();
        foreach (var engine in plan.Engines.All)
        {
            var comparison = await new WorkloadComparison(engine).CompareAsync(plan.Request.Module, linked.Module, plan.Workload, plan.Request.Options.Seed, RunsPerWorkload, cancellationToken);
            if (comparison.Failure is { } difference)
            {
                return Failed(comparison.EngineFailed ? JobFailureKind.EngineFailed : JobFailureKind.CheckFailed, $"on {engine.Info.Name}, {difference}");
            }

            runs += comparison.Runs;
            notes.AddRange(comparison.Notes.Where(note => !notes.Contains(note)));
        }

        return new AssemblyOutcome(linked.Module, linked.Map, new CheckReport(plan.Workload.Description, runs), notes.ToImmutable(), null);
    }

    private static AssemblyOutcome Failed(JobFailureKind kind, string message) => new(null, null, null, [], new JobFailure(kind, message));
}
