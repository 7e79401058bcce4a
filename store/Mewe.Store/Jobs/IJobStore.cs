namespace Mewe.Store;

/// <summary>
/// The durable state of jobs, and who works on what. README.md has the protocol: states, claims, fencing, rescue, fairness. Safe for any number of threads, processes and machines. All times are the
/// store's clock. What a caller has to expect is a value: a fenced write says whether it had effect, an id that names nothing gives null, and a store that cannot be used right now gives a
/// <see cref="StoreProblem"/>, after which the same call may be repeated: every operation either happened entirely or not at all, and repeating it does no harm.
/// </summary>
public interface IJobStore : IAsyncDisposable
{
    // Blobs.

    /// <summary>Keeps bytes under their hash. What is there already is not written again, and is kept for another <see cref="JobLimits.UnreferencedBlob"/>.</summary>
    /// <param name="content">Read to its end, a piece at a time; never whole in memory.</param>
    Task<StoreAnswer<BlobHash>> PutBlobAsync(Stream content, CancellationToken cancellation);

    /// <summary>Writes a blob to a stream, a piece at a time.</summary>
    /// <returns>Its length; null where there is none of this hash, and then nothing was written.</returns>
    Task<StoreAnswer<long?>> CopyBlobAsync(BlobHash hash, Stream destination, CancellationToken cancellation);

    // What users do.

    /// <summary>Submits a job. An id that is there already changes nothing.</summary>
    /// <returns>The job as it stands; null when a blob that it names is not there.</returns>
    Task<StoreAnswer<JobRecord?>> SubmitAsync(NewJob job, CancellationToken cancellation);

    /// <summary>Cancels a job that is not finished, with all its functions that are not; a finished one stays as it is. Who works on it finds its claims lost.</summary>
    /// <returns>The job as it stands after; null when there is none.</returns>
    Task<StoreAnswer<JobRecord?>> CancelAsync(string job, CancellationToken cancellation);

    /// <summary>
    /// Tries a failed or cancelled job again, or a completed one of which functions failed: functions that are done stay done, the others wait for silos, with all their attempts. Any other job stays as
    /// it is.
    /// </summary>
    /// <returns>The job as it stands after; null when there is none.</returns>
    Task<StoreAnswer<JobRecord?>> RetryAsync(string job, CancellationToken cancellation);

    /// <summary>A job; null when there is none.</summary>
    Task<StoreAnswer<JobRecord?>> GetJobAsync(string job, CancellationToken cancellation);

    /// <summary>State and counters of many jobs at once, cheaply; those that do not exist are not in the answer.</summary>
    Task<StoreAnswer<IReadOnlyDictionary<string, (JobState State, JobProgress Progress)>>> GetProgressAsync(IReadOnlyCollection<string> jobs, CancellationToken cancellation);

    /// <summary>A page of jobs, the newest first.</summary>
    Task<StoreAnswer<IReadOnlyList<JobRecord>>> ListJobsAsync(JobQuery query, CancellationToken cancellation);

    /// <summary>A page of a job's functions; empty when there is no such job.</summary>
    Task<StoreAnswer<IReadOnlyList<FunctionRecord>>> ListFunctionsAsync(string job, FunctionQuery query, CancellationToken cancellation);

    /// <summary>A page of a job's variants; empty when there is no such job.</summary>
    Task<StoreAnswer<IReadOnlyList<VariantRecord>>> ListVariantsAsync(string job, VariantQuery query, CancellationToken cancellation);

    /// <summary>Deletes jobs that finished longer ago than that, and then blobs that nothing refers to. Works in small transactions.</summary>
    Task<StoreAnswer<PruneCount>> PruneAsync(TimeSpan olderThan, CancellationToken cancellation);

    // What silos do.

    /// <summary>Starts an incarnation of a silo. An earlier one of the same name is superseded at once, and its claims are taken away. Refused while a silo of another scheduler lives.</summary>
    Task<StoreAnswer<SiloRegistration>> RegisterSiloAsync(NewSilo silo, CancellationToken cancellation);

    /// <summary>Renews a lease; every <see cref="JobLimits.Renewal"/>. One that ran out and was not rescued yet is renewed too: its claims were still its own.</summary>
    Task<StoreAnswer<LeaseOutcome>> RenewSiloAsync(SiloLease lease, CancellationToken cancellation);

    /// <summary>Ends an incarnation: releases all its claims (no attempt is used up), and forgets the lease.</summary>
    Task<StoreAnswer<int>> RetireSiloAsync(SiloLease lease, CancellationToken cancellation);

    /// <summary>All silos that have a lease, by name.</summary>
    Task<StoreAnswer<IReadOnlyList<SiloRecord>>> ListSilosAsync(CancellationToken cancellation);

    /// <summary>
    /// Takes the claims of dead silos away, so that others can have them. Every silo calls it about once a second; one at a time does it, for the others the answer is zeroes at once.
    /// </summary>
    Task<StoreAnswer<RescueCount>> RescueAsync(CancellationToken cancellation);

    /// <summary>Claims steps: jobs to plan, and jobs to link (these first). Empty for a lease that is not valid.</summary>
    /// <param name="count">At most so many; 1 to <see cref="JobLimits.LargestClaim"/>.</param>
    /// <param name="onlyJob">Only of this job (local runs work on their own); null for any.</param>
    Task<StoreAnswer<IReadOnlyList<ClaimedJob>>> ClaimJobsAsync(SiloLease lease, int count, string? onlyJob, CancellationToken cancellation);

    /// <summary>Claims functions: by priority of their job, then so that jobs get their shares, then the dearest first. Empty for a lease that is not valid.</summary>
    /// <param name="count">At most so many; 1 to <see cref="JobLimits.LargestClaim"/>.</param>
    /// <param name="onlyJob">Only of this job; null for any.</param>
    Task<StoreAnswer<IReadOnlyList<ClaimedFunction>>> ClaimFunctionsAsync(SiloLease lease, int count, string? onlyJob, CancellationToken cancellation);

    /// <summary>Claims these functions, those of them that wait and whose pause is over: somebody else decided that this silo is to work on them. Empty for a lease that is not valid.</summary>
    /// <param name="functions">At most <see cref="JobLimits.LargestClaim"/>, distinct; what does not exist is not claimed.</param>
    /// <returns>In no order.</returns>
    Task<StoreAnswer<IReadOnlyList<ClaimedFunction>>> ClaimTheseAsync(SiloLease lease, IReadOnlyCollection<FunctionKey> functions, CancellationToken cancellation);

    /// <summary>Jobs that somebody has to see to: those in progress, and those that wait to be planned and may be. By priority, then those in progress first, then the oldest.</summary>
    /// <param name="count">At most so many.</param>
    Task<StoreAnswer<IReadOnlyList<string>>> FindOpenJobsAsync(int count, CancellationToken cancellation);

    /// <summary>Ends planning: hands the functions over. A job without functions can be linked at once.</summary>
    /// <param name="plan">What was planned, a blob that is there; the store does not look into it.</param>
    /// <param name="functions">Their indices are distinct.</param>
    Task<StoreAnswer<WriteOutcome>> PlannedAsync(JobClaim claim, BlobHash plan, IReadOnlyList<NewFunction> functions, CancellationToken cancellation);

    /// <summary>Ends linking, and the job: completed.</summary>
    /// <param name="output">Blobs that are there.</param>
    /// <param name="linked">The variants that are in the module; all others are not.</param>
    Task<StoreAnswer<WriteOutcome>> LinkedAsync(JobClaim claim, JobOutput output, IReadOnlyList<LinkedVariant> linked, CancellationToken cancellation);

    /// <summary>A step failed. It is tried again later, or the job has failed: when it must not be retried, or the attempts are used up.</summary>
    /// <param name="retry">False when another attempt would end the same way (a bad module).</param>
    Task<StoreAnswer<WriteOutcome>> FailJobAsync(JobClaim claim, WorkError error, bool retry, CancellationToken cancellation);

    /// <summary>Gives steps back that were not done; no attempt is used up.</summary>
    Task<StoreAnswer<int>> ReleaseJobsAsync(IReadOnlyCollection<JobClaim> claims, CancellationToken cancellation);

    /// <summary>Ends the work on a function: state, result, variant rows and counters change together, once.</summary>
    Task<StoreAnswer<WriteOutcome>> CompleteFunctionAsync(FunctionClaim claim, FunctionResult result, CancellationToken cancellation);

    /// <summary>Work on a function failed. It is tried again later, or the function has failed: when it must not be retried, or the attempts are used up. The job goes on.</summary>
    Task<StoreAnswer<WriteOutcome>> FailFunctionAsync(FunctionClaim claim, WorkError error, bool retry, CancellationToken cancellation);

    /// <summary>Gives functions back that were not finished; no attempt is used up.</summary>
    /// <returns>How many were still claimed.</returns>
    Task<StoreAnswer<int>> ReleaseFunctionsAsync(IReadOnlyCollection<FunctionClaim> claims, CancellationToken cancellation);

    /// <summary>
    /// Gives back all claims of a lease but these; no attempt is used up. A claim whose answer was lost (a <see cref="StoreProblem"/>, or the call was cancelled) may have happened: the store then takes
    /// the silo to work on what it never heard of. So after such a call, with no other claim under way, a silo says what it does hold.
    /// </summary>
    /// <returns>How many there were.</returns>
    Task<StoreAnswer<int>> ReleaseOthersAsync(SiloLease lease, IReadOnlyCollection<JobClaim> keptJobs, IReadOnlyCollection<FunctionClaim> keptFunctions, CancellationToken cancellation);

    /// <summary>Which of these claims are lost (cancelled, rescued, superseded). Silos ask about once a second, and stop that work.</summary>
    Task<StoreAnswer<LostClaims>> FindLostAsync(IReadOnlyCollection<JobClaim> jobs, IReadOnlyCollection<FunctionClaim> functions, CancellationToken cancellation);

    /// <summary>
    /// How the functions of a job ended, in order of their indices, for linking: a page of those after an index. Pages end by their bytes too, so that memory stays bounded.
    /// </summary>
    /// <param name="after">The last index of the page before; null for the first page.</param>
    /// <returns>Empty at the end.</returns>
    Task<StoreAnswer<IReadOnlyList<FinishedFunction>>> ReadResultsAsync(string job, int? after, CancellationToken cancellation);

    // Wake-ups.

    /// <summary>How many signals there were: that there may be work, or that claims may be lost. Read it before looking for work, and pass it to <see cref="WaitForSignalAsync"/>: no signal is missed.</summary>
    long Signals { get; }

    /// <summary>
    /// Waits until there were more signals than <paramref name="seen"/>, or for <paramref name="atMost"/>: signals only make things faster, and may not come at all (a connection pooler). Many signals
    /// may be one.
    /// </summary>
    /// <returns>How many signals there were.</returns>
    Task<long> WaitForSignalAsync(long seen, TimeSpan atMost, CancellationToken cancellation);
}

/// <summary>Shorter ways to say the same.</summary>
public static class JobStoreExtensions
{
    /// <summary>Keeps bytes that are in memory.</summary>
    public static Task<StoreAnswer<BlobHash>> PutBlobAsync(this IJobStore store, ReadOnlyMemory<byte> content, CancellationToken cancellation) =>
        store.PutBlobAsync(new MemoryStream(content.ToArray(), writable: false), cancellation);

    /// <summary>A whole blob; null where there is none of this hash.</summary>
    public static async Task<StoreAnswer<byte[]?>> GetBlobAsync(this IJobStore store, BlobHash hash, CancellationToken cancellation)
    {
        using var content = new MemoryStream();
        var answer = await store.CopyBlobAsync(hash, content, cancellation);
        return answer.TryGet(out var length) ? StoreAnswer<byte[]?>.Of(length is null ? null : content.ToArray()) : answer.Problem!;
    }
}
