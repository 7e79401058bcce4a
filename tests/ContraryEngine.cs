using Mewe.Execution;

namespace Mewe.Tests;

/// <summary>
/// A real engine with answers of its own: another digest for every run. Two engines that disagree, or of which one sees a difference that the other does not, cannot be had for a test.
/// </summary>
public sealed class ContraryEngine(IWasmEngine engine) : IWasmEngine
{
    public const string Name = "contrary";

    /// <summary>It fails at every sweep.</summary>
    public bool Fails { get; init; }

    /// <summary>It fails when it is asked whether a module is valid.</summary>
    public bool CannotSay { get; init; }

    /// <summary>It fails at sweeps that keep digests, and at no others.</summary>
    public bool Forgets { get; init; }

    /// <summary>It sees a difference in everything that is compared.</summary>
    public bool Differs { get; init; }

    /// <summary>It accepts no module.</summary>
    public bool Refuses { get; init; }

    public EngineInfo Info => engine.Info with { Name = Name };

    public TimeSpan ProcessorTime => engine.ProcessorTime;

    public async Task<EngineResult<SweepResult>> SweepAsync(SweepRequest request, CancellationToken cancellationToken)
    {
        var result = await engine.SweepAsync(request, cancellationToken);
        return Fails || (Forgets && request.KeepDigests) ? new EngineFailure(EngineFailureKind.Crashed, "it is contrary")
            : !result.TryGet(out var sweep, out var failure) ? failure
            : sweep with { Digests = [.. sweep.Digests.Select(digest => ~digest)], Subjects = Differs ? [.. sweep.Subjects.Select(Different)] : sweep.Subjects };
    }

    public async Task<EngineResult<EngineValidation>> ValidateAsync(ReadOnlyMemory<byte> module, CancellationToken cancellationToken) =>
        CannotSay ? new EngineFailure(EngineFailureKind.Hung, "it cannot say") : Refuses ? new EngineValidation(false, "it is contrary") : await engine.ValidateAsync(module, cancellationToken);

    public Task<EngineResult<RunResult>> RunAsync(ModuleRun run, CancellationToken cancellationToken) => engine.RunAsync(run, cancellationToken);

    public Task<EngineResult<TimingResult>> TimeAsync(TimingRequest request, CancellationToken cancellationToken) => engine.TimeAsync(request, cancellationToken);

    public Task<EngineResult<MachineCode>> MachineCodeAsync(ReadOnlyMemory<byte> module, CancellationToken cancellationToken) => engine.MachineCodeAsync(module, cancellationToken);

    public Task<EngineResult<IEngineSession>> OpenSessionAsync(CancellationToken cancellationToken) => engine.OpenSessionAsync(cancellationToken);

    public ValueTask DisposeAsync() => default;

    private static SubjectReport Different(SubjectReport subject) =>
        subject with { Status = SubjectStatus.Differs, Differences = 1, First = new SweepDifference(0, new SweepObservation(1, SweepOutcome.Completed, default), new SweepObservation(2, SweepOutcome.Completed, default)) };
}
