using System.Collections.Immutable;
using Mewe.Wasm;

namespace Mewe.Linking.Profiling;

/// <summary>
/// Guesses how often functions run, from the code alone: a loop turns <see cref="LoopTurns"/> times, an arm of a branch is taken every other time, an indirect call goes to all
/// functions in tables alike, an export is called once per request (the estimates of T. Ball and J. Larus, Branch prediction for free, 1993, are of this kind).
/// </summary>
/// <remarks>
/// Frequencies flow along calls from callers to callees, the functions of a cycle of calls taken together: what comes in is multiplied by <see cref="LoopTurns"/> once. No frequency exceeds
/// <see cref="MostCalls"/>, so that deep nests do not drown everything else.
/// </remarks>
public static class StaticProfile
{
    public const double LoopTurns = 10;

    public const double MostCalls = 1e7;

    private const double ArmTaken = 0.5;

    /// <exception cref="WasmException">The module's bytes are wrong.</exception>
    public static ExecutionProfile Estimate(WasmModule module)
    {
        var imported = module.ImportedFunctionCount;
        var bodies = Enumerable.Range(0, module.Bodies.Count).Select(i => Summarize(module.Bodies[i].Decode())).ToArray();
        var tabled = module.Elements.Where(element => !element.Functions.IsDefault).SelectMany(element => element.Functions)
            .Where(function => function >= imported).Distinct().Order().ToArray();
        var order = CallComponents.InCallerOrder(bodies.Length, function => bodies[function].Calls.Keys.Where(callee => callee >= imported).Select(callee => (int)callee - imported)
            .Concat(bodies[function].Indirect > 0 ? tabled.Select(callee => (int)callee - imported) : []));

        var calls = new double[bodies.Length];
        foreach (var entry in module.Exports.Where(export => export.Kind == ExternKind.Function).Select(export => export.Index).Concat(module.Start is { } start ? [start] : [])
            .Where(function => function >= imported).Distinct())
        {
            calls[entry - imported] = 1;
        }

        var pairs = new SortedDictionary<(uint, uint), double>();
        foreach (var component in order)
        {
            if (component.Count > 1 || bodies[component[0]].Calls.ContainsKey((uint)(component[0] + imported)))
            {
                var together = Math.Min(MostCalls, component.Sum(function => calls[function]) * LoopTurns);
                component.ForEach(function => calls[function] = together);
            }

            var members = component.ToHashSet();
            foreach (var function in component)
            {
                foreach (var (callee, times) in bodies[function].Calls)
                {
                    var flow = Math.Min(MostCalls, calls[function] * times);
                    pairs[((uint)(function + imported), callee)] = flow;
                    Flow((int)callee - imported, flow);
                }

                foreach (var callee in bodies[function].Indirect > 0 ? tabled : [])
                {
                    Flow((int)callee - imported, calls[function] * bodies[function].Indirect / tabled.Length);
                }
            }

            void Flow(int callee, double flow)
            {
                if (callee >= 0 && !members.Contains(callee))
                {
                    calls[callee] = Math.Min(MostCalls, calls[callee] + flow);
                }
            }
        }

        return new ExecutionProfile(
            Enumerable.Range(0, bodies.Length).Where(function => calls[function] > 0).ToImmutableSortedDictionary(
                function => (uint)(function + imported), function => new FunctionFrequency(calls[function], calls[function] * bodies[function].Instructions)),
            pairs.Where(pair => pair.Value > 0).ToImmutableSortedDictionary());
    }

    /// <summary>What one call of a function is guessed to do.</summary>
    /// <param name="Calls">Direct calls, by callee.</param>
    /// <param name="Indirect">Calls through tables and references.</param>
    private readonly record struct Summary(double Instructions, Dictionary<uint, double> Calls, double Indirect);

    private static Summary Summarize(FunctionCode code)
    {
        var calls = new Dictionary<uint, double>();
        double instructions = 0, indirect = 0;
        LoopBodies.Walk(code.Instructions, (position, _, loops, arms) =>
        {
            var times = Math.Pow(LoopTurns, loops) * Math.Pow(ArmTaken, arms);
            instructions += times;
            var instruction = code.Instructions[position];
            if (Dispatch.BoundCalls.IsDirectCall(instruction.Opcode))
            {
                calls[instruction.Index] = calls.GetValueOrDefault(instruction.Index) + times;
            }
            else if (instruction.Opcode is Opcode.CallIndirect or Opcode.ReturnCallIndirect or Opcode.CallRef or Opcode.ReturnCallRef)
            {
                indirect += times;
            }
        });
        return new Summary(instructions, calls, indirect);
    }
}
