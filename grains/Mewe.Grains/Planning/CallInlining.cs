using System.Collections.Frozen;
using System.Collections.Immutable;
using Mewe.Linking;
using Mewe.Linking.Profiling;
using Mewe.Wasm;

namespace Mewe.Grains;

/// <summary>How long the bodies of a function are.</summary>
/// <param name="Function">Index in the original module.</param>
/// <param name="Lengths">Instructions of the original's body, then of the variants'.</param>
public readonly record struct FunctionLengths(uint Function, ImmutableArray<int> Lengths)
{
    /// <summary>Of all variants together: what a part of their code is measured by.</summary>
    public static double OfVariants(IEnumerable<FunctionLengths> functions) => functions.Sum(function => function.Lengths.Skip(1).Sum(length => (double)length));
}

/// <summary>
/// Which direct calls become one of the callee's bodies (<see cref="FunctionVariants.Inlines"/>) under the policies that give all functions the same: those that a workload makes most often, of functions that
/// are not long. Every dispatcher that is passed costs time, and a function of five instructions that is called a hundred thousand times in a request costs many times what it does.
/// </summary>
/// <remarks>
/// It repeats code, so the calls that are made most often for each repeated instruction come first, as long as all that is repeated stays below a part of the variants' code. It follows from what the workload was
/// counted to do: the same on every machine.
/// </remarks>
internal sealed class CallInlining
{
    /// <summary>Instructions of a function whose calls are inlined: of longer ones the call is a small part.</summary>
    private const int MostInstructions = 400;

    /// <summary>The part of all variants' instructions that may be repeated.</summary>
    private const double MostRepeated = 0.05;

    /// <summary>Calls in a request that are worth it: what one request in two makes.</summary>
    private const double FewestCalls = 0.5;

    /// <summary>Instructions around an inlined body, beside those that take its parameters and clear its locals.</summary>
    private const int Around = 2;

    private readonly WasmModule module;
    private readonly FrozenDictionary<uint, FunctionLengths> functions;
    private readonly Dictionary<(uint Caller, uint Callee), int> sites = [];
    private readonly SortedDictionary<uint, SortedSet<uint>> chosen = [];

    private CallInlining(WasmModule module, IEnumerable<FunctionLengths> functions) =>
        (this.module, this.functions) = (module, functions.Where(function => function.Lengths.Length > 1).ToFrozenDictionary(function => function.Function));

    /// <summary>Nothing is inlined.</summary>
    public static CallInlining None(WasmModule module) => new(module, []);

    public static CallInlining Choose(WasmModule module, IEnumerable<FunctionLengths> functions, ExecutionProfile profile)
    {
        var inlining = new CallInlining(module, functions);
        inlining.Choose(profile);
        return inlining;
    }

    /// <summary>The functions that are inlined into one; null for none.</summary>
    public ImmutableArray<uint>? Into(uint function) => chosen.TryGetValue(function, out var callees) && callees.Count > 0 ? [.. callees] : null;

    /// <summary>Instructions that are inlined into each body of a function, about.</summary>
    public double AddedTo(uint function) => Added(function, 0);

    /// <summary>Instructions that are inlined, all bodies together.</summary>
    public double Repeated => chosen.Sum(pair => functions[pair.Key].Lengths.Length * AddedTo(pair.Key));

    private void Choose(ExecutionProfile profile)
    {
        var most = MostRepeated * FunctionLengths.OfVariants(functions.Values);
        var calls = profile.Calls.Where(call => call.Value >= FewestCalls && MayBeInlined(call.Key.Caller, call.Key.Callee))
            .OrderByDescending(call => call.Value / (Sites(call.Key.Caller, call.Key.Callee) * functions[call.Key.Caller].Lengths.Length * Inlined(call.Key.Callee, 0)))
            .ThenBy(call => call.Key.Caller).ThenBy(call => call.Key.Callee);
        foreach (var (caller, callee) in calls.Select(call => call.Key))
        {
            var callees = chosen.TryGetValue(caller, out var known) ? known : chosen[caller] = [];
            callees.Add(callee);
            if (Repeated > most)
            {
                callees.Remove(callee);
            }
        }
    }

    private bool MayBeInlined(uint caller, uint callee) =>
        caller != callee && functions.ContainsKey(caller) && functions.TryGetValue(callee, out var called) && called.Lengths[0] <= MostInstructions
        && MultivariantLinker.CanInline(module.TypeOfFunction(callee)) && Sites(caller, callee) > 0;

    private int Sites(uint caller, uint callee)
    {
        if (!sites.TryGetValue((caller, callee), out var count))
        {
            sites.Add((caller, callee), count = Body(caller).Instructions.Count(instruction => instruction.Opcode == Opcode.Call && instruction.Index == callee));
        }

        return count;
    }

    private FunctionCode Body(uint function) => module.Bodies[(int)function - module.ImportedFunctionCount].Decode();

    private double Added(uint function, int depth) =>
        depth < MultivariantLinker.DeepestInlining && chosen.TryGetValue(function, out var callees) ? callees.Sum(callee => Sites(function, callee) * Inlined(callee, depth + 1)) : 0;

    /// <summary>Instructions that take the place of one call.</summary>
    private double Inlined(uint callee, int depth) =>
        functions[callee].Lengths.Order().Take(MultivariantLinker.MostInlinedBodies).Average() + Around + module.TypeOfFunction(callee).Parameters.Length + (2 * Body(callee).LocalCount) + Added(callee, depth);
}
