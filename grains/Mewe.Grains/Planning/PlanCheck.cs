using System.Collections.Immutable;

namespace Mewe.Grains;

/// <summary>Whether a plan that somebody gives fits the job: it must be of the same module, options and version, or it would name other candidates than it means.</summary>
internal static class PlanCheck
{
    /// <summary>What can be seen before any work is done; null where nothing speaks against it.</summary>
    public static JobFailure? Early(LinkPlan given, JobPlan plan)
    {
        var source = Convert.ToHexStringLower(plan.Facts.Sha256.AsSpan());
        return given.Source != source ? Bad($"the plan was made for another module: SHA-256 {given.Source}, this one has {source}")
            : given.Options != plan.RecordedOptions ? Bad($"the plan was made with other options: \"{given.Options}\", these are \"{plan.RecordedOptions}\"")
            : given.Tool != ToolVersion.Text ? Bad($"the plan was made by Mewe {given.Tool}, this is {ToolVersion.Text}; make a new one without --plan")
            : null;
    }

    /// <summary>The plan, or why it does not fit the candidates.</summary>
    public static (LinkPlan? Plan, JobFailure? Failure) Check(LinkPlan given, JobPlan plan, IReadOnlyCollection<FunctionCandidates> candidates)
    {
        if (Early(given, plan) is { } failure)
        {
            return (null, failure);
        }

        var counts = candidates.ToDictionary(function => function.Function, function => function.Count);
        foreach (var function in given.Functions)
        {
            var count = counts.GetValueOrDefault(function.Function, 0);
            if (function.Variants.Any(place => place < 0 || place >= count) || function.Variants.Distinct().Count() != function.Variants.Length)
            {
                return (null, Bad($"the plan names candidates of function {function.Function} that do not exist: it was made with another solver or engine, or changed by hand"));
            }
        }

        return (given, null);
    }

    private static JobFailure Bad(string message) => new(JobFailureKind.BadPlan, message);
}
