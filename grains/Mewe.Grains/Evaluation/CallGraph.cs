using System.Collections.Immutable;
using System.Numerics;
using Mewe.Linking.Profiling;
using Mewe.Wasm;

namespace Mewe.Grains;

/// <summary>
/// Which function of a module may call which: directly, or through a table or reference, where every function of the right type that the module lets out of its
/// hands (in an element segment or by <c>ref.func</c>) counts as a possible target. Imported functions are leaves.
/// </summary>
public sealed class CallGraph
{
    private readonly ImmutableArray<ImmutableArray<int>> callees;

    /// <param name="callees">For each function its callees, each once.</param>
    public CallGraph(ImmutableArray<ImmutableArray<int>> callees) => this.callees = callees;

    /// <exception cref="WasmException">A body is malformed.</exception>
    public static CallGraph Of(WasmModule module)
    {
        var imported = module.ImportedFunctionCount;
        var bodies = module.Bodies.Select(body => body.Decode().Instructions).ToList();
        var referenced = Referenced(module, bodies);
        var types = module.AllFunctionTypes();
        var callees = ImmutableArray.CreateBuilder<ImmutableArray<int>>(module.FunctionCount);
        callees.AddRange(Enumerable.Repeat(ImmutableArray<int>.Empty, imported));
        foreach (var body in bodies)
        {
            var found = new SortedSet<int>();
            var through = new HashSet<uint>();
            foreach (ref readonly var instruction in body.AsSpan())
            {
                switch (instruction.Opcode)
                {
                    case Opcode.Call or Opcode.ReturnCall:
                        found.Add((int)instruction.Index);
                        break;
                    case Opcode.CallIndirect or Opcode.ReturnCallIndirect or Opcode.CallRef or Opcode.ReturnCallRef:
                        through.Add(instruction.Index);
                        break;
                }
            }

            foreach (var type in through)
            {
                var wanted = module.FunctionTypeAt(type);
                found.UnionWith(referenced.Where(function => types[(int)function] == type || wanted.Equals(module.FunctionTypeAt(types[(int)function]))).Select(function => (int)function));
            }

            callees.Add([.. found]);
        }

        return new CallGraph(callees.MoveToImmutable());
    }

    /// <summary>
    /// The number of paths from the entries to leaves, in the graph with its cycles collapsed: a group of functions that can all reach each other is one place, which a path
    /// enters at one of its functions and leaves by any call out of the group. A function with a dispatcher multiplies the paths that enter it by its choices. Within a group only the
    /// function that is entered counts, so the number is a lower bound where there is recursion.
    /// </summary>
    /// <param name="entries">The functions that the host calls; each begins paths of its own.</param>
    /// <param name="choices">How many bodies a function chooses from: 1 where it has no dispatcher.</param>
    public BigInteger CountPaths(IEnumerable<int> entries, Func<int, int> choices)
    {
        var components = Components();
        var groups = components.Length == 0 ? 0 : components.Max() + 1;
        var exits = new SortedSet<int>[groups];
        for (var function = 0; function < callees.Length; function++)
        {
            (exits[components[function]] ??= []).UnionWith(callees[function].Where(callee => components[callee] != components[function]));
        }

        // A component has a higher number than all that it reaches.
        var paths = new BigInteger[groups];
        for (var group = 0; group < groups; group++)
        {
            paths[group] = exits[group].Count == 0 ? BigInteger.One : exits[group].Aggregate(BigInteger.Zero, (sum, callee) => sum + Entering(callee));
        }

        return entries.Distinct().Aggregate(BigInteger.Zero, (sum, entry) => sum + Entering(entry));

        BigInteger Entering(int function) => choices(function) * paths[components[function]];
    }

    private static SortedSet<uint> Referenced(WasmModule module, List<ImmutableArray<Instruction>> bodies)
    {
        var referenced = new SortedSet<uint>();
        foreach (var segment in module.Elements)
        {
            if (segment.Expressions.IsDefault)
            {
                referenced.UnionWith(segment.Functions);
            }
            else
            {
                referenced.UnionWith(segment.Expressions.SelectMany(expression => FunctionsIn(expression.Code)));
            }
        }

        foreach (var global in module.Globals)
        {
            referenced.UnionWith(FunctionsIn(global.Initializer.Code));
        }

        foreach (var body in bodies)
        {
            referenced.UnionWith(FunctionsIn(body));
        }

        return referenced;

        static IEnumerable<uint> FunctionsIn(ImmutableArray<Instruction> instructions) =>
            instructions.Where(instruction => instruction.Opcode == Opcode.RefFunc).Select(instruction => instruction.Index);
    }

    /// <summary>For each function the number of its strongly connected component, which is higher than those of all components that it reaches.</summary>
    private int[] Components()
    {
        var component = new int[callees.Length];
        var ordered = CallComponents.InCallerOrder(callees.Length, function => callees[function]);
        for (var i = 0; i < ordered.Count; i++)
        {
            ordered[i].ForEach(function => component[function] = ordered.Count - 1 - i);
        }

        return component;
    }
}
