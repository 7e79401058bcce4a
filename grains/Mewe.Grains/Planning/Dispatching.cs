using System.Collections.Immutable;
using Mewe.Linking;
using Mewe.Wasm;

namespace Mewe.Grains;

/// <summary>From chosen variants and an allowance to a plan, and from a plan to a module.</summary>
internal static class Dispatching
{
    public static ImmutableArray<PlannedFunction> Decide(JobPlan plan, ImmutableArray<PlannedFunction> chosen, IReadOnlyDictionary<uint, FunctionCandidates> candidates, WorkloadProfile profile,
        ImmutableDictionary<uint, double> freshCosts, double allowance, PathFloor floor)
    {
        var dispatch = Planner(plan, chosen, profile, freshCosts).Decide(allowance, floor);
        var inlined = Inlined(plan, chosen, candidates, profile);
        return [.. chosen.Select(function => dispatch.TryGetValue(function.Function, out var own) ? With(function, own, inlined, profile) : function)];
    }

    /// <summary>The dispatchers that hold their bodies. None where the size of the module is limited: variants are worth more than what repeating them saves.</summary>
    public static ImmutableHashSet<uint> Inlined(JobPlan plan, ImmutableArray<PlannedFunction> chosen, IReadOnlyDictionary<uint, FunctionCandidates> candidates, WorkloadProfile profile) =>
        plan.Request.Options.SizeBudget is not null ? [] : InlinedForms.Choose(plan.Module, Lengths(chosen, candidates), profile.Whole, CallInlining.None(plan.Module));

    public static ImmutableArray<FunctionLengths> Lengths(ImmutableArray<PlannedFunction> chosen, IReadOnlyDictionary<uint, FunctionCandidates> candidates) =>
        [.. chosen.Select(function => new FunctionLengths(function.Function, candidates[function.Function].LengthsOf(function.Variants)))];

    /// <param name="freshCosts">Nanoseconds that were measured, by function.</param>
    public static DispatchPlanner Planner(JobPlan plan, ImmutableArray<PlannedFunction> chosen, WorkloadProfile profile, ImmutableDictionary<uint, double> freshCosts) =>
        new([.. Dispatched(plan, chosen).Select(function => freshCosts.TryGetValue(function.Function, out var measured) ? function with { Fresh = measured } : function)], profile, Entries(plan.Module, plan.Workload), ChoiceCosts.Default);

    /// <summary>Those that have variants, as a planner takes them.</summary>
    public static ImmutableArray<DispatchedFunction> Dispatched(WasmModule original, IEnumerable<(uint Function, int Variants)> functions) =>
        [.. functions.Where(function => function.Variants > 0).Select(function =>
            new DispatchedFunction(function.Function, original.Bodies[(int)function.Function - original.ImportedFunctionCount].Decode().Instructions.Length, 1 + function.Variants))];

    public static ImmutableArray<DispatchedFunction> Dispatched(JobPlan plan, ImmutableArray<PlannedFunction> chosen) => Dispatched(plan.Module, chosen.Select(function => (function.Function, function.Variants.Length)));

    public static PlannedFunction With(PlannedFunction function, FunctionDispatch dispatch, ImmutableHashSet<uint> inlined, WorkloadProfile profile) =>
        function.Variants.IsEmpty ? function
            : function.With(dispatch with { Form = inlined.Contains(function.Function) && dispatch.Mode != DispatchMode.Direct ? DispatchForm.Inlined : dispatch.Form }, profile.Whole.Of(function.Function).Calls);

    public static LinkResult Link(JobPlan plan, ImmutableArray<PlannedFunction> planned, IReadOnlyDictionary<uint, FunctionCandidates> candidates) =>
        MultivariantLinker.Link(plan.Module, [.. planned.Select(function =>
            new FunctionVariants(function.Function, [.. function.Variants.Select(candidates[function.Function].Linked)]) { Dispatch = function.LinkedDispatch, Inlines = function.Inlines ?? [] })], plan.LinkOptions);

    /// <summary>The exports below which the work of a request is done: of a reactor <c>run</c>, and not what allocates and frees the request.</summary>
    public static IReadOnlyCollection<uint> Entries(WasmModule module, WorkloadFile workload)
    {
        var exports = module.Exports.Where(export => export.Kind == ExternKind.Function).ToList();
        var main = RunShape.Of(workload)?.Entries ?? [];
        return [.. (exports.Any(export => main.Contains(export.Name)) ? exports.Where(export => main.Contains(export.Name)) : exports).Select(export => export.Index).Distinct()];
    }
}
