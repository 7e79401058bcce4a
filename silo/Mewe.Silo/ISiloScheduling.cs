using System.CommandLine;
using Mewe.Grains;
using Mewe.Store;

namespace Mewe.Silo;

/// <summary>What a scheduler is made from.</summary>
/// <param name="Options">Its name, lease and intervals.</param>
/// <param name="Services">Those of the silo's process.</param>
/// <param name="Parsed">The command line, for options of the scheduler's own.</param>
public sealed record SchedulerParts(GrainHost Host, SchedulerOptions Options, OpenedStore Store, IServiceProvider Services, ParseResult Parsed);

/// <summary>A scheduler that a program brings beside leases. Programs differ in it and in nothing else (<see cref="SiloProgram"/>).</summary>
public interface ISiloScheduling
{
    /// <summary>What it is called on the command line, and in the store.</summary>
    string Name { get; }

    /// <summary>Options of its own for <c>mewe silo</c>.</summary>
    IReadOnlyList<Option> Options { get; }

    /// <summary>Why it cannot work on a store; null where it can.</summary>
    string? Refusal(OpenedStore store);

    /// <summary>Adds what its process needs besides: filters of logs, sources of spans.</summary>
    void Configure(WebApplicationBuilder builder);

    /// <summary>Makes the scheduler; nothing runs yet.</summary>
    ISiloScheduler Create(SchedulerParts parts);
}

/// <summary>The scheduler that was chosen.</summary>
/// <param name="Scheduling">Null for leases.</param>
internal sealed record SchedulerChoice(ISiloScheduling? Scheduling, ParseResult Parsed)
{
    public string Name => Scheduling?.Name ?? NewSilo.Leases;
}
