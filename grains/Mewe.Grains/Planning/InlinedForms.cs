using System.Collections.Immutable;
using Mewe.Linking;
using Mewe.Linking.Profiling;

namespace Mewe.Grains;

/// <summary>
/// Which dispatchers hold the bodies that they choose from (<see cref="DispatchForm.Inlined"/>): those of small functions that the workload calls, the most called ones first, for it is them that a
/// second call and a place in the engine's jump table make dearer. It repeats code, so it is done up to a part of the variants' code.
/// </summary>
internal static class InlinedForms
{
    /// <summary>Instructions that bodies may have on the average: of longer ones the call is a small part.</summary>
    private const int MostInstructions = 96;

    /// <summary>The part of all variants' instructions that may be repeated.</summary>
    private const double MostRepeated = 0.04;

    /// <param name="planned">With the variants chosen.</param>
    /// <returns>None where the size of the module is limited: variants are worth more than what repeating them saves.</returns>
    public static ImmutableHashSet<uint> Choose(JobPlan plan, IReadOnlyList<PlannedFunction> planned, IReadOnlyDictionary<uint, FunctionCandidates> candidates, ExecutionProfile profile)
    {
        if (plan.Request.Options.SizeBudget is not null)
        {
            return [];
        }

        var left = MostRepeated * planned.Sum(function => function.Variants.Sum(place => (double)candidates[function.Function].LengthOf(place)));
        var inlined = ImmutableHashSet.CreateBuilder<uint>();
        foreach (var function in planned.Where(function => !function.Variants.IsEmpty && profile.Of(function.Function).Calls > 0)
            .OrderByDescending(function => profile.Of(function.Function).Calls).ThenBy(function => function.Function))
        {
            var lengths = function.Variants.Select(place => candidates[function.Function].LengthOf(place)).Prepend(candidates[function.Function].OriginalLength).ToList();
            if (lengths.Average() <= MostInstructions && lengths.Sum() <= left && MultivariantLinker.CanInline(plan.Module.TypeOfFunction(function.Function)))
            {
                left -= lengths.Sum();
                inlined.Add(function.Function);
            }
        }

        return inlined.ToImmutable();
    }
}
