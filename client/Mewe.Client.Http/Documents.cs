using System.Text.Json;
using System.Text.Json.Serialization;

namespace Mewe.Client.Http;

/// <summary>Where a job stands. The last three are final.</summary>
[JsonConverter(typeof(JobStateConverter))]
public enum JobState
{
    Queued,
    Planning,
    Running,
    Linking,
    Completed,
    Failed,
    Cancelled,
}

/// <summary>A job as the cluster knows it. Times are the cluster's.</summary>
/// <param name="Id">32 hexadecimal digits; their order is that of submission.</param>
/// <param name="Module">SHA-256 of the module that was submitted.</param>
/// <param name="Options">As they were submitted, with what was left out.</param>
/// <param name="Owner">The id of the key that submitted it; null where none was needed.</param>
/// <param name="NotBefore">Nobody begins before.</param>
/// <param name="Error">Why it failed; of a job that goes on, why the last attempt at a step did.</param>
/// <param name="Output">What it made; null until it is completed.</param>
public sealed record Job(string Id, string Name, JobState State, string Module, JsonElement Options, string? Owner, int Priority, int Weight, DateTimeOffset SubmittedAt, DateTimeOffset? NotBefore,
    DateTimeOffset? StartedAt, DateTimeOffset? FinishedAt, JobError? Error, JobOutput? Output, JobProgress Progress)
{
    /// <summary>True where nothing more will happen, unless somebody retries it.</summary>
    [JsonIgnore]
    public bool IsFinished => State >= JobState.Completed;
}

/// <param name="Kind">BadModule, BadOptions, EngineFailed, BadPlan, CheckFailed, Defect, Unusable or SiloDied.</param>
public sealed record JobError(string Kind, string Message);

/// <summary>SHA-256 of what a job made.</summary>
public sealed record JobOutput(string Module, string Report, string Plan);

/// <summary>How far a job is: functions by state, and what became of candidates.</summary>
/// <param name="Total">Functions; 0 until the job is planned.</param>
/// <param name="Variants">Candidates of finished functions that passed.</param>
public sealed record JobProgress(JobState State, int Total, int Available, int Running, int Done, int Failed, int Cancelled, long Variants, long Proposed, long Tested, long Refuted);

/// <summary>A page of jobs, the newest first.</summary>
/// <param name="Next">What to give as <c>after</c> for the next page; null on the last.</param>
public sealed record JobPage(IReadOnlyList<Job> Jobs, string? Next);

/// <summary>A function of a job.</summary>
/// <param name="State">available, running, done, failed or cancelled.</param>
/// <param name="Attempt">How often it was begun.</param>
/// <param name="Silo">Who works on it, or did last.</param>
public sealed record JobFunction(int Index, string Name, long Cost, string State, int Attempt, int Failures, string? Silo, DateTimeOffset? StartedAt, DateTimeOffset? FinishedAt, DateTimeOffset? NotBefore, JobError? Error,
    int Variants, long Proposed, long Tested, long Refuted);

/// <summary>A page of functions, by index.</summary>
public sealed record FunctionPage(IReadOnlyList<JobFunction> Functions, string? Next);

/// <summary>A variant that a job found.</summary>
/// <param name="Code">SHA-256 of its body.</param>
/// <param name="Evidence"><c>proved</c> or <c>tested</c>; what is proved is tested as well.</param>
/// <param name="Linked">Whether it is in the module that the job made.</param>
public sealed record JobVariant(int Function, int Ordinal, string Code, int CodeBytes, string Transforms, string Evidence, string? Reason, long TestsPassed, bool Linked);

/// <summary>A page of variants, by function and ordinal.</summary>
public sealed record VariantPage(IReadOnlyList<JobVariant> Variants, string? Next);

/// <summary>A silo of the cluster.</summary>
public sealed record Silo(string Name, long Epoch, int Workers, string Version, bool Alive, DateTimeOffset RegisteredAt, DateTimeOffset ExpiresAt);

/// <summary>States are words in lower case.</summary>
internal sealed class JobStateConverter() : JsonStringEnumConverter<JobState>(JsonNamingPolicy.CamelCase, allowIntegerValues: false);

/// <summary>Documents as programs read them: JSON, as the cluster gave it.</summary>
public static class DocumentExtensions
{
    public static byte[] ToJson(this Job job) => JsonSerializer.SerializeToUtf8Bytes(job, DocumentsJsonContext.Default.Job);

    public static byte[] ToJson(this JobPage page) => JsonSerializer.SerializeToUtf8Bytes(page, DocumentsJsonContext.Default.JobPage);
}

internal sealed record SiloList(IReadOnlyList<Silo> Silos);

internal sealed record Problem(string? Type, string? Title, int? Status, string? Detail, long? Offset);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, PropertyNameCaseInsensitive = false)]
[JsonSerializable(typeof(Job))]
[JsonSerializable(typeof(JobPage))]
[JsonSerializable(typeof(JobProgress))]
[JsonSerializable(typeof(FunctionPage))]
[JsonSerializable(typeof(VariantPage))]
[JsonSerializable(typeof(SiloList))]
[JsonSerializable(typeof(Problem))]
internal sealed partial class DocumentsJsonContext : JsonSerializerContext;
