using System.Collections.Immutable;
using Mewe.Execution;
using Mewe.Linking.Profiling;
using Mewe.Wasm;

namespace Mewe.Grains;

/// <summary>Runs a workload on a copy of the module that counts.</summary>
public sealed class ProfileRecording
{
    /// <summary>Requests that are profiled by themselves: the first ones.</summary>
    private const int MostRequests = 8;

    private readonly IWasmEngine engine;
    private readonly ProfileInstrumentation instrumentation;
    private readonly InstrumentedProfile instrumented;

    public ProfileRecording(IWasmEngine engine, WasmModule module)
    {
        this.engine = engine;
        instrumentation = new ProfileInstrumentation(module);
        instrumented = instrumentation.Instrument();
    }

    /// <summary>The profile per request of the workload; null where no entry of it could be run.</summary>
    /// <exception cref="EngineFailedException">The engine failed.</exception>
    public async Task<WorkloadProfile?> RecordAsync(WorkloadFile workload, ulong seed, CancellationToken cancellationToken)
    {
        if (await RecordWholeAsync(workload, seed, cancellationToken) is not { } whole)
        {
            return null;
        }

        var requests = ImmutableArray.CreateBuilder<ExecutionProfile>();
        foreach (var (once, twice) in workload.Runs.SelectMany(Requests).Take(MostRequests))
        {
            // The first request of an instance finds nothing initialized; what the second one adds is what a request does.
            if (await RecordAsync([once], seed, cancellationToken, per: 1) is { } first)
            {
                requests.Add(twice is not null && await RecordAsync([twice], seed, cancellationToken, per: 1) is { } both ? both.Minus(first) : first);
            }
        }

        return new WorkloadProfile(whole, requests.Count == 0 ? [whole] : requests.ToImmutable());
    }

    /// <summary>Per request, over all of them; null where no entry of the workload could be run.</summary>
    /// <exception cref="EngineFailedException">The engine failed.</exception>
    public Task<ExecutionProfile?> RecordWholeAsync(WorkloadFile workload, ulong seed, CancellationToken cancellationToken) => RecordAsync(workload.Runs, seed, cancellationToken);

    private async Task<ExecutionProfile?> RecordAsync(IEnumerable<Workload> entries, ulong seed, CancellationToken cancellationToken, int? per = null)
    {
        var memories = new List<ReadOnlyMemory<byte>>();
        var requests = 0;
        foreach (var entry in entries)
        {
            var run = new ModuleRun(instrumented.Module, entry)
            {
                Seeds = [seed], UnknownImports = UnknownImports.Zero, ReadBack = [new MemoryRange(instrumented.MemoryExport, 0, instrumented.MemoryBytes)],
            };
            var answer = await engine.RunAsync(run, cancellationToken);
            if (!answer.TryGet(out var result, out var failure))
            {
                throw new EngineFailedException($"the workload could not be profiled: {failure}");
            }

            if (result.Rejection is null)
            {
                memories.Add(result[0].ReadBack[0]);
                requests += RequestsOf(entry);
            }
        }

        return requests == 0 ? null : instrumentation.Decode(memories, per ?? requests);
    }

    /// <summary>What counts as a request: a command, a request to a reactor, a call of an export.</summary>
    public static int RequestsOf(Workload entry) => entry switch
    {
        ReactorWorkload reactor => reactor.Requests.Length,
        ExportCallsWorkload calls => calls.Calls.Length,
        _ => 1,
    };

    /// <summary>The requests of an entry as entries of their own. Calls of exports may build on each other and stay together.</summary>
    private static IEnumerable<(Workload Once, Workload? Twice)> Requests(Workload entry) =>
        entry is ReactorWorkload reactor ? reactor.Requests.Select(request => ((Workload)new ReactorWorkload([request]), (Workload?)new ReactorWorkload([request, request]))) : [(entry, null)];
}
