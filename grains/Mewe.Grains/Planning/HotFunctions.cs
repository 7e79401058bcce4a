using System.Collections.Immutable;
using Mewe.Execution;
using Mewe.Linking.Profiling;
using Mewe.Wasm;

namespace Mewe.Grains;

/// <summary>
/// Functions in which much of the time is spent, by the instructions that a workload executes in them, or that the code alone lets expect. They are few, and what becomes of them decides how fast the module is: their
/// candidates are little longer than they are (<see cref="JobPlan.DiversifyOptionsOf"/>), and are timed where they can be.
/// </summary>
/// <remarks>Counted, not timed, so every machine and every engine finds the same.</remarks>
internal static class HotFunctions
{
    /// <summary>Of the instructions of a request, in which code counts that a branch skips: a function with a fiftieth of them may take a tenth of the time.</summary>
    public const double SmallestShare = 0.01;

    /// <param name="workload">The user's; null where there is none.</param>
    /// <exception cref="EngineFailedException">The engine failed.</exception>
    public static async Task<ImmutableSortedSet<uint>> FindAsync(IWasmEngine engine, WasmModule module, WorkloadFile? workload, ulong seed, CancellationToken cancellationToken) =>
        Of((workload is null ? null : await new ProfileRecording(engine, module).RecordWholeAsync(workload, seed, cancellationToken)) ?? StaticProfile.Estimate(module));

    public static ImmutableSortedSet<uint> Of(ExecutionProfile profile) =>
        [.. profile.Functions.Where(function => function.Value.Instructions >= SmallestShare * Math.Max(1, profile.TotalInstructions)).Select(function => function.Key)];
}
