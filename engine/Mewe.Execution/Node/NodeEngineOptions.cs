using System.Collections.Immutable;

namespace Mewe.Execution.Node;

/// <summary>How a <see cref="NodeEngine"/> uses its processes.</summary>
public sealed record NodeEngineOptions
{
    /// <summary>The node program; null to look for it with <see cref="NodeLocator"/>.</summary>
    public string? NodePath { get; init; }

    /// <summary>How many processes work on sweeps, and how many on runs, at the same time. They are started when first needed.</summary>
    public int Workers { get; init; } = Environment.ProcessorCount;

    /// <summary>When to give up a process that has not answered, for requests that set no limit of their own.</summary>
    public TimeSpan AbortAfter { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>A process is replaced after this many requests, so that whatever V8 keeps of old modules cannot pile up.</summary>
    public int RequestsPerWorker { get; init; } = 5000;

    /// <summary>
    /// The most pages of 64 KiB that a memory may have in sweeps and runs: a hostile module meets a failing <c>memory.grow</c>, not an exhausted machine.
    /// Sessions are not limited.
    /// </summary>
    public int MaximumMemoryPages { get; init; } = 16384;

    /// <summary>More V8 or node flags for all processes.</summary>
    public ImmutableArray<string> ExtraFlags { get; init; } = [];

    /// <summary>Whether this V8 inlines and can be told not to; V8 12 does not.</summary>
    internal bool Inlines { get; init; } = true;
}
