using Mewe.Diversify;
using Mewe.Equivalence.Testing;
using Mewe.Execution;
using Mewe.Wasm;

namespace Mewe.Equivalence;

/// <summary>
/// Compares candidates with the original function on a real engine. One harness module holds the original and a batch of candidates; see Testing/README.md for
/// what it models. The verdicts are a pure function of (module, function, candidates, recorded inputs, options): no clock decides anything.
/// </summary>
/// <remarks>May be used from many threads at once. The module must be valid and must not be changed meanwhile.</remarks>
public sealed class DifferentialTester(IWasmEngine engine, WasmModule module, TestOptions options)
{
    private readonly OriginalModule original = new(module, options);

    /// <summary>For candidates of a defined function that come in more than one batch.</summary>
    /// <param name="function">Index in the function index space.</param>
    /// <param name="recorded">What was seen of the user's workload; null when nothing was.</param>
    public FunctionTester Of(uint function, RecordedInputs? recorded) => new(engine, original, options, function, recorded);

    /// <summary>Tests candidates of a defined function.</summary>
    /// <param name="function">Index in the function index space.</param>
    /// <param name="recorded">What was seen of the user's workload; null when nothing was.</param>
    public Task<FunctionTestReport> TestAsync(uint function, IReadOnlyList<VariantCode> candidates, RecordedInputs? recorded, CancellationToken cancellationToken) =>
        Of(function, recorded).TestAsync(candidates, cancellationToken);

    /// <summary>Runs original and candidate once more on the input of a counterexample; null when they agree on it.</summary>
    /// <param name="recorded">As it was when the counterexample was found.</param>
    public Task<EngineResult<Counterexample?>> ReplayAsync(
        Counterexample counterexample, VariantCode candidate, RecordedInputs? recorded, CancellationToken cancellationToken) =>
        Of(counterexample.Function, recorded).ReplayAsync(counterexample, candidate, cancellationToken);
}
