namespace Mewe.Store;

/// <summary>What a job is submitted with. Blobs are put first (<see cref="IJobStore.PutBlobAsync"/>).</summary>
/// <param name="Id">From <see cref="JobId.New"/>. Submitting the same name again changes nothing.</param>
/// <param name="Name">For people: of the file, for example.</param>
/// <param name="Module">The module to diversify.</param>
/// <param name="Options">All options that decide the result, as canonical JSON. The store does not look into it.</param>
public sealed record NewJob(string Id, string Name, BlobHash Module, string Options)
{
    public const int DefaultMaxAttempts = 3, MaxWeight = 1000;

    public string Id { get; } = JobId.IsOne(Id) ? Id : throw new ArgumentException("not the name of a job", nameof(Id));

    public string Name { get; } = StoredText.Of(Name);

    public string Options { get; } = StoredText.Of(Options);

    /// <summary>The workload file, where one was given.</summary>
    public BlobHash? Workload { get; init; }

    /// <summary>The link plan (`--plan`), where one was given.</summary>
    public BlobHash? LinkPlan { get; init; }

    /// <summary>Who submitted it: the id of an API key; null for a local job.</summary>
    public string? Owner
    {
        get;
        init => field = value is null ? null : StoredText.Of(value);
    }

    /// <summary>Jobs of a higher priority get every silo first. -1000 to 1000.</summary>
    public int Priority
    {
        get;
        init => field = value is >= -1000 and <= 1000 ? value : throw new ArgumentOutOfRangeException(nameof(Priority), value, "-1000 to 1000");
    }

    /// <summary>The share of the silos among jobs of the same priority: one of weight 2 runs twice as many functions at a time as one of weight 1.</summary>
    public int Weight
    {
        get;
        init => field = value is >= 1 and <= MaxWeight ? value : throw new ArgumentOutOfRangeException(nameof(Weight), value, $"1 to {MaxWeight}");
    } = 1;

    /// <summary>Nobody plans it before; null for at once. By the store's clock.</summary>
    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>How often a function, the plan or the link may fail before it has failed for good.</summary>
    public int MaxAttempts
    {
        get;
        init => field = value is >= 1 and <= 100 ? value : throw new ArgumentOutOfRangeException(nameof(MaxAttempts), value, "1 to 100");
    } = DefaultMaxAttempts;

    /// <summary>The trace that the job belongs to: a W3C `traceparent`.</summary>
    public string? TraceParent
    {
        get;
        init => field = value is null ? null : StoredText.Of(value);
    }
}

/// <summary>Why a job or a function failed.</summary>
/// <param name="Kind">In the words of who worked on it ("BadModule"); the store does not look into it, and has one of its own, <see cref="SiloDied"/>.</param>
/// <param name="Message">For the user.</param>
public sealed record WorkError(string Kind, string Message)
{
    /// <summary>The silos that worked on it died, <see cref="JobLimits.MaxRescues"/> times.</summary>
    public const string SiloDied = "SiloDied";

    public string Kind { get; } = StoredText.Of(Kind);

    public string Message { get; } = StoredText.Of(Message);
}

/// <summary>What became of the candidates of a function, or of all functions of a job.</summary>
public readonly record struct CandidateTally(long Proposed, long Tested, long Refuted)
{
    public static CandidateTally operator +(CandidateTally a, CandidateTally b) => new(a.Proposed + b.Proposed, a.Tested + b.Tested, a.Refuted + b.Refuted);
}

/// <summary>How far a job is, from counters that change together with what they count. All zero until it is planned.</summary>
/// <param name="Total">Functions.</param>
/// <param name="Available">Of these, the ones that wait for a silo, with those that wait after a failure.</param>
/// <param name="Variants">Variant rows of the functions that are done.</param>
public readonly record struct JobProgress(int Total, int Available, int Running, int Done, int Failed, int Cancelled, long Variants, CandidateTally Candidates)
{
    /// <summary>Functions that are not finished; the job can be linked when there are none.</summary>
    public int Remaining => Available + Running;
}

/// <summary>A job as it stands. Times are the store's.</summary>
/// <param name="Attempt">How often it was claimed, for whatever step.</param>
/// <param name="Failures">How often the current step failed.</param>
/// <param name="Silo">Who plans or links it, or did last.</param>
/// <param name="Plan">What planning handed over; null before that.</param>
/// <param name="Error">Why it failed; of a job that goes on, why the last attempt at a step did.</param>
public sealed record JobRecord(
    NewJob Submitted, JobState State, DateTimeOffset SubmittedAt, DateTimeOffset? StartedAt, DateTimeOffset? FinishedAt, int Attempt, int Failures, string? Silo, BlobHash? Plan, WorkError? Error,
    JobOutput? Output, JobProgress Progress)
{
    public string Id => Submitted.Id;
}

/// <summary>What a completed job made: blobs.</summary>
/// <param name="Module">The multivariant module.</param>
/// <param name="Report">The report, in JSON.</param>
/// <param name="LinkPlan">The plan that `--plan` takes.</param>
public sealed record JobOutput(BlobHash Module, BlobHash Report, BlobHash LinkPlan);

/// <summary>Which jobs to list.</summary>
/// <param name="After">The last id of the page before; null for the first page.</param>
public sealed record JobQuery(int Limit = JobLimits.Page, string? After = null)
{
    public JobState? State { get; init; }

    public string? Owner
    {
        get;
        init => field = value is null ? null : StoredText.Of(value);
    }

    /// <summary>Only jobs on this module.</summary>
    public BlobHash? Module { get; init; }

    public int Limit { get; } = JobLimits.CheckPage(Limit);
}
