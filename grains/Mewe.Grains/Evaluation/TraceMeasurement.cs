using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Mewe.Execution;
using Mewe.Linking;
using Mewe.Linking.Tracing;
using Mewe.Wasm;

namespace Mewe.Grains;

/// <summary>What tracing a form gave, or why nothing.</summary>
public sealed record TraceOutcome(TraceReport? Report, string? Problem);

/// <summary>
/// Traces a form of an endpoint on simulated nodes. A node of a reactor is an instance with a seed of its own that answers one request after the other; a node of a command gives every run an
/// instance with a seed of its own.
/// </summary>
public sealed class TraceMeasurement(IWasmEngine engine, RunShape shape, EvaluationOptions options)
{
    /// <summary>Traces of millions of functions take their time; a hang still ends.</summary>
    private static readonly TimeSpan AbortAfter = TimeSpan.FromMinutes(10);

    /// <param name="map">Null for an original.</param>
    /// <param name="report">Is told the share of nodes that are done.</param>
    /// <exception cref="EngineFailedException">The engine failed.</exception>
    public async Task<TraceOutcome> MeasureAsync(WasmModule module, MultivariantMap? map, int threads, Action<double> report, CancellationToken cancellationToken)
    {
        var runsPerInstance = shape.KeepsInstance ? options.Runs : 1;
        var digested = TraceDigest.Instrument(module, map, shape.Entries, (uint)(runsPerInstance * shape.EntriesPerRun));
        var workload = shape.KeepsInstance ? shape.Repeated(options.Runs) : shape.Once;
        var nodes = new ImmutableArray<TraceSummary>[options.Nodes];
        var problems = new string?[options.Nodes];
        var done = 0;
        var parallelism = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellationToken };
        await Parallel.ForAsync(0, options.Nodes, parallelism, async (node, token) =>
        {
            var run = new ModuleRun(digested.Module, workload)
            {
                Seeds = Seeds(node),
                UnknownImports = UnknownImports.Zero,
                ReadBack = [new MemoryRange(digested.MemoryExport, 0, (int)digested.MemoryBytes)],
                AbortAfter = AbortAfter,
            };
            var answer = await engine.RunAsync(run, token);
            if (!answer.TryGet(out var result, out var failure))
            {
                throw new EngineFailedException($"a trace could not be taken: {failure}");
            }

            (nodes[node], problems[node]) = Read(result, digested.Capacity);
            report((double)Interlocked.Increment(ref done) / options.Nodes);
        });
        return problems.FirstOrDefault(problem => problem is not null) is { } first ? new TraceOutcome(null, first) : new TraceOutcome(Report(nodes), null);
    }

    private ImmutableArray<ulong> Seeds(int node)
    {
        var first = unchecked(options.Seed + ((ulong)node * (ulong)options.Runs));
        return [.. Enumerable.Range(0, shape.KeepsInstance ? 1 : options.Runs).Select(run => unchecked(first + (ulong)run))];
    }

    private (ImmutableArray<TraceSummary> Runs, string? Problem) Read(RunResult result, uint capacity)
    {
        if (result.Rejection is { } rejection)
        {
            return ([], rejection);
        }

        var runs = ImmutableArray.CreateBuilder<TraceSummary>(options.Runs);
        for (var i = 0; i < result.OutcomeOfSeed.Length; i++)
        {
            var entries = TraceDigest.Decode(result[i].ReadBack[0].Span, capacity);
            if (entries.Length != capacity)
            {
                return ([], $"a run came to its end after {entries.Length} of {capacity} calls: {result[i].Trap?.Message ?? "it exited"}");
            }

            runs.AddRange(entries.Chunk(shape.EntriesPerRun).Select(Joined));
        }

        return (runs.ToImmutable(), null);
    }

    /// <summary>A run of several entries has the trace of all of them.</summary>
    private static TraceSummary Joined(TraceSummary[] entries)
    {
        if (entries.Length == 1)
        {
            return entries[0];
        }

        UInt128[] hashes = [.. entries.Select(entry => entry.Hash)];
        var hash = SHA256.HashData(MemoryMarshal.AsBytes(hashes.AsSpan()));
        return new TraceSummary(MemoryMarshal.Read<UInt128>(hash), entries.Aggregate(0UL, (sum, entry) => sum + entry.Entered), entries.Aggregate(0UL, (sum, entry) => sum + entry.Choices));
    }

    private TraceReport Report(ImmutableArray<TraceSummary>[] nodes) => new(
        TraceDiversity.Of([.. nodes.Select(node => node.Select(trace => trace.Hash).ToImmutableArray())]),
        Distribution.Median([.. nodes.SelectMany(node => node).Select(trace => (double)trace.Entered)]),
        Distribution.Median([.. nodes.SelectMany(node => node).Select(trace => (double)trace.Choices)]),
        options.Nodes, options.Runs);
}
