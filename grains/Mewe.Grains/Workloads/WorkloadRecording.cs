using System.Collections.Immutable;
using Mewe.Equivalence;
using Mewe.Execution;
using Mewe.Wasm;

namespace Mewe.Grains;
public sealed class WorkloadRecording(IWasmEngine engine, WasmModule module)
{
    public Task<RecordedInputs> RecordAsync(WorkloadFile workload, ulong seed, ImmutableArray<string>.Builder notes, CancellationToken cancellationToken) { _ = (engine, module, workload, seed, notes, cancellationToken); return Task.FromResult(RecordedInputs.None); }
}
