using System.Collections.Immutable;
using Mewe.Linking;
using Mewe.Linking.Profiling;

namespace Mewe.Grains;

/// <summary>A function that is to be dispatched.</summary>
/// <param name="Function">Index in the original module.</param>
/// <param name="Length">Its instructions.</param>
/// <param name="Choices">The original and its variants.</param>
/// <param name="Fresh">What choosing anew on every call adds to a request, in nanoseconds, where it was measured; null to estimate it.</param>
public readonly record struct DispatchedFunction(uint Function, int Length, int Choices, double? Fresh = null);

/// <summary>How many paths a request has at least, whatever they cost, as far as there are functions that it calls.</summary>
/// <param name="Fresh">Bits of choices that are made anew for every request: what an observer of one request cannot foresee of the next.</param>
/// <param name="Kept">Bits of choices that change with every <paramref name="Period"/>-th call: cheaper, and enough to keep requests that have the same fresh choices apart.</param>
/// <param name="Period">Of those.</param>
public readonly record struct PathFloor(double Fresh, double Kept = 0, uint Period = 0)
{
    public static readonly PathFloor None = new(0);

    /// <summary>
    /// From the best to the cheapest, for 17 choices each: four fresh ones; three and one for every 16 calls; two and two for every four. Of a hundred requests in a row about one in a
    /// thousand, one in five hundred and one in two hundred and fifty repeats the path of another, and over many instances all have 83,521 paths.
    /// </summary>
    public static readonly ImmutableArray<PathFloor> Levels = [new(16), new(12, 4, 16), new(8, 8, 4)];
}

/// <summary>What choosing costs, in nanoseconds on the machine at hand. Only their proportions matter, for the result is measured.</summary>
/// <param name="Jump">A jump that no processor can foresee.</param>
/// <param name="Cold">For each instruction that runs after such a jump: code that ran a moment ago is in the processor's caches and its branches are known, that of another variant is not.</param>
/// <param name="Kept">A choice that stays as it was: a dispatcher that the processor foresees.</param>
/// <param name="Slower">For each instruction that runs in a variant rather than in the original, and for each call: a variant is a little slower, and the engine inlines it less.</param>
public readonly record struct ChoiceCosts(double Jump, double Cold, double Kept, double Slower)
{
    public static readonly ChoiceCosts Default = new(20, 0.3, 4, 0.02);

    /// <summary>What a call is worth in instructions.</summary>
    private const double InstructionsPerCall = 50;

    /// <summary>What it costs in a request that variants run.</summary>
    public double OfVariants(FunctionFrequency frequency) => Slower * (frequency.Instructions + (InstructionsPerCall * frequency.Calls));
}

/// <summary>
/// Spends a request's time for choices where it buys the most. Every fresh choice opens as many paths as another, but they are not equally dear: beside the jump they cost what it takes to run code
/// that has not run for a while. So short functions that are called seldom come first. Others keep their variant for a number of calls (<see cref="DispatchMode.Periodic"/>), or are
/// <i>bound</i> (<see cref="FunctionDispatch.Bound"/>): their variants follow from the choices made for their callers, which costs nothing but cold code when those change.
/// </summary>
public sealed class DispatchPlanner
{
    /// <summary>The part of the allowance that may go to fresh choices; the rest lets hot functions change their variants now and then.</summary>
    private const double ForFresh = 0.6;

    /// <summary>Calls per request, in its main entry, of a function that runs in as good as every one.</summary>
    private const double Always = 0.95;

    private static readonly ImmutableArray<uint> Periods = [4, 16, 64, 256, 1024, 4096];

    private readonly ImmutableArray<DispatchedFunction> functions;
    private readonly ExecutionProfile profile;
    private readonly ChoiceCosts costs;
    private readonly ILookup<uint, (uint Caller, double Calls)> callers;

    // For each request, the calls of each function below its main entry.
    private readonly ImmutableArray<ImmutableDictionary<uint, double>> requests;

    /// <param name="entries">The functions that the host calls.</param>
    public DispatchPlanner(ImmutableArray<DispatchedFunction> functions, WorkloadProfile workload, IReadOnlyCollection<uint> entries, ChoiceCosts costs)
    {
        (this.functions, profile, this.costs) = (functions, workload.Whole, costs);
        requests = [.. workload.Requests.Select(request => BelowMainEntry(request, entries))];
        var diversified = functions.Select(function => function.Function).ToHashSet();
        callers = profile.Calls.Where(call => diversified.Contains(call.Key.Caller) && diversified.Contains(call.Key.Callee))
            .ToLookup(call => call.Key.Callee, call => (call.Key.Caller, call.Value));
    }

    /// <summary>
    /// The work of a request is below one of its entries; choices in what stands around it (allocating and freeing the request) would not change the path of the work.
    /// </summary>
    private static ImmutableDictionary<uint, double> BelowMainEntry(ExecutionProfile request, IReadOnlyCollection<uint> entries) =>
        entries.Where(entry => request.Of(entry).Calls > 0).Order().Select(entry => request.CallsBelow([entry]))
            .MaxBy(below => below.Sum(function => function.Value / request.Of(function.Key).Calls * request.Of(function.Key).Instructions)) ?? request.CallsBelow([]);

    /// <summary>The functions of which every call may be fresh at the lowest cost, cheapest first: what is worth measuring.</summary>
    public IEnumerable<uint> CheapestInRequests() =>
        functions.Where(function => requests.Any(request => request.GetValueOrDefault(function.Function) >= Always)).OrderBy(FreshCost).ThenBy(function => function.Function).Select(function => function.Function);

    /// <summary>Decides for all functions.</summary>
    /// <param name="allowance">Nanoseconds per request for choices.</param>
    /// <param name="floor">Choices that are made whatever they cost.</param>
    public ImmutableSortedDictionary<uint, FunctionDispatch> Decide(double allowance, PathFloor floor)
    {
        var decided = ImmutableSortedDictionary.CreateBuilder<uint, FunctionDispatch>();
        var changes = new Dictionary<uint, double>();
        double spent = 0;
        void Add(DispatchedFunction function, FunctionDispatch dispatch, double cost)
        {
            spent += cost;
            decided.Add(function.Function, dispatch);
            changes[function.Function] = profile.Of(function.Function).Calls / Math.Max(1, dispatch.Period);
        }

        foreach (var function in Cover(floor.Fresh, FreshCost, decided, calls => calls))
        {
            Add(function, new FunctionDispatch(DispatchMode.Call), FreshCost(function));
        }

        double KeptCost(DispatchedFunction function) => (profile.Of(function.Function).Calls * costs.Kept) + (FreshCost(function) / Math.Max(1, floor.Period)) + costs.OfVariants(profile.Of(function.Function));
        foreach (var function in Cover(floor.Kept, KeptCost, decided, calls => calls))
        {
            Add(function, new FunctionDispatch(DispatchMode.Periodic) { Period = floor.Period }, KeptCost(function));
        }

        var rest = new List<DispatchedFunction>();
        foreach (var function in functions.Where(function => !decided.ContainsKey(function.Function)).OrderBy(FreshCost).ThenBy(function => function.Function))
        {
            if (profile.Of(function.Function).Calls == 0 || spent + FreshCost(function) <= allowance * ForFresh)
            {
                Add(function, new FunctionDispatch(DispatchMode.Call), FreshCost(function));
            }
            else
            {
                rest.Add(function);
            }
        }

        // Callers are mostly called less often than what they call, so their changes are known by then.
        foreach (var function in rest.OrderBy(function => profile.Of(function.Function).Calls).ThenBy(function => function.Function))
        {
            var (dispatch, cost, changed) = Cheaper(function, allowance - spent, changes);
            Add(function, dispatch, cost);
            changes[function.Function] = changed;
        }

        return decided.ToImmutable();
    }

    /// <summary>
    /// Decides where every choice is kept, for a request (<see cref="DispatchMode.Entry"/>) or for good (<see cref="DispatchMode.Instance"/>): which functions are bound, since even dispatchers that the
    /// processor foresees are too dear for calls as frequent as theirs.
    /// </summary>
    /// <param name="mode">How long choices are kept.</param>
    /// <param name="allowance">Nanoseconds per request for dispatchers.</param>
    /// <param name="bits">Of choices that every request gets, whatever they cost.</param>
    public ImmutableSortedSet<uint> Bind(DispatchMode mode, double allowance, double bits)
    {
        double Cost(DispatchedFunction function)
        {
            var calls = profile.Of(function.Function).Calls;
            return (calls * costs.Kept) + (mode == DispatchMode.Entry ? Math.Min(calls, 1) * (costs.Jump + ColdCost(function)) : 0);
        }

        var chosen = Cover(bits, Cost, ImmutableDictionary<uint, FunctionDispatch>.Empty, calls => Math.Min(calls, 1)).Select(function => function.Function).ToHashSet();
        var spent = functions.Where(function => chosen.Contains(function.Function)).Sum(Cost);
        var bound = ImmutableSortedSet.CreateBuilder<uint>();
        foreach (var function in functions.Where(function => !chosen.Contains(function.Function)).OrderBy(Cost).ThenBy(function => function.Function))
        {
            if (spent + Cost(function) > allowance && callers[function.Function].Any())
            {
                bound.Add(function.Function);
            }
            else
            {
                spent += Cost(function);
            }
        }

        return bound.ToImmutable();
    }

    /// <summary>The cheapest functions that give every request its bits, found greedily: next is what gives the most bits that are still wanted for a nanosecond.</summary>
    /// <param name="choices">How many choices so many calls make.</param>
    private List<DispatchedFunction> Cover(double bits, Func<DispatchedFunction, double> cost, IReadOnlyDictionary<uint, FunctionDispatch> taken, Func<double, double> choices)
    {
        var wanted = requests.Select(_ => bits).ToArray();
        var open = functions.Where(function => function.Choices > 1 && profile.Of(function.Function).Calls > 0 && !taken.ContainsKey(function.Function)).OrderBy(function => function.Function).ToList();
        var cover = new List<DispatchedFunction>();
        double Given(DispatchedFunction function, int request) =>
            requests[request].GetValueOrDefault(function.Function) is >= Always and var calls ? Math.Min(wanted[request], choices(Math.Max(1, calls)) * Math.Log2(function.Choices)) : 0;
        while (open.Count > 0)
        {
            var (best, gain) = open.Select(function => (function, Gain: Enumerable.Range(0, wanted.Length).Sum(request => Given(function, request)))).MaxBy(pair => pair.Gain / Math.Max(1e-9, cost(pair.function)));
            if (gain <= 0)
            {
                break;
            }

            for (var request = 0; request < wanted.Length; request++)
            {
                wanted[request] -= Given(best, request);
            }

            cover.Add(best);
            open.Remove(best);
        }

        return cover;
    }

    /// <summary>What it costs to choose anew on every call of a function, in nanoseconds per request.</summary>
    private double FreshCost(DispatchedFunction function) =>
        function.Fresh ?? ((profile.Of(function.Function).Calls * (costs.Jump + ColdCost(function))) + costs.OfVariants(profile.Of(function.Function)));

    /// <summary>What it costs to run another variant than the time before: as much as there is code that runs once, loops not counted again.</summary>
    private double ColdCost(DispatchedFunction function)
    {
        var (calls, instructions) = profile.Of(function.Function);
        return calls == 0 ? 0 : costs.Cold * Math.Min(function.Length, instructions / calls);
    }

    private (FunctionDispatch Dispatch, double Cost, double Changes) Cheaper(DispatchedFunction function, double left, Dictionary<uint, double> changes)
    {
        var calls = profile.Of(function.Function).Calls;
        var bindable = callers[function.Function].Sum(caller => caller.Calls);
        var changedByCallers = callers[function.Function].Sum(caller => Math.Min(caller.Calls, changes.GetValueOrDefault(caller.Caller, caller.Calls)));
        var bound = (changedByCallers * ColdCost(function)) + costs.OfVariants(profile.Of(function.Function));
        var own = Around(calls, left, function);

        // Bound to callers whose choices never change, a function would run the same variant for ever.
        if (changedByCallers > 0 && bound <= left && (own.Dispatch.Mode == DispatchMode.Direct || bound <= own.Cost))
        {
            var (mode, cost) = Around(Math.Max(0, calls - bindable), left - bound, function);
            return (mode with { Bound = true }, bound + cost, changedByCallers);
        }

        return (own.Dispatch, own.Cost, own.Dispatch.Mode == DispatchMode.Periodic ? calls / own.Dispatch.Period : 0);
    }

    /// <summary>As fresh a choice as can be paid for, or the original.</summary>
    private (FunctionDispatch Dispatch, double Cost) Around(double calls, double left, DispatchedFunction function)
    {
        var jump = costs.Jump + ColdCost(function);
        if (calls == 0)
        {
            return (new FunctionDispatch(DispatchMode.Call), 0);
        }

        foreach (var period in Periods)
        {
            var cost = (calls * (costs.Kept + (jump / period))) + costs.OfVariants(profile.Of(function.Function));
            if (cost <= left)
            {
                return (new FunctionDispatch(DispatchMode.Periodic) { Period = period }, cost);
            }
        }

        return (new FunctionDispatch(DispatchMode.Direct), 0);
    }
}
