using System.Runtime.InteropServices;
using Mewe.Diversify.Rules;
using Mewe.Wasm;

namespace Mewe.Diversify.Terms;

/// <summary>Bounds of one saturation, all counted.</summary>
public sealed record SaturationLimits
{
    /// <summary>Most nodes of a graph.</summary>
    public int Nodes { get; init; } = 128;

    /// <summary>Rounds of matching rules and applying what matched. Each gets an equal part of the nodes that are left, so that later ones have something to build on.</summary>
    public int Iterations { get; init; } = 3;

    /// <summary>Matches taken per rule and round, so that the rules that match everywhere leave room for the others.</summary>
    public int MatchesPerRule { get; init; } = 6;

    /// <summary>Steps of matching programs over all rounds.</summary>
    public int Fuel { get; init; } = 20_000;
}

/// <summary>Why a saturation ended.</summary>
public enum SaturationStop
{
    /// <summary>No rule gives anything new.</summary>
    Saturated,
    NodeLimit,
    IterationLimit,
    FuelSpent,
    /// <summary>Two different constants were found equal: a rule is wrong. The graph must not be used.</summary>
    Contradiction,
}

/// <summary>
/// Equality saturation: rounds of matching rules against the graph as it was at the start of the round, then applying the matches, then restoring congruence. Nodes are matched and matches
/// applied in a seeded random order, as far as the round's part of the nodes goes: a graph that reaches its limit is a fair sample of all rules at all nodes, not of the first ones.
/// </summary>
internal sealed class Saturation
{
    private readonly EGraph graph = new();
    private readonly RewriteSet rewrites;
    private readonly SaturationLimits limits;
    private readonly bool[] isUsable;
    private SeededRandom random = null!;
    private readonly List<Match> matches = [];
    private readonly List<int> ids = [];
    private readonly List<ulong> constantValues = [];
    private readonly int[] registers = new int[Rewrite.MaxRegisters];
    private readonly int[] matched = new int[Rewrite.MaxRegisters];
    private readonly int[] variables = new int[Rewrite.MaxVariables];
    private readonly ulong[] constants = new ulong[Rewrite.MaxConstants];
    private readonly bool[] bound = new bool[Rewrite.MaxConstants];
    private readonly List<int> visits = [];
    private readonly List<int> made = new(16);
    private Rewrite rewrite = null!;
    private int found, fuel, target;

    public Saturation(RewriteSet rewrites, SaturationLimits limits)
    {
        (this.rewrites, this.limits) = (rewrites, limits);
        isUsable = new bool[Enum.GetValues<Feature>().Length];
    }

    /// <summary>The graph, to put the source into between <see cref="Reset"/> and <see cref="Run"/>.</summary>
    public EGraph Graph => graph;

    /// <summary>Every application that made two classes one.</summary>
    public ApplicationLog Applications { get; } = new();

    /// <summary>Begins anew with an empty graph; the buffers are used again.</summary>
    /// <param name="features">Features that replacements may use.</param>
    /// <param name="order">Decides which matches come first where not all have room.</param>
    public void Reset(Func<Feature, bool> features, SeededRandom order)
    {
        (random, fuel) = (order, limits.Fuel);
        isUsable[(int)Feature.Mvp] = true;
        foreach (var feature in rewrites.Features)
        {
            isUsable[(int)feature] = features(feature);
        }

        graph.Reset(limits.Nodes);
        Applications.Clear();
    }

    /// <summary>A match that waits to be applied: the rule, and where its ids and constants lie in the lists.</summary>
    private readonly record struct Match(Rewrite Rewrite, int Ids, int Constants);

    public SaturationStop Run()
    {
        for (var round = 0; round < limits.Iterations; round++)
        {
            var rest = limits.Iterations - round;
            target = graph.Count + Math.Max(1, (graph.Capacity - graph.Count + rest - 1) / rest);
            var complete = FindMatches();
            var changed = ApplyMatches();
            graph.Rebuild();
            if (graph.IsContradictory)
            {
                return SaturationStop.Contradiction;
            }

            if (!changed && complete && fuel > 0)
            {
                return SaturationStop.Saturated;
            }

            if (graph.Count == graph.Capacity)
            {
                return SaturationStop.NodeLimit;
            }

            if (fuel <= 0)
            {
                return SaturationStop.FuelSpent;
            }
        }

        return SaturationStop.IterationLimit;
    }

    /// <summary>False where the round's room was full, or the fuel spent, before all nodes were looked at.</summary>
    private bool FindMatches()
    {
        matches.Clear();
        ids.Clear();
        constantValues.Clear();
        visits.Clear();
        for (var id = 0; id < graph.Count; id++)
        {
            if (!graph[id].Dead && rewrites.Roots[(int)graph[id].Opcode])
            {
                visits.Add(id);
            }
        }

        random.Shuffle(CollectionsMarshal.AsSpan(visits));
        var room = target - graph.Count;
        foreach (var id in visits)
        {
            if (fuel <= 0 || matches.Count >= room)
            {
                return false;
            }

            foreach (var candidate in rewrites.StartingWith(graph[id].Opcode))
            {
                if (!isUsable[(int)candidate.Feature] || !OperandsFit(candidate, id))
                {
                    continue;
                }

                rewrite = candidate;
                found = 0;
                Array.Clear(bound, 0, candidate.Rule.ConstantCount);
                registers[0] = id;
                Advance(0, 0, root: id);
            }
        }

        return fuel > 0;
    }

    private bool OperandsFit(Rewrite candidate, int id)
    {
        ref readonly var node = ref graph[id];
        var bits = candidate.OperandBits;
        for (var k = 0; k < bits.Length; k++)
        {
            if (bits[k] != 0 && !graph.MayHave(node.Operand(k), bits[k]))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Runs the program from a step; every way to the end is a match.</summary>
    private void Advance(int at, int nodeCount, int root)
    {
        if (at == rewrite.Program.Length)
        {
            Take();
            return;
        }

        if (--fuel <= 0 || found >= limits.MatchesPerRule)
        {
            return;
        }

        ref readonly var step = ref rewrite.Program[at];
        switch (step.Kind)
        {
            case MatchKind.Node:
                if (step.Type != TermType.None && graph.TypeOf(registers[step.Register]) != step.Type)
                {
                    return;
                }

                // The root is one given node; below it, any node of the class.
                for (var id = at == 0 ? root : graph.FirstOf(registers[step.Register]); id >= 0; id = at == 0 ? EGraph.None : graph[id].Next)
                {
                    ref readonly var node = ref graph[id];
                    if (node.Opcode != step.Opcode || node.Dead)
                    {
                        continue;
                    }

                    matched[nodeCount] = id;
                    for (var k = 0; k < node.OperandCount; k++)
                    {
                        registers[step.Out + k] = node.Operand(k);
                    }

                    Advance(at + 1, nodeCount + 1, root);
                }

                break;
            case MatchKind.Bind:
                variables[step.Index] = registers[step.Register];
                Advance(at + 1, nodeCount, root);
                break;
            case MatchKind.Same:
                if (graph.Find(registers[step.Register]) == graph.Find(variables[step.Index]))
                {
                    Advance(at + 1, nodeCount, root);
                }

                break;
            default:
                MatchConstant(step, at, nodeCount, root);
                break;
        }
    }

    private void MatchConstant(in MatchStep step, int at, int nodeCount, int root)
    {
        var id = graph.ConstantOf(registers[step.Register]);
        if (id < 0 || graph[id].Opcode != step.Opcode)
        {
            return;
        }

        matched[nodeCount] = id;
        var value = graph[id].Bits;
        if (step.Kind == MatchKind.Formula)
        {
            if (step.Formula!.Evaluate(constants, step.Type == TermType.I32 ? 32 : 64) == value)
            {
                Advance(at + 1, nodeCount + 1, root);
            }
        }
        else if (bound[step.Index])
        {
            if (constants[step.Index] == value)
            {
                Advance(at + 1, nodeCount + 1, root);
            }
        }
        else
        {
            (bound[step.Index], constants[step.Index]) = (true, value);
            Advance(at + 1, nodeCount + 1, root);
            bound[step.Index] = false;
        }
    }

    private void Take()
    {
        foreach (var condition in rewrite.Conditions)
        {
            if (condition.Evaluate(constants, rewrite.Rule.Width) == 0)
            {
                return;
            }
        }

        found++;
        matches.Add(new Match(rewrite, ids.Count, constantValues.Count));
        ids.AddRange(matched.AsSpan(0, rewrite.MatchedNodes));
        ids.AddRange(variables.AsSpan(0, rewrite.Rule.VariableTypes.Length));
        constantValues.AddRange(constants.AsSpan(0, rewrite.Rule.ConstantCount));
    }

    private bool ApplyMatches()
    {
        var changed = false;
        random.Shuffle(CollectionsMarshal.AsSpan(matches));
        foreach (var match in matches)
        {
            if (graph.Count >= target)
            {
                return true;
            }

            rewrite = match.Rewrite;
            var all = CollectionsMarshal.AsSpan(ids).Slice(match.Ids, rewrite.MatchedNodes + rewrite.Rule.VariableTypes.Length);
            all[rewrite.MatchedNodes..].CopyTo(variables);
            CollectionsMarshal.AsSpan(constantValues).Slice(match.Constants, rewrite.Rule.ConstantCount).CopyTo(constants);
            made.Clear();
            var before = graph.Count;
            var right = Build(rewrite.Right);
            if (right < 0)
            {
                if (graph.Count == graph.Capacity)
                {
                    return true;
                }

                continue;
            }

            if (graph.Union(all[0], right, Applications.Count))
            {
                Applications.Add(rewrite, all, CollectionsMarshal.AsSpan(made));
                changed = true;
            }

            changed |= graph.Count > before;
        }

        return changed;
    }

    /// <summary>Adds the right side; the id of its root, or none where it has no room or would divide by what it must not.</summary>
    private int Build(RuleNode node)
    {
        var id = EGraph.None;
        switch (node)
        {
            case RuleVariable variable:
                return variables[variable.Index];
            case RuleConstant constant:
                id = graph.Constant(constant.Type == ValueType.I32 ? Opcode.I32Const : Opcode.I64Const,
                    constant.Formula.Evaluate(constants, constant.Type == ValueType.I32 ? 32 : 64));
                break;
            case RuleOperation operation:
                Span<int> operands = [EGraph.None, EGraph.None, EGraph.None];
                for (var k = 0; k < operation.Operands.Length; k++)
                {
                    operands[k] = Build(operation.Operands[k]);
                    if (operands[k] < 0)
                    {
                        return EGraph.None;
                    }
                }

                id = graph.Operation(operation.Opcode, operands[0], operands[1], operands[2]);
                break;
        }

        made.Add(id);
        return id;
    }
}
