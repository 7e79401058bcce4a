using Mewe.Execution;
using Mewe.Linking.Profiling;
using Mewe.Wasm;

namespace Mewe.Grains;

/// <summary>Runs a workload on a copy of the module that counts.</summary>
public sealed class ProfileRecording(IWasmEngine engine, WasmModule module)
{
    /// <summary>The profile per request of the workload; null where no entry of it could be run.</summary>
    /// <exception cref="EngineFailedException">The engine failed.</exception>
    public async Task<ExecutionProfile?> RecordAsync(WorkloadFile workload, ulong seed, CancellationToken cancellationToken)
    {
        var instrumentation = new ProfileInstrumentation(module);
        var instrumented = instrumentation.Instrument();
        var memories = new List<ReadOnlyMemory<byte>>();
        var requests = 0;
        foreach (var entry in workload.Runs)
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

        return requests == 0 ? null : instrumentation.Decode(memories, requests);
    }

    /// <summary>What counts as a request: a command, a request to a reactor, a call of an export.</summary>
    public static int RequestsOf(Workload entry) => entry switch
    {
        ReactorWorkload reactor => reactor.Requests.Length,
        ExportCallsWorkload calls => calls.Calls.Length,
        _ => 1,
    };
}
