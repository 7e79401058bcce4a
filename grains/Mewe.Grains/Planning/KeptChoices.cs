using System.Collections.Immutable;
using Mewe.Execution;
using Mewe.Linking;
using Mewe.Wasm;

namespace Mewe.Grains;

/// <summary>
/// Which functions are bound (<see cref="FunctionDispatch.Bound"/>) under the policies <c>entry</c> and <c>instance</c>. A dispatcher costs time even where the processor foresees its choice, and a small function may be
/// called a hundred thousand times in a request. So the functions that are called most follow the choices of their callers, which are kept for as long; all others choose for themselves, and in every request several do
/// (<see cref="PathFloor.Levels"/>).
/// </summary>
/// <remarks>It follows from what the workload was counted to do, not from times: the same on every machine.</remarks>
internal static class KeptChoices
{
    /// <summary>Nanoseconds that may go to dispatchers, for each instruction that a request executes: a fiftieth of what they take when they are well compiled.</summary>
    private const double ForDispatchers = 0.002;

    /// <returns>None under other policies.</returns>
    public static IReadOnlySet<uint> Bound(DispatchPolicy policy, WasmModule module, WorkloadFile workload, ImmutableArray<DispatchedFunction> functions, WorkloadProfile profile)
    {
        DispatchMode? kept = policy switch { DispatchPolicy.Entry => DispatchMode.Entry, DispatchPolicy.Instance => DispatchMode.Instance, _ => null };
        return kept is not { } mode ? ImmutableHashSet<uint>.Empty
            : new DispatchPlanner(functions, profile, Dispatching.Entries(module, workload), ChoiceCosts.Default)
                .Bind(mode, profile.Whole.TotalInstructions * ForDispatchers, PathFloor.Levels[0].Fresh);
    }
}
