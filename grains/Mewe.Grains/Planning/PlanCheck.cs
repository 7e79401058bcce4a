using Mewe.Linking;

namespace Mewe.Grains;

/// <summary>
/// Whether a plan that somebody gives fits the job. It decides what is linked, so it is held to what the job would hold itself to: a plan of another module, of other options or of another version names other
/// candidates than it means, and one that was changed by hand may ask for what the options forbid.
/// </summary>
internal static class PlanCheck
{
    /// <summary>What can be seen before any work is done; null where nothing speaks against the plan.</summary>
    public static JobFailure? BeforeWork(LinkPlan given, JobPlan plan)
    {
        var source = Convert.ToHexStringLower(plan.Facts.Sha256.AsSpan());
        return given.Source != source ? Bad($"the plan was made for another module: SHA-256 {given.Source}, this one has {source}")
            : given.Options != plan.RecordedOptions ? Bad($"the plan was made with other options: \"{given.Options}\", these are \"{plan.RecordedOptions}\"")
            : given.Tool != ToolVersion.Text ? Bad($"the plan was made by Mewe {given.Tool}, this is {ToolVersion.Text}; make a new one without --plan")
            : given.Functions.Select(function => WhyNot(function, plan)).FirstOrDefault(why => why is not null) is { } reason ? Bad($"the plan was changed by hand: {reason}")
            : given.Functions.DistinctBy(function => function.Function).Count() != given.Functions.Length ? Bad("the plan was changed by hand: it names a function twice")
            : null;
    }

    /// <summary>Whether the job has what the plan names, and may link it; null where nothing speaks against the plan.</summary>
    public static JobFailure? AgainstCandidates(LinkPlan given, IReadOnlyCollection<FunctionCandidates> candidates)
    {
        var known = candidates.ToDictionary(function => function.Function);
        foreach (var function in given.Functions)
        {
            var own = known.GetValueOrDefault(function.Function);
            if (function.Variants.Any(place => own is null || place < 0 || place >= own.Count) || function.Variants.Distinct().Count() != function.Variants.Length)
            {
                return Bad($"the plan names candidates of function {function.Function} that do not exist: it was made with another solver or engine, or changed by hand");
            }

            if (function.Variants.Any(place => !own!.MayBeLinked(place)))
            {
                return Bad($"the plan names candidates of function {function.Function} that are not proved, and --evidence proved asks for that: it was made with another solver, or changed by hand");
            }
        }

        return null;
    }

    private static string? WhyNot(PlannedFunction function, JobPlan plan) => WhyNot(function, plan.Request.Options)
        ?? (function.Form == DispatchForm.Inlined && function.Function < plan.Module.FunctionCount && !MultivariantLinker.CanInline(plan.Module.TypeOfFunction(function.Function))
            ? $"the bodies of function {function.Function} cannot be inlined, for it has several results" : null)
        ?? (function.Inlines is { } inlines && (inlines.IsDefault || inlines.Any(callee => callee < plan.Module.ImportedFunctionCount || callee >= plan.Module.FunctionCount))
            ? $"function {function.Function} inlines a function that the module does not define" : null);

    private static string? WhyNot(PlannedFunction function, JobOptions options) =>
        function.Variants.Length > options.Variants ? $"function {function.Function} has {function.Variants.Length} variants, and {options.Variants} are the most"
        : (function.Dispatch is null) == (options.Policy == DispatchPolicy.Auto && !function.Variants.IsEmpty) ? $"the dispatch of function {function.Function} does not go with the policy"
        : function.Bound is true && options.Policy == DispatchPolicy.Call ? $"function {function.Function} is bound, and the policy is a choice on every call"
        : function.LinkedDispatch is { } dispatch && MultivariantLinker.WhyNot(dispatch) is { } why ? $"in function {function.Function} {why}"
        : null;

    private static JobFailure Bad(string message) => new(JobFailureKind.BadPlan, message);
}
