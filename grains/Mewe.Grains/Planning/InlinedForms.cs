using System.Collections.Immutable;
using Mewe.Linking;
using Mewe.Linking.Profiling;
using Mewe.Wasm;

namespace Mewe.Grains;

/// <summary>
/// Which dispatchers hold the bodies that they choose from (<see cref="DispatchForm.Inlined"/>): those of small functions that the workload calls, the most called ones first, for it is them that a
/// second call and a place in the engine's jump table make dearer. It repeats code, so it is done up to a part of the variants' code.
/// </summary>
internal static class InlinedForms
{
    /// <summary>Instructions that bodies may have on the average: of longer ones the call is a small part.</summary>
    private const int MostInstructions = 96;

    /// <summary>The part of all variants' instructions that may be repeated, and as much of it as is left where calls are inlined, too.</summary>
    private const double MostRepeated = 0.04, MostRepeatedWithCalls = 0.055;

    /// <param name="calls">What is inlined in the place of calls.</param>
    public static ImmutableHashSet<uint> Choose(WasmModule module, IReadOnlyList<FunctionLengths> functions, ExecutionProfile profile, CallInlining calls)
    {
        var all = FunctionLengths.OfVariants(functions);
        var left = calls.Repeated > 0 ? (MostRepeatedWithCalls * all) - calls.Repeated : MostRepeated * all;
        var inlined = ImmutableHashSet.CreateBuilder<uint>();
        foreach (var function in functions.Where(function => function.Lengths.Length > 1 && profile.Of(function.Function).Calls > 0)
            .OrderByDescending(function => profile.Of(function.Function).Calls).ThenBy(function => function.Function))
        {
            var (average, total) = (function.Lengths.Average(), function.Lengths.Sum() + (function.Lengths.Length * calls.AddedTo(function.Function)));
            if (average <= MostInstructions && total <= left && MultivariantLinker.CanInline(module.TypeOfFunction(function.Function)))
            {
                left -= total;
                inlined.Add(function.Function);
            }
        }

        return inlined.ToImmutable();
    }
}
