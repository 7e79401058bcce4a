using System.Collections.Immutable;
using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Terms;

/// <summary>
/// A saturated <see cref="EGraph"/> of one expression, ready to draw many different terms from. Immutable and a pure function of what it was made from, so that threads and functions may share it.
/// </summary>
internal sealed class TermGraph
{
    private const int Unreachable = int.MaxValue / 4;

    /// <summary>A variable costs what reading a local costs: pure operands are written out, others wait in locals.</summary>
    private const int VariableCost = 1;

    private readonly FrozenNode[] nodes;
    private readonly ApplicationLog applications;
    private readonly short[] classOf;
    private readonly short[] first;
    private readonly short[] members;
    private readonly short[] constants;
    private readonly int[] cheapest;
    private readonly short[] cheapestNode;

    private TermGraph(EGraph graph, int root, SaturationStop stop, ApplicationLog applications, UInt128 identity)
    {
        (Root, Stop, this.applications, Identity) = (root, stop, applications, identity);
        nodes = new FrozenNode[graph.Count];
        classOf = new short[graph.Count];
        var number = new short[graph.Count];
        Array.Fill(number, (short)-1);
        short classCount = 0;
        for (var id = 0; id < graph.Count; id++)
        {
            // Classes get numbers in order of their first nodes.
            nodes[id] = new FrozenNode(graph[id], graph.ProofOf(id));
            ref var known = ref number[graph.Find(id)];
            known = known < 0 ? classCount++ : known;
            classOf[id] = known;
        }

        first = new short[classCount + 1];
        constants = new short[classCount];
        Array.Fill(constants, (short)EGraph.None);
        members = new short[graph.Count];
        GroupByClass();
        cheapest = new int[classCount];
        cheapestNode = new short[classCount];
        FindCheapest();
        SourceCost = CostOfSource(root);
    }

    /// <summary>The graph of a window under the rules of a saturation, which is used for one graph after the other.</summary>
    /// <param name="identity">Hash of all that determines the graph.</param>
    /// <param name="hasFeature">Features that replacements may use.</param>
    /// <param name="random">Decides which matches come first where not all have room.</param>
    public static TermGraph? Build(IReadOnlyList<WindowNode> window, Saturation saturation, Func<Feature, bool> hasFeature, SeededRandom random, UInt128 identity)
    {
        saturation.Reset(hasFeature, random);
        var root = AddWindow(saturation.Graph, window);
        if (root < 0)
        {
            return null;
        }

        var stop = saturation.Run();
        return new TermGraph(saturation.Graph, root, stop, saturation.Applications.Copy(), identity);
    }

    /// <summary>Adds a window's nodes; the id of its root, or none where there is no room.</summary>
    internal static int AddWindow(EGraph graph, IReadOnlyList<WindowNode> window)
    {
        Span<int> ids = stackalloc int[window.Count];
        for (var i = 0; i < window.Count; i++)
        {
            var node = window[i];
            ids[i] = node.Opcode switch
            {
                Opcode.LocalGet => graph.Variable((int)node.Bits, TermTypes.Of(node.Type)),
                Opcode.I32Const or Opcode.I64Const or Opcode.F32Const or Opcode.F64Const => graph.Constant(node.Opcode, node.Bits),
                _ => graph.Operation(node.Opcode, ids[node.A], node.B < 0 ? EGraph.None : ids[node.B], node.C < 0 ? EGraph.None : ids[node.C]),
            };
            if (ids[i] < 0)
            {
                return EGraph.None;
            }
        }

        return ids[^1];
    }

    public UInt128 Identity { get; }

    /// <summary>The id of the expression that the graph was made from.</summary>
    public int Root { get; }

    public SaturationStop Stop { get; }

    public int NodeCount => nodes.Length;

    /// <summary>Classes that the root's terms can be made of.</summary>
    public int ClassCount => cheapest.Length;

    /// <summary>Cost of the expression that the graph was made from, by <see cref="CostModel"/>.</summary>
    public int SourceCost { get; }

    /// <summary>False where there is nothing but the expression itself, or the rules contradict each other.</summary>
    public bool HasAlternatives => Stop != SaturationStop.Contradiction && applications.Count > 0;

    /// <summary>
    /// Draws a term equal to the source: top-down, each class giving one of its nodes, those that earlier candidates used less being more likely. What a term may cost is handed down and
    /// shrinks with each instruction, so that cycles end. Null where the draw gave the source itself.
    /// </summary>
    /// <param name="usage">Of the function; the nodes of the result are counted in.</param>
    /// <param name="budget">Most cost, at least <see cref="CheapestCost"/>.</param>
    /// <param name="chosen">The drawn nodes, operands first, for <see cref="RulesOf"/>.</param>
    public Term? Draw(SeededRandom random, TermUsage usage, int budget, List<int> chosen)
    {
        chosen.Clear();
        var counts = usage.Of(this);
        var depth = new byte[ClassCount];
        var sameAsSource = true;
        var term = Draw(Root, Root, Math.Max(budget, CheapestCost), random, counts, depth, chosen, ref sameAsSource, out _);
        return sameAsSource ? null : term;
    }

    /// <summary>Cost of the cheapest term.</summary>
    public int CheapestCost => cheapest[classOf[Root]];

    private Term Draw(int id, int source, int budget, SeededRandom random, int[] counts, byte[] depth, List<int> chosen, ref bool sameAsSource, out int cost)
    {
        var group = classOf[id];
        var picked = depth[group] >= 2 ? cheapestNode[group] : Pick(group, budget, random, counts);
        depth[group]++;
        sameAsSource &= picked == source;
        ref readonly var node = ref nodes[picked];
        cost = OwnCost(node);
        var count = node.OperandCount;
        Span<int> least = stackalloc int[3];
        var slack = budget - cost;
        for (var k = 0; k < count; k++)
        {
            least[k] = cheapest[classOf[node.Operand(k)]];
            slack -= least[k];
        }

        var children = count == 0 ? [] : new Term[count];
        for (var k = 0; k < count; k++)
        {
            // The last operand may have all that is left; the others a random part of it.
            var share = k == count - 1 ? slack : random.Below(Math.Max(1, slack + 1));
            // A division's divisor stays the constant that it is: nothing downstream need find out again that it cannot trap.
            children[k] = k == 1 && ExpressionWindow.IsDivision(node.Opcode)
                ? Leaf(nodes[ConstantOf(node.B)])
                : Draw(node.Operand(k), sameAsSource ? node.Operand(k) : EGraph.None, least[k] + Math.Max(0, share), random, counts, depth, chosen, ref sameAsSource, out least[k]);
            var spent = least[k] - cheapest[classOf[node.Operand(k)]];
            slack -= spent;
            cost += least[k];
        }

        depth[group]--;
        counts[picked]++;
        chosen.Add(picked);
        return count == 0 ? Leaf(node) : Term.Of(Instruction.Of(node.Opcode), children);
    }

    /// <summary>One of the affordable nodes of a class, weighted by 1 / (1 + uses)^2.</summary>
    private int Pick(int group, int budget, SeededRandom random, int[] counts)
    {
        var total = 0;
        for (var at = first[group]; at < first[group + 1]; at++)
        {
            total += Weight(members[at], budget, counts);
        }

        if (total == 0)
        {
            return cheapestNode[group];
        }

        var draw = random.Below(total);
        for (var at = first[group]; ; at++)
        {
            draw -= Weight(members[at], budget, counts);
            if (draw < 0)
            {
                return members[at];
            }
        }
    }

    private int Weight(int id, int budget, int[] counts)
    {
        if (CostWithCheapestOperands(id) > budget)
        {
            return 0;
        }

        var uses = Math.Min(counts[id], 30) + 1;
        return 1_800 / (uses * uses) + 1;
    }

    private int CostWithCheapestOperands(int id)
    {
        ref readonly var node = ref nodes[id];
        var cost = OwnCost(node);
        for (var k = 0; k < node.OperandCount; k++)
        {
            cost += cheapest[classOf[node.Operand(k)]];
        }

        return Math.Min(cost, Unreachable);
    }

    private static int OwnCost(in FrozenNode node) => node.Opcode == Opcode.LocalGet ? VariableCost : CostModel.Of(node.Opcode);

    private int CostOfSource(int id)
    {
        ref readonly var node = ref nodes[id];
        var cost = OwnCost(node);
        for (var k = 0; k < node.OperandCount; k++)
        {
            cost += CostOfSource(node.Operand(k));
        }

        return cost;
    }

    private static Term Leaf(in FrozenNode node) => node.Opcode switch
    {
        Opcode.LocalGet => Term.Variable((int)node.Bits),
        Opcode.I32Const => Term.Constant(ValueType.I32, node.Bits),
        Opcode.I64Const => Term.Constant(ValueType.I64, node.Bits),
        Opcode.F32Const => Term.Leaf(Instruction.F32Const((uint)node.Bits)),
        _ => Term.Leaf(Instruction.F64Const(node.Bits)),
    };

    private void GroupByClass()
    {
        for (var id = 0; id < nodes.Length; id++)
        {
            if (nodes[id].IsConstant && constants[classOf[id]] < 0)
            {
                constants[classOf[id]] = (short)id;
            }

            if (!nodes[id].Dead)
            {
                first[classOf[id] + 1]++;
            }
        }

        for (var group = 0; group + 1 < first.Length; group++)
        {
            first[group + 1] += first[group];
        }

        var next = first[..^1];
        for (var id = 0; id < nodes.Length; id++)
        {
            if (!nodes[id].Dead)
            {
                members[next[classOf[id]]++] = (short)id;
            }
        }
    }

    /// <summary>Cost of each class's cheapest term and its root: relaxation until nothing changes; the nodes so chosen form no cycle, since every instruction costs something.</summary>
    private void FindCheapest()
    {
        Array.Fill(cheapest, Unreachable);
        for (var changed = true; changed;)
        {
            changed = false;
            for (var id = 0; id < nodes.Length; id++)
            {
                if (!nodes[id].Dead && CostWithCheapestOperands(id) is var cost && cost < cheapest[classOf[id]])
                {
                    (cheapest[classOf[id]], cheapestNode[classOf[id]]) = (cost, (short)id);
                    changed = true;
                }
            }
        }
    }

    /// <summary>Names of the rules that make a drawn term equal to the source, in order of first use, each once.</summary>
    /// <param name="chosen">What <see cref="Draw(SeededRandom, TermUsage, int, List{int})"/> gave.</param>
    public ImmutableArray<string> RulesOf(List<int> chosen) => new TermExplanation(this, applications).RulesBetween(Root, chosen);

    /// <summary>A node by its id.</summary>
    public ref readonly FrozenNode this[int id] => ref nodes[id];

    /// <summary>The node of an id's class that is a constant, or <see cref="EGraph.None"/>.</summary>
    public int ConstantOf(int id) => constants[classOf[id]];

    /// <summary>A node of an <see cref="EGraph"/> that no longer changes, with its edge of the proof forest.</summary>
    internal readonly struct FrozenNode(in EGraph.Node node, (int Parent, int Reason) proof)
    {
        public readonly ulong Bits = node.Bits;
        public readonly Opcode Opcode = node.Opcode;
        public readonly short A = (short)node.A, B = (short)node.B, C = (short)node.C, ProofParent = (short)proof.Parent, ProofReason = (short)proof.Reason;
        public readonly bool Dead = node.Dead;

        public int Operand(int index) => index switch { 0 => A, 1 => B, _ => C };

        public int OperandCount => A < 0 ? 0 : B < 0 ? 1 : C < 0 ? 2 : 3;

        public bool IsConstant => Opcode is Opcode.I32Const or Opcode.I64Const or Opcode.F32Const or Opcode.F64Const;
    }
}
