using System.Collections.Immutable;
using Mewe.Execution;

namespace Mewe.Grains;

/// <summary>What is asked of an evaluation. Everything here decides what is measured.</summary>
public sealed record EvaluationOptions
{
    /// <summary>The most nodes, and the most runs on each.</summary>
    public const int MaxNodes = 10_000, MaxRuns = 100_000;

    /// <summary>How many nodes are simulated, each by instances with seeds of their own.</summary>
    public int Nodes { get; init; } = 64;

    /// <summary>How many requests each node answers.</summary>
    public int Runs { get; init; } = 100;

    /// <summary>Most variants per function, 1 to <see cref="JobOptions.MaxVariants"/>.</summary>
    public int Variants { get; init; } = 16;

    public ulong Seed { get; init; }

    /// <summary>How often each form of an endpoint takes its turn when times are taken.</summary>
    public int Rounds { get; init; } = 201;

    /// <summary>The forms that are compared with the original.</summary>
    public ImmutableArray<LinkRecipe> Recipes { get; init; } = LinkRecipe.All;
}

/// <summary>A module to evaluate, with what it is asked to do.</summary>
/// <param name="Name">How the report calls it, such as <c>encrypt</c>.</param>
/// <param name="File">The file's name, without its folder.</param>
/// <param name="Workload">All of it decides the variants; its first entry's first request is what is traced and timed.</param>
public sealed record EvaluationSubject(string Name, string File, ReadOnlyMemory<byte> Module, WorkloadFile Workload)
{
    /// <summary>What one run is, and the exports with which an entry from the host begins; null where the workload has nothing to run.</summary>
    public RunShape? Shape => RunShape.Of(Workload);
}

/// <summary>What one run of an endpoint is, so that runs can be repeated on nodes and be timed.</summary>
/// <param name="Form">How the endpoint is used: <c>reactor</c>, <c>command</c> or <c>calls</c>.</param>
/// <param name="Entries">The exports that the host calls to begin.</param>
/// <param name="EntriesPerRun">How often it calls them in a run.</param>
/// <param name="Once">The workload of one run.</param>
public sealed record RunShape(string Form, ImmutableArray<string> Entries, int EntriesPerRun, Workload Once)
{
    /// <summary>Whether an instance answers many runs, as a reactor does, or each run has an instance of its own.</summary>
    public bool KeepsInstance => Once is not CommandWorkload;

    /// <summary>A workload of that many runs in one instance.</summary>
    public Workload Repeated(int runs) => Once switch
    {
        ReactorWorkload reactor => new ReactorWorkload([.. Enumerable.Repeat(reactor.Requests[0], runs)]),
        ExportCallsWorkload calls => new ExportCallsWorkload([.. Enumerable.Repeat(calls.Calls, runs).SelectMany(list => list)]),
        _ => throw new InvalidOperationException("a command's instance runs once"),
    };

    /// <summary>
    /// A run is one request with one input, always the same, as in the paper: what differs between traces then comes from the choices. It is the first request of a
    /// reactor, the first command, or all calls of exports in their order.
    /// </summary>
    public static RunShape? Of(WorkloadFile workload) => workload.Runs.FirstOrDefault() switch
    {
        ReactorWorkload reactor => new RunShape("reactor", ["run"], 1, new ReactorWorkload([reactor.Requests[0]])),
        CommandWorkload command => new RunShape("command", ["_start"], 1, command),
        ExportCallsWorkload calls => new RunShape("calls", [.. calls.Calls.Select(call => call.Export).Distinct()], calls.Calls.Length, calls),
        _ => null,
    };
}

/// <summary>What an evaluation is doing.</summary>
/// <param name="Endpoint">The endpoint at work, its number from 1, and how many there are.</param>
/// <param name="Step">What is being done, in a few words.</param>
/// <param name="Share">How much of the step is done, 0 to 1.</param>
public readonly record struct EvaluationProgress(string Endpoint, int Number, int Endpoints, string Step, double Share);
