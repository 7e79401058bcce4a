namespace Mewe.Store;

/// <summary>An incarnation of a silo: what it signs its claims with.</summary>
/// <param name="Epoch">Grows with every registration of any silo.</param>
public sealed record SiloLease(string Silo, long Epoch);

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
public sealed record SiloRecord(SiloLease Lease, int Workers, string Version, DateTimeOffset RegisteredAt, DateTimeOffset ExpiresAt, bool Alive);

/// <summary>The right to do one step of a job. Only the latest claim can write.</summary>
/// <param name="Attempt">Grows with every claim of the job.</param>
public sealed record JobClaim(string Job, JobStep Step, int Attempt, SiloLease Silo);

/// <summary>The right to work on a function. Only the latest claim can write.</summary>
/// <param name="Attempt">Grows with every claim of the function.</param>
public sealed record FunctionClaim(string Job, int Function, int Attempt, SiloLease Silo);

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
