using System.Collections.Immutable;
using Mewe.Diversify;
using Mewe.Execution;
using Mewe.Linking.Preservation;
using Mewe.Wasm;

namespace Mewe.Grains;

/// <summary>Asks the engine which candidates become the same machine code. Where it does not show its code, nothing is preferred for it, and <see cref="Problem"/> says why.</summary>
/// <param name="wanted">False where a plan has decided already.</param>
public sealed class MachineCodeReading(IWasmEngine engine, WasmModule module, bool wanted)
{
    private readonly Lazy<CompiledVariants> compiled = new(() => new CompiledVariants(module));
    private EngineFailure? problem;

    /// <summary>Why the machine code is not known; null where it is, or nobody asked.</summary>
    public string? Problem => problem is { } failure ? $"variants are not chosen by their machine code: {failure.Message}" : null;

    /// <summary>For each candidate the number of its machine code, 0 being the original's; empty where it is not known.</summary>
    /// <exception cref="EngineFailedException">The engine shows its code, but failed on this.</exception>
    internal async Task<ImmutableArray<int>> GroupsAsync(uint function, FunctionCode original, IEnumerable<VariantCode> candidates, CancellationToken cancellationToken)
    {
        ImmutableArray<VariantCode> versions = [new VariantCode(original), .. candidates];
        if (!wanted || problem is not null || versions.Length == 1)
        {
            return [];
        }

        var answer = await compiled.Value.GroupAsync(engine, function, versions, cancellationToken);
        if (answer.TryGet(out var groups, out var failure))
        {
            return groups.RemoveAt(0);
        }

        if (failure.Kind != EngineFailureKind.Unavailable)
        {
            // Whether an engine hangs or dies can depend on the machine, so it must not decide which variants there are.
            throw new EngineFailedException($"the machine code of function {function} could not be read: {failure}");
        }

        problem = failure;
        return [];
    }
}
