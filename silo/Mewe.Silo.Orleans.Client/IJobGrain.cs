using Orleans;
using Orleans.Concurrency;

namespace Mewe.Silo.Orleans;

/// <summary>A job as it stands, for callers inside the cluster.</summary>
/// <param name="State">queued, planning, running, linking, completed, failed or cancelled.</param>
/// <param name="Module">SHA-256 of the multivariant module, which is in the store; null until the job is completed.</param>
[GenerateSerializer, Alias("mewe.JobStatus")]
public sealed record JobStatus(
    [property: Id(0)] string State, [property: Id(1)] int Total, [property: Id(2)] int Done, [property: Id(3)] int Failed, [property: Id(4)] string? Error, [property: Id(5)] string? Module);

/// <summary>That a step ended on the silo that had it.</summary>
/// <param name="Function">Null for linking.</param>
/// <param name="Outcome">A number of Mewe.Grains.StepStatus.</param>
/// <param name="Elapsed">From when it began to be worked on.</param>
[GenerateSerializer, Immutable, Alias("mewe.StepEnded")]
public sealed record StepEnded([property: Id(0)] int? Function, [property: Id(1)] int Outcome, [property: Id(2)] TimeSpan Elapsed, [property: Id(3)] SiloLoad Load);

/// <summary>How much a silo has to do.</summary>
/// <param name="Silo">Its address.</param>
/// <param name="Steps">That wait for its workers or are at work.</param>
[GenerateSerializer, Immutable, Alias("mewe.SiloLoad")]
public sealed record SiloLoad([property: Id(0)] string Silo, [property: Id(1)] int Steps, [property: Id(2)] int Workers);

/// <summary>Where silos tell each other how much they have to do. One for the whole cluster, with the key 0; what it knows is told again within a second.</summary>
[Alias("mewe.ILoadGrain")]
public interface ILoadGrain : IGrainWithIntegerKey
{
    /// <summary>Tells how much a silo has to do.</summary>
    /// <returns>What all silos told lately.</returns>
    [Alias("Exchange")]
    Task<SiloLoad[]> ExchangeAsync(SiloLoad mine, CancellationToken cancellationToken = default);
}

/// <summary>A job: sees to it that it is planned, its functions are worked on, and it is linked. Its key is the job's id. All state is in the store, so it can be activated anywhere, at any time, and even twice.</summary>
[Alias("mewe.IJobGrain")]
public interface IJobGrain : IGrainWithStringKey
{
    /// <summary>Has it look at its job. Whoever sees an unfinished job calls it, again and again.</summary>
    [OneWay, Alias("Wake")]
    Task WakeAsync(CancellationToken cancellationToken = default);

    /// <summary>Tells it that a step ended. One that does not arrive is found out by asking.</summary>
    [OneWay, Alias("Ended")]
    Task EndedAsync(StepEnded ended, CancellationToken cancellationToken = default);

    /// <summary>The job as it stands; null where there is none.</summary>
    [Alias("Get")]
    Task<JobStatus?> GetAsync(CancellationToken cancellationToken = default);

    /// <summary>Cancels the job, if it is not finished.</summary>
    /// <returns>The job as it stands after; null where there is none.</returns>
    [Alias("Cancel")]
    Task<JobStatus?> CancelAsync(CancellationToken cancellationToken = default);
}
