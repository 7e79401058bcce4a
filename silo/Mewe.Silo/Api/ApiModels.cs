using System.Text.Json;
using System.Text.Json.Serialization;
using Mewe.Store;

namespace Mewe.Silo.Api;

/// <summary>A job as the API shows it. Times are the store's.</summary>
/// <param name="State">queued, planning, running, linking, completed, failed or cancelled.</param>
/// <param name="Module">SHA-256 of the module that was submitted.</param>
/// <param name="Owner">The id of the key that submitted it; null where none was needed.</param>
/// <param name="Error">Why it failed; of a job that goes on, why the last attempt at a step did.</param>
/// <param name="Output">What it made; null until it is completed.</param>
internal sealed record JobDocument(string Id, string Name, string State, string Module, JsonElement Options, string? Owner, int Priority, int Weight, DateTimeOffset SubmittedAt, DateTimeOffset? NotBefore,
    DateTimeOffset? StartedAt, DateTimeOffset? FinishedAt, ErrorDocument? Error, OutputDocument? Output, ProgressDocument Progress)
{
    public static JobDocument Of(JobRecord job) => new(
        job.Id, job.Submitted.Name, Word(job.State), job.Submitted.Module.ToString(), JsonElement.Parse(job.Submitted.Options), job.Submitted.Owner, job.Submitted.Priority, job.Submitted.Weight,
        job.SubmittedAt, job.Submitted.NotBefore, job.StartedAt, job.FinishedAt, ErrorDocument.Of(job.Error),
        job.Output is { } output ? new OutputDocument(output.Module.ToString(), output.Report.ToString(), output.LinkPlan.ToString()) : null,
        ProgressDocument.Of(job.State, job.Progress));

    public static string Word<T>(T state)
        where T : struct, Enum => state.ToString().ToLowerInvariant();
}

/// <param name="Kind">BadModule, BadOptions, EngineFailed, BadPlan, CheckFailed, Defect, Unusable or SiloDied.</param>
internal sealed record ErrorDocument(string Kind, string Message)
{
    public static ErrorDocument? Of(WorkError? error) => error is null ? null : new ErrorDocument(error.Kind, error.Message);
}

/// <summary>SHA-256 of what a job made.</summary>
internal sealed record OutputDocument(string Module, string Report, string Plan);

/// <summary>How far a job is: functions by state, and what became of candidates.</summary>
/// <param name="Variants">Candidates of finished functions that passed.</param>
internal sealed record ProgressDocument(string State, int Total, int Available, int Running, int Done, int Failed, int Cancelled, long Variants, long Proposed, long Tested, long Refuted)
{
    public static ProgressDocument Of(JobState state, JobProgress progress) => new(
        JobDocument.Word(state), progress.Total, progress.Available, progress.Running, progress.Done, progress.Failed, progress.Cancelled, progress.Variants, progress.Candidates.Proposed,
        progress.Candidates.Tested, progress.Candidates.Refuted);
}

/// <summary>A page of jobs, the newest first.</summary>
/// <param name="Next">What to give as <c>after</c> for the next page; null on the last.</param>
internal sealed record JobPage(JobDocument[] Jobs, string? Next);

/// <param name="State">available, running, done, failed or cancelled.</param>
internal sealed record FunctionDocument(int Index, string Name, long Cost, string State, int Attempt, int Failures, string? Silo, DateTimeOffset? StartedAt, DateTimeOffset? FinishedAt, DateTimeOffset? NotBefore,
    ErrorDocument? Error, int Variants, long Proposed, long Tested, long Refuted)
{
    public static FunctionDocument Of(FunctionRecord function) => new(
        function.Index, function.Name, function.Cost, JobDocument.Word(function.State), function.Attempt, function.Failures, function.Silo, function.StartedAt, function.FinishedAt, function.NotBefore,
        ErrorDocument.Of(function.Error), function.Variants, function.Candidates.Proposed, function.Candidates.Tested, function.Candidates.Refuted);
}

/// <summary>A page of functions by index.</summary>
internal sealed record FunctionPage(FunctionDocument[] Functions, string? Next);

/// <param name="Code">SHA-256 of its body.</param>
/// <param name="Evidence">proved or tested; what is proved is tested as well.</param>
/// <param name="Reason">Why it is not proved.</param>
/// <param name="Linked">Whether it is in the module that the job made.</param>
internal sealed record VariantDocument(int Function, int Ordinal, string Code, int CodeBytes, string Transforms, string Evidence, string? Reason, long TestsPassed, bool Linked)
{
    public static VariantDocument Of(VariantRecord variant) => new(
        variant.Function, variant.Variant.Ordinal, variant.Variant.Code.ToString(), variant.Variant.CodeBytes, variant.Variant.Transforms, JobDocument.Word(variant.Variant.Evidence), variant.Variant.Reason,
        variant.Variant.TestsPassed, variant.Linked);
}

/// <summary>A page of variants by function and ordinal.</summary>
internal sealed record VariantPage(VariantDocument[] Variants, string? Next);

/// <summary>A silo of the cluster.</summary>
internal sealed record SiloDocument(string Name, long Epoch, int Workers, string Version, bool Alive, DateTimeOffset RegisteredAt, DateTimeOffset ExpiresAt)
{
    public static SiloDocument Of(SiloRecord silo) => new(silo.Lease.Silo, silo.Lease.Epoch, silo.Workers, silo.Version, silo.Alive, silo.RegisteredAt, silo.ExpiresAt);
}

/// <summary>All silos by name.</summary>
internal sealed record SiloList(SiloDocument[] Silos);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(JobDocument))]
[JsonSerializable(typeof(JobPage))]
[JsonSerializable(typeof(FunctionPage))]
[JsonSerializable(typeof(VariantPage))]
[JsonSerializable(typeof(SiloList))]
[JsonSerializable(typeof(ProgressDocument))]
[JsonSerializable(typeof(Microsoft.AspNetCore.Mvc.ProblemDetails))]
internal sealed partial class ApiJsonContext : JsonSerializerContext;
