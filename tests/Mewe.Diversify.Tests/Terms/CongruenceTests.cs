using Mewe.Diversify.Terms;
using Mewe.Wasm;

namespace Mewe.Diversify.Tests.Terms;

/// <summary>The e-graph's own promises, against a slow closure computed from scratch.</summary>
public sealed class CongruenceTests
{
    private static readonly Opcode[] Operations = [Opcode.I32Add, Opcode.I32Sub, Opcode.I32Xor, Opcode.I32Clz];

    [Fact]
    public void Rebuilding_gives_the_congruence_closure_of_the_unions()
    {
        for (var round = 0; round < 60; round++)
        {
            var random = Samples.Random($"closure {round}");
            var graph = new EGraph();
            graph.Reset(160);
            for (var i = 0; i < 5; i++)
            {
                graph.Variable(i, TermType.I32);
            }

            var unions = new List<(int, int)>();
            for (var step = 0; step < 60; step++)
            {
                var opcode = random.Pick(Operations);
                graph.Operation(opcode, random.Below(graph.Count), opcode == Opcode.I32Clz ? EGraph.None : random.Below(graph.Count));
                if (random.OneIn(6))
                {
                    var (a, b) = (random.Below(graph.Count), random.Below(graph.Count));
                    unions.Add((a, b));
                    graph.Union(a, b, 0);
                }

                if (random.OneIn(5))
                {
                    graph.Rebuild();
                }
            }

            graph.Rebuild();
            var expected = Closure(graph, unions);
            for (var a = 0; a < graph.Count; a++)
            {
                for (var b = 0; b < a; b++)
                {
                    Assert.True((graph.Find(a) == graph.Find(b)) == (expected[a] == expected[b]), $"round {round}: {a} and {b}");
                    Assert.False(graph.Find(a) == graph.Find(b) && !graph[a].Dead && !graph[b].Dead && Key(graph, a) == Key(graph, b), $"round {round}: {a} and {b} are congruent and both alive");
                }

                Assert.Equal(RootOfProof(graph, a), RootOfProof(graph, graph.Find(a)));
                Assert.Contains(a, Members(graph, a));
            }
        }
    }

    private static (Opcode, ulong, int, int) Key(EGraph graph, int id) =>
        (graph[id].Opcode, graph[id].Bits, graph[id].A < 0 ? -1 : graph.Find(graph[id].A), graph[id].B < 0 ? -1 : graph.Find(graph[id].B));

    private static List<int> Members(EGraph graph, int id)
    {
        var members = new List<int>();
        for (var member = graph.FirstOf(id); member >= 0; member = graph[member].Next)
        {
            members.Add(member);
        }

        return members;
    }

    private static int RootOfProof(EGraph graph, int id)
    {
        while (graph.ProofOf(id).Parent is var parent and >= 0)
        {
            id = parent;
        }

        return id;
    }

    /// <summary>Class numbers by brute force: unions, then congruent pairs, until nothing changes.</summary>
    private static int[] Closure(EGraph graph, List<(int A, int B)> unions)
    {
        var group = Enumerable.Range(0, graph.Count).ToArray();
        void Merge(int a, int b)
        {
            var (from, into) = (group[a], group[b]);
            for (var i = 0; i < group.Length; i++)
            {
                group[i] = group[i] == from ? into : group[i];
            }
        }

        foreach (var (a, b) in unions)
        {
            Merge(a, b);
        }

        for (var changed = true; changed;)
        {
            changed = false;
            for (var a = 0; a < graph.Count; a++)
            {
                for (var b = 0; b < a; b++)
                {
                    var (x, y) = (graph[a], graph[b]);
                    if (group[a] != group[b] && x.Opcode == y.Opcode && x.Bits == y.Bits && x.A >= 0 && group[x.A] == group[y.A] && (x.B < 0 || group[x.B] == group[y.B]))
                    {
                        Merge(a, b);
                        changed = true;
                    }
                }
            }
        }

        return group;
    }
}
