using System.Collections.Immutable;
using Mewe.Equivalence;
using Mewe.Execution;
using Mewe.Wasm;

namespace Mewe.Grains;

/// <summary>Runs a workload on an instrumented copy of the module, to learn what each function is really called with.</summary>
public sealed class WorkloadRecording(IWasmEngine engine, WasmModule module)
{
    /// <summary>What is read of memory 0 after a run, at most.</summary>
    private const int MaxMemoryBytes = 16 << 20;

    /// <summary>What was seen; nothing of a workload entry that cannot be run, with a note.</summary>
    /// <exception cref="EngineFailedException">The engine failed.</exception>
    public async Task<RecordedInputs> RecordAsync(WorkloadFile workload, ulong seed, ImmutableArray<string>.Builder notes, CancellationToken cancellationToken)
    {
        if (workload.Runs.IsEmpty)
        {
            return RecordedInputs.None;
        }

        var recorder = new WorkloadRecorder(module);
        var instrumented = recorder.Instrument();
        var records = new List<(ReadOnlyMemory<byte> Records, ReadOnlyMemory<byte> Memory)>();
        for (var entry = 0; entry < workload.Runs.Length; entry++)
        {
            var readBack = ImmutableArray.Create(new MemoryRange(instrumented.RecordExport, 0, instrumented.RecordBytes));
            if (instrumented.MemoryExport is { } memory)
            {
                readBack = readBack.Add(new MemoryRange(memory, 0, MaxMemoryBytes));
            }

            var run = new ModuleRun(instrumented.Module, workload.Runs[entry]) { Seeds = [seed], UnknownImports = UnknownImports.Zero, ReadBack = readBack };
            var answer = await engine.RunAsync(run, cancellationToken);
            if (!answer.TryGet(out var result, out var failure))
            {
                throw new EngineFailedException($"workload entry {entry + 1} could not be recorded: {failure}");
            }

            if (result.Rejection is { } rejection)
            {
                notes.Add($"workload entry {entry + 1} was not recorded: {rejection}");
                continue;
            }

            var outcome = result[0];
            records.Add((outcome.ReadBack[0], outcome.ReadBack.Length > 1 ? outcome.ReadBack[1] : default));
        }

        return recorder.Decode(records);
    }
}
