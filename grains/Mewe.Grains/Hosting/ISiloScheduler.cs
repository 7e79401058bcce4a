using Mewe.Store;

namespace Mewe.Grains;

/// <summary>What a scheduler is to do.</summary>
/// <param name="Silo">The silo's name. A process that registers the same name takes its place.</param>
public sealed record SchedulerOptions(string Silo)
{
    /// <summary>Only this job (a local run); null for all.</summary>
    public string? OnlyJob { get; init; }

    /// <summary>Who decides what runs where, as it is registered: all silos of a store have the same.</summary>
    public string Scheduler { get; init; } = NewSilo.Leases;

    /// <summary>How long the silo is taken for alive without a renewal; the store's setting.</summary>
    public TimeSpan Lease { get; init; } = JobLimits.Lease;

    /// <summary>How often the lease is renewed.</summary>
    public TimeSpan Renewal { get; init; } = JobLimits.Renewal;

    /// <summary>How often one looks for dead silos, for lost claims, and for work that nobody signalled.</summary>
    public TimeSpan Poll { get; init; } = JobLimits.Poll;
}

/// <summary>Why a scheduler ended.</summary>
public enum SchedulerEnd
{
    /// <summary>It was asked to: its claims are released.</summary>
    Drained,

    /// <summary>Another process registered the silo's name.</summary>
    Superseded,

    /// <summary>Silos with another scheduler live on the store; nothing was done.</summary>
    Refused,
}

/// <summary>Has grains work on one silo, under leases in the store.</summary>
public interface ISiloScheduler
{
    /// <summary>The lease, and what is worked on under it.</summary>
    SiloWork Work { get; }

    /// <summary>True while it takes work.</summary>
    bool IsReady { get; }

    /// <summary>Works until it is told to stop; then it releases what it has.</summary>
    Task<SchedulerEnd> RunAsync(CancellationToken stopping);
}
