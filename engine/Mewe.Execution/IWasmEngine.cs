namespace Mewe.Execution;

/// <summary>
/// A real WebAssembly engine that runs modules for Mewe: V8 in <c>node</c> processes, or Wasmtime in this one.
/// </summary>
/// <remarks>
/// <para>All members may be called from many threads at once. Modules are bytes and answers are values: nothing of the engine leaks out.</para>
/// <para>What a module does (it traps, it is rejected, it exits with a code) is part of the answer. What happens to the engine itself (it hung past
/// the abort limit, crashed, ran out of memory) is an <see cref="EngineFailure"/>, also a value. Cancellation throws
/// <see cref="OperationCanceledException"/> and leaves other requests alone; disposing ends requests that are under way with <see cref="ObjectDisposedException"/>. A clock may abort a request, it never chooses an answer.</para>
/// </remarks>
public interface IWasmEngine : IAsyncDisposable
{
    /// <summary>Which engine this is and what it supports.</summary>
    EngineInfo Info { get; }

    /// <summary>Processor time that the engine's own processes have used so far; zero for an engine that runs in this process. For reports only.</summary>
    TimeSpan ProcessorTime { get; }

    /// <summary>Decodes and validates a module without running anything.</summary>
    Task<EngineResult<EngineValidation>> ValidateAsync(ReadOnlyMemory<byte> module, CancellationToken cancellationToken);

    /// <summary>Runs every subject of a harness module on a range of inputs and compares each with subject 0: the hot path of differential testing.</summary>
    Task<EngineResult<SweepResult>> SweepAsync(SweepRequest request, CancellationToken cancellationToken);

    /// <summary>Runs a workload on a module, in a fresh instance for every seed, and returns the distinct outcomes.</summary>
    Task<EngineResult<RunResult>> RunAsync(ModuleRun run, CancellationToken cancellationToken);

    /// <summary>Times a workload on several subjects that take turns in one process, so that they share the machine's mood.</summary>
    Task<EngineResult<TimingResult>> TimeAsync(TimingRequest request, CancellationToken cancellationToken);

    /// <summary>
    /// Compiles a module with the engine's optimizing compiler alone, runs nothing, and tells which functions became the same machine code. An engine that does not show its code fails with
    /// <see cref="EngineFailureKind.Unavailable"/>.
    /// </summary>
    Task<EngineResult<MachineCode>> MachineCodeAsync(ReadOnlyMemory<byte> module, CancellationToken cancellationToken);

    /// <summary>Reserves one engine process, or a store of the engine in this process, for scripted use: compile, link, invoke, inspect.</summary>
    Task<EngineResult<IEngineSession>> OpenSessionAsync(CancellationToken cancellationToken);
}
