using Mewe.Execution;

namespace Mewe.Grains.Tests;

/// <summary>An engine that is only named: whoever asks it something is wrong.</summary>
internal sealed class NamedEngine(string name, string version) : IWasmEngine
{
    public EngineInfo Info { get; } = new(name, version, "", new HashSet<WasmFeature>());

    public TimeSpan ProcessorTime => default;

    public Task<EngineResult<EngineValidation>> ValidateAsync(ReadOnlyMemory<byte> module, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<EngineResult<SweepResult>> SweepAsync(SweepRequest request, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<EngineResult<RunResult>> RunAsync(ModuleRun run, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<EngineResult<TimingResult>> TimeAsync(TimingRequest request, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<EngineResult<MachineCode>> MachineCodeAsync(ReadOnlyMemory<byte> module, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<EngineResult<IEngineSession>> OpenSessionAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask DisposeAsync() => default;
}
