using System.Collections.Immutable;

namespace Mewe.Execution;

/// <summary>What to do with a fresh instance of a module: one of <see cref="CommandWorkload"/>, <see cref="ReactorWorkload"/>, <see cref="ExportCallsWorkload"/>.</summary>
public abstract record Workload
{
    private protected Workload()
    {
    }
}

/// <summary>Calls <c>_start</c> under WASI preview 1.</summary>
public sealed record CommandWorkload : Workload
{
    /// <summary>The arguments after the program's name, which is <c>program</c>.</summary>
    public ImmutableArray<string> Args { get; init; } = [];

    /// <summary>The environment, as <c>NAME=value</c>.</summary>
    public ImmutableArray<string> Env { get; init; } = [];

    /// <summary>What standard input holds.</summary>
    public ReadOnlyMemory<byte> Stdin { get; init; }
}

/// <summary>
/// Calls <c>_initialize</c> if it is exported, then per request: <c>p = alloc(n)</c>, write the request at p, <c>m = run(p, n)</c>
/// (-1: refused), read m bytes at <c>answer()</c>, <c>release(p)</c>. All requests go to one instance; a trap ends the list.
/// </summary>
public sealed record ReactorWorkload(ImmutableArray<ReadOnlyMemory<byte>> Requests) : Workload;

/// <summary>Calls <c>_initialize</c> if it is exported, then the exports in turn on one instance; a call that traps does not end the list.</summary>
public sealed record ExportCallsWorkload(ImmutableArray<ExportCall> Calls) : Workload;

/// <summary>A call of an exported function.</summary>
public sealed record ExportCall(string Export, ImmutableArray<WasmValue> Arguments);

/// <summary>What to do about an imported function that no host provides.</summary>
public enum UnknownImports
{
    /// <summary>The run is rejected with a message that names the import.</summary>
    Reject = 0,

    /// <summary>Functions return zeros (and null references), globals are zero, memories and tables are of the smallest size asked for.</summary>
    Zero = 1,
}

/// <summary>
/// Runs a workload once per seed, each time in a fresh instance of the same compiled module. The host is WASI preview 1, deterministic:
/// a run is a function of (module, workload, seed). Worker/wasi.js says what each call does.
/// </summary>
/// <remarks>
/// <c>random_get</c> draws from a stream that is keyed by (seed, requested length, number of requests of that length), so that an extra request of
/// another length does not shift the others. The import <c>mewe.choose</c>: (i32 n) -> (i32 below n), with which a multivariant module lets its host choose,
/// draws from a generator of its own that the seed starts. If the instance exports <c>mewe_seed</c>: (i64) -> (), it is called before anything else with a value derived from the seed.
/// </remarks>
/// <param name="Module">The module.</param>
/// <param name="Workload">What to do with it.</param>
public sealed record ModuleRun(ReadOnlyMemory<byte> Module, Workload Workload)
{
    /// <summary>One run per seed, in this order.</summary>
    public ImmutableArray<ulong> Seeds { get; init; } = [0];

    /// <summary>Memory to read back after each run, also after a trap; each is cut off at the end of its memory.</summary>
    public ImmutableArray<MemoryRange> ReadBack { get; init; } = [];

    /// <summary>What to do about functions that no host provides.</summary>
    public UnknownImports UnknownImports { get; init; } = UnknownImports.Reject;

    /// <summary>When to give the process up; null for the engine's own limit. It covers all seeds together.</summary>
    public TimeSpan? AbortAfter { get; init; }
}

/// <summary>What the runs of a <see cref="ModuleRun"/> showed.</summary>
public sealed record RunResult
{
    /// <summary>Why the module could not be run at all (invalid, an import that no host provides, a missing export); null when it ran.</summary>
    public string? Rejection { get; init; }

    /// <summary>The outcomes that differ from each other, in order of appearance.</summary>
    public ImmutableArray<RunOutcome> Distinct { get; init; } = [];

    /// <summary>For each seed the index of its outcome in <see cref="Distinct"/>.</summary>
    public ImmutableArray<int> OutcomeOfSeed { get; init; } = [];

    /// <summary>The outcome of the seed at <paramref name="index"/>.</summary>
    public RunOutcome this[int index] => Distinct[OutcomeOfSeed[index]];
}

/// <summary>Everything that one run showed.</summary>
public sealed record RunOutcome
{
    /// <summary>The exit code: that of <c>proc_exit</c>, 0 when the workload came to its end, null when it trapped.</summary>
    public required int? ExitCode { get; init; }

    /// <summary>The trap or exception that ended the run; null when none did. Traps of single export calls are in <see cref="Answers"/>.</summary>
    public required WasmTrap? Trap { get; init; }

    public required ReadOnlyMemory<byte> Stdout { get; init; }

    public required ReadOnlyMemory<byte> Stderr { get; init; }

    /// <summary>For a reactor one answer per request, for export calls one per call, up to the one that ended the run; for a command none.</summary>
    public required ImmutableArray<RunAnswer> Answers { get; init; }

    /// <summary>For each <see cref="ModuleRun.ReadBack"/> its bytes; empty when the instance has no such memory.</summary>
    public required ImmutableArray<ReadOnlyMemory<byte>> ReadBack { get; init; }
}

/// <summary>The answer to one request or call.</summary>
public abstract record RunAnswer
{
    private protected RunAnswer()
    {
    }

    /// <summary>A reactor's answer.</summary>
    public sealed record Bytes(ReadOnlyMemory<byte> Data) : RunAnswer;

    /// <summary>The reactor refused the request.</summary>
    public sealed record Refused : RunAnswer;

    /// <summary>The results of an exported function.</summary>
    public sealed record Values(ImmutableArray<WasmValue> Results) : RunAnswer;

    /// <summary>The call trapped or threw.</summary>
    public sealed record Trapped(WasmTrap Trap) : RunAnswer;
}
