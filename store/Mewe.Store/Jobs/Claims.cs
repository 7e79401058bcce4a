namespace Mewe.Store;

/// <summary>An incarnation of a silo: what it signs its claims with.</summary>
/// <param name="Epoch">Grows with every registration of any silo.</param>
public sealed record SiloLease(string Silo, long Epoch);

/// <summary>A silo that wants to join.</summary>
/// <param name="Name">Another process that registers the same takes its place.</param>
/// <param name="Workers">How many functions it works on at a time; for people, and for who hands work out.</param>
/// <param name="Version">Of the program; for people.</param>
/// <param name="Scheduler">Who decides what runs where (<see cref="Leases"/>, or another word). The silos of a store all have the same.</param>
public sealed record NewSilo(string Name, int Workers, string Version, string Scheduler = NewSilo.Leases)
{
    /// <summary>Silos claim what waits, as it comes.</summary>
    public const string Leases = "leases";

    public string Name { get; } = StoredText.Of(Name);

    public string Version { get; } = StoredText.Of(Version);

    public string Scheduler { get; } = StoredText.Of(Scheduler);
}

/// <summary>What came of registering: a lease, or a living silo whose scheduler is another one, and then nothing has changed.</summary>
public sealed record SiloRegistration
{
    private SiloRegistration(SiloLease? lease, SiloRecord? other) => (Lease, Other) = (lease, other);

    /// <summary>Null where it was refused.</summary>
    public SiloLease? Lease { get; }

    /// <summary>Who is in the way; null where it was not refused.</summary>
    public SiloRecord? Other { get; }

    public static SiloRegistration Of(SiloLease lease) => new(lease, null);

    public static SiloRegistration RefusedBy(SiloRecord other) => new(null, other);
}

/// <summary>What came of renewing a lease.</summary>
public enum LeaseOutcome
{
    Renewed = 1,
    /// <summary>It ran out and its claims were taken away: drop all work, and register again.</summary>
    Expired = 2,
    /// <summary>Another process registered the same name: drop all work, and do not register again, or the two take it from each other for ever.</summary>
    Superseded = 3,
}

/// <summary>A live or dead silo, for people.</summary>
/// <param name="ExpiresAt">In the past for one that is dead and not yet rescued.</param>
public sealed record SiloRecord(SiloLease Lease, int Workers, string Version, string Scheduler, DateTimeOffset RegisteredAt, DateTimeOffset ExpiresAt, bool Alive);

/// <summary>The right to do one step of a job. Only the latest claim can write.</summary>
/// <param name="Attempt">Grows with every claim of the job.</param>
public sealed record JobClaim(string Job, JobStep Step, int Attempt, SiloLease Silo);

/// <summary>The right to work on a function. Only the latest claim can write.</summary>
/// <param name="Attempt">Grows with every claim of the function.</param>
public sealed record FunctionClaim(string Job, int Function, int Attempt, SiloLease Silo);

/// <summary>Names a function of a job.</summary>
public readonly record struct FunctionKey(string Job, int Function);

/// <summary>A claimed job as it stands.</summary>
public sealed record ClaimedJob(JobClaim Claim, JobRecord Job);

/// <summary>A claimed function.</summary>
/// <param name="Failures">How often it failed before.</param>
/// <param name="TraceParent">Of its job.</param>
public sealed record ClaimedFunction(FunctionClaim Claim, string Name, long Cost, int Failures, string? TraceParent);

/// <summary>What came of a write that is fenced by a claim.</summary>
public enum WriteOutcome
{
    Written = 1,
    /// <summary>The same claim wrote the same before: the answer to that was lost. Nothing changed now.</summary>
    AlreadyWritten = 2,
    /// <summary>The claim is not the latest any more (rescued, released, cancelled): nothing changed, and the result is to be dropped.</summary>
    Lost = 3,
}

/// <summary>Which of a silo's claims are lost.</summary>
public sealed record LostClaims(IReadOnlyList<JobClaim> Jobs, IReadOnlyList<FunctionClaim> Functions);

/// <summary>What a rescue found.</summary>
/// <param name="Silos">Leases that had run out.</param>
/// <param name="Jobs">Steps that wait for a silo again.</param>
/// <param name="Functions">Functions that wait for a silo again.</param>
/// <param name="Exhausted">Jobs and functions that failed, because silos died of them too often.</param>
public readonly record struct RescueCount(int Silos, int Jobs, int Functions, int Exhausted);

/// <summary>What a pruning deleted.</summary>
public readonly record struct PruneCount(int Jobs, int Blobs);
