using System.Collections.Immutable;
using Mewe.Execution;
using Mewe.Linking;
using Mewe.Linking.Profiling;

namespace Mewe.Grains;

/// <summary>What each candidate of a hot function adds to a request.</summary>
/// <param name="Share">Of the instructions of a request that are the function's own, 0 to 1.</param>
/// <param name="Added">For each candidate, by place: the part by which a request gets longer when this candidate runs for every call; may be negative.</param>
/// <param name="Least">The lower ends of confidence intervals of these: of a function with a fiftieth of a request's time the tenth is as much as a machine's noise.</param>
internal sealed record TimedFunction(double Share, ImmutableArray<double> Added, ImmutableArray<double> Least)
{
    /// <summary>
    /// Whether a candidate is left out: it is surely slower than its original by more than the widest bound, or seems slower than a bound and there are enough others that seem faster.
    /// </summary>
    /// <param name="bound">On how much slower a candidate is than its original, by itself: 0.2 for a fifth.</param>
    /// <param name="widest">What no candidate may surely exceed.</param>
    /// <param name="enough">The fastest candidates that are kept whatever the bound.</param>
    public bool IsTooSlow(int place, double bound, double widest, int enough)
    {
        var own = Math.Max(Share, 1e-9);
        return Least[place] / own > widest || (Added[place] / own > bound && Added.Count(other => other < Added[place]) >= enough);
    }
}

/// <summary>
/// Times the candidates of the functions in which most of the time is spent. All of them are linked behind dispatchers that read their choice from a global, so that original and candidates take
/// turns in one instance of one module and differ in nothing else.
/// </summary>
internal sealed class VariantTiming(IWasmEngine engine, JobPlan plan)
{
    private const int MostFunctions = 24;

    /// <summary>Over all entries of a workload, and of each at least.</summary>
    private const int Rounds = 41, FewestRounds = 15;

    /// <summary>By function; empty with a reason where nothing could be timed.</summary>
    public async Task<(ImmutableDictionary<uint, TimedFunction> Functions, string? Problem)> RunAsync(
        IEnumerable<FunctionCandidates> candidates, ExecutionProfile profile, CancellationToken cancellationToken)
    {
        var total = Math.Max(1, profile.TotalInstructions);
        var hot = candidates.Where(function => function.Count > 0).Select(function => (Function: function, Share: profile.Of(function.Function).Instructions / total))
            .Where(entry => entry.Share >= HotFunctions.SmallestShare).OrderByDescending(entry => entry.Share).ThenBy(entry => entry.Function.Function).Take(MostFunctions).ToList();
        if (hot.Count == 0)
        {
            return (ImmutableDictionary<uint, TimedFunction>.Empty, null);
        }

        var functions = hot.Select(entry => new FunctionVariants(entry.Function.Function, [.. Enumerable.Range(0, entry.Function.Count).Select(entry.Function.Linked)])).ToList();
        var linked = MultivariantLinker.Link(plan.Module, functions, new LinkOptions { Policy = DispatchPolicy.Steered });
        var subjects = ImmutableArray.CreateBuilder<TimingSubject>();
        subjects.Add(new TimingSubject(0, []));
        foreach (var (function, _) in hot)
        {
            var export = MultivariantLinker.SteeringExport(function.Function);
            subjects.AddRange(Enumerable.Range(1, function.Count).Select(choice => new TimingSubject(0, [new GlobalSetting(export, WasmValue.I32(choice))])));
        }

        var timing = new SlowdownTiming(engine, plan.Workload, plan.Request.Options.Seed);
        var (slowdowns, problem) = await timing.CompareAsync([linked.Module], subjects.ToImmutable(), TimingTier.Optimized, Math.Max(FewestRounds, Rounds / timing.Entries), null, cancellationToken);
        if (slowdowns is null)
        {
            return (ImmutableDictionary<uint, TimedFunction>.Empty, problem);
        }

        var timed = ImmutableDictionary.CreateBuilder<uint, TimedFunction>();
        var next = 1;
        foreach (var (function, share) in hot)
        {
            timed.Add(function.Function, new TimedFunction(share, [.. slowdowns.Value.Skip(next).Take(function.Count).Select(slowdown => slowdown.Ratio - 1)], [.. slowdowns.Value.Skip(next).Take(function.Count).Select(slowdown => slowdown.Low - 1)]));
            next += function.Count;
        }

        return (timed.ToImmutable(), null);
    }
}
