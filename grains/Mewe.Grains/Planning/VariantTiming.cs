using System.Collections.Immutable;
using Mewe.Execution;
using Mewe.Linking;
using Mewe.Linking.Profiling;

namespace Mewe.Grains;

/// <summary>What each candidate of a hot function adds to a request.</summary>
/// <param name="Share">Of the instructions of a request that are the function's own, 0 to 1.</param>
/// <param name="Added">For each candidate, by place: the part by which a request gets longer at least when this candidate runs for every call; may be negative. It is the lower end of a
/// confidence interval: of a function with a fiftieth of a request's time the tenth is as much as a machine's noise, and what is not known to be slow is not left out.</param>
internal sealed record TimedFunction(double Share, ImmutableArray<double> Added)
{
    /// <summary>How much slower a candidate is than its original, by itself: 0.2 for a fifth.</summary>
    public double OwnSlowdown(int place) => Added[place] / Math.Max(Share, 1e-9);

    /// <summary>A bound on candidates' own slowdown, wider than asked for where too few candidates are within it, but never wider than <paramref name="widest"/>.</summary>
    public double BoundFor(int fewest, double bound, double widest)
    {
        var slowdowns = Enumerable.Range(0, Added.Length).Select(OwnSlowdown).Order().ToList();
        return slowdowns.Count == 0 ? bound : Math.Min(widest, Math.Max(bound, slowdowns[Math.Min(fewest, slowdowns.Count) - 1]));
    }
}

/// <summary>
/// Times the candidates of the functions in which most of the time is spent. All of them are linked behind dispatchers that read their choice from a global, so that original and candidates take
/// turns in one instance of one module and differ in nothing else.
/// </summary>
internal sealed class VariantTiming(IWasmEngine engine, JobPlan plan)
{
    private const int MostFunctions = 16;

    /// <summary>Over all entries of a workload, and of each at least.</summary>
    private const int Rounds = 21, FewestRounds = 9;

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
            timed.Add(function.Function, new TimedFunction(share, [.. slowdowns.Value.AsSpan().Slice(next, function.Count).ToArray().Select(slowdown => slowdown.Low - 1)]));
            next += function.Count;
        }

        return (timed.ToImmutable(), null);
    }
}
