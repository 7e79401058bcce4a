using Mewe.Store;

namespace Mewe.Silo;

/// <summary>What a silo was told on its command line.</summary>
internal sealed record SiloSettings
{
    /// <summary>See <see cref="OpenedStore.OpenAsync"/>.</summary>
    public string? Store { get; init; }

    /// <summary>How long it waits for a database that does not answer when it starts: one that restarts, or that starts beside it.</summary>
    public TimeSpan StoreWait { get; init; }

    /// <summary>Addresses of the HTTP API, separated by semicolons; null for what the configuration of Kestrel says, or the default.</summary>
    public string? Urls { get; init; }

    /// <summary>Steps that compute at a time.</summary>
    public int Workers { get; init; } = Environment.ProcessorCount;

    /// <summary>Of the silo, in the store and in logs.</summary>
    public required string Name { get; init; }

    /// <summary>How long the silo is taken for alive when it does not renew its lease. The same on all silos of a cluster.</summary>
    public TimeSpan Lease { get; init; } = JobLimits.Lease;

    /// <summary>Who decides what runs where: <see cref="ISiloScheduling.Name"/>, leases or auto.</summary>
    public string Scheduler { get; init; } = SiloCommand.Auto;

    /// <summary>Largest module that may be submitted, in bytes.</summary>
    public long MaxUpload { get; init; } = 64 << 20;

    /// <summary>Finished jobs are deleted after so long; null for never.</summary>
    public TimeSpan? Keep { get; init; }
}
