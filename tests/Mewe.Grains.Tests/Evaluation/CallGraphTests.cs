using System.Collections.Immutable;
using System.Numerics;
using Mewe.Wasm;
using Mewe.Wasm.Binary;
using ValueType = Mewe.Wasm.ValueType;

namespace Mewe.Grains.Tests.Evaluation;

/// <summary>Paths of call graphs that can be counted by hand.</summary>
public sealed class CallGraphTests
{
    private static CallGraph Graph(params int[][] callees) => new([.. callees.Select(list => list.ToImmutableArray())]);

    private static BigInteger Paths(CallGraph graph, params int[] choices) => graph.CountPaths([0], function => choices.Length == 0 ? 1 : choices[function]);

    [Fact]
    public void A_function_that_calls_nothing_is_one_path() => Assert.Equal(1, Paths(Graph([[]])));

    [Fact]
    public void A_diamond_has_two_paths() => Assert.Equal(2, Paths(Graph([1, 2], [3], [3], [])));

    [Fact]
    public void Paths_multiply_along_the_way() => Assert.Equal(8, Paths(Graph([1, 2], [3], [3], [4, 5], [6], [6], [7, 8], [], [])));

    [Fact]
    public void Each_dispatcher_on_a_path_multiplies_it_by_its_choices()
    {
        // 0 -> 1 -> 3 and 0 -> 2 -> 3, with 2, 3, 5 and 7 choices.
        Assert.Equal((2 * 3 * 7) + (2 * 5 * 7), Paths(Graph([1, 2], [3], [3], []), 2, 3, 5, 7));
    }

    [Fact]
    public void Functions_that_the_entry_does_not_reach_add_nothing() => Assert.Equal(2, Paths(Graph([1], [], [1, 0]), 1, 2, 100));

    [Fact]
    public void A_function_that_calls_itself_is_one_place() => Assert.Equal(3, Paths(Graph([0, 1], []), 3, 1));

    [Fact]
    public void Functions_that_call_each_other_are_one_place_that_is_entered_at_one_of_them()
    {
        // 0 enters the cycle {1, 2} at both; it is left to 3 and 4.
        var graph = Graph([1, 2], [2, 3], [1, 4], [], []);

        Assert.Equal(4, Paths(graph));
        Assert.Equal((5 * 2) + (7 * 2), Paths(graph, 1, 5, 7, 1, 1));
    }

    [Fact]
    public void A_cycle_without_a_way_out_is_a_leaf() => Assert.Equal(6, Paths(Graph([1], [2], [1]), 2, 3, 5));

    [Fact]
    public void Entries_begin_paths_of_their_own_each_once() =>
        Assert.Equal(5, Graph([2], [2], []).CountPaths([0, 1, 0], function => function == 0 ? 4 : 1));

    [Fact]
    public void Numbers_are_exact_however_large()
    {
        // A chain of 200 diamonds, each with seventeen choices at its end.
        var callees = new List<int[]>();
        for (var i = 0; i < 200; i++)
        {
            callees.AddRange([[(i * 3) + 1, (i * 3) + 2], [(i * 3) + 3], [(i * 3) + 3]]);
        }

        callees.Add([]);

        Assert.Equal(BigInteger.Pow(2, 200) * BigInteger.Pow(17, 200), Graph([.. callees]).CountPaths([0], function => function % 3 == 0 && function > 0 ? 17 : 1));
    }

    [Fact]
    public void A_deep_graph_needs_no_deep_stack()
    {
        var graph = Graph([.. Enumerable.Range(0, 200_000).Select(i => new[] { i + 1 }), []]);

        Assert.Equal(1, Paths(graph));
    }

    [Fact]
    public void Calls_of_a_module_are_direct_or_to_every_function_of_the_type_that_a_table_may_hold()
    {
        var module = new WasmModule();
        var type = module.IndexOfType(FunctionType.Of([], []));
        var other = module.IndexOfType(FunctionType.Of([ValueType.I32], []));
        module.Imports.Add(new Import("host", "log", new FunctionExtern(type)));
        module.Tables.Add(new Table(new TableType(ValueType.FuncRef, new SizeLimits(4, null))));
        Add(type, Instruction.Call(0), Instruction.I32Const(0), Instruction.Of(Opcode.CallIndirect, type, 0)); // 1
        Add(type); // 2, in the table
        Add(type, Instruction.Call(0)); // 3, in the table
        Add(type); // 4, nowhere
        Add(other); // 5, in the table, of another type
        module.Elements.Add(new ElementSegment(0, SegmentMode.Active, 0, ConstantExpression.Of(Instruction.I32Const(0)), ValueType.FuncRef, [2, 3, 5], default));
        var read = ModuleReader.Read(ModuleWriter.Write(module));

        // To the import, to 2, and through 3 to the import.
        Assert.Equal(3, CallGraph.Of(read).CountPaths([1], _ => 1));
        Assert.Equal(2 * (1 + 3 + 5), CallGraph.Of(read).CountPaths([1], function => function switch { 1 => 2, 2 => 3, 3 => 5, _ => 1 }));

        void Add(uint of, params Instruction[] code) => module.AddFunction(of, new FunctionBody(new FunctionCode([], [.. code, Instruction.Of(Opcode.End)])));
    }
}
