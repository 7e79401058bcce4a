using System.Collections.Immutable;
using Mewe.Diversify.Rules;

namespace Mewe.Diversify.Terms;

/// <summary>
/// Why terms of a graph are equal: walks the proof forest and collects the rules on the way. An edge of the forest is a rule application or a congruence; both rest on equalities of operands
/// that were in the forest before the edge was, so that the recursion ends.
/// </summary>
internal sealed class TermExplanation(TermGraph graph, ApplicationLog applications)
{
    private readonly bool[] isExplained = new bool[graph.NodeCount];
    private readonly int[] stamps = new int[graph.NodeCount];
    private readonly HashSet<string> seen = [];
    private readonly List<string> names = [];
    private int next, stamp;

    /// <summary>The rules that make a term out of the one with id <paramref name="source"/>.</summary>
    /// <param name="chosen">The term's nodes, operands first.</param>
    public ImmutableArray<string> RulesBetween(int source, List<int> chosen)
    {
        next = chosen.Count;
        Chosen(source, chosen);
        return [.. names];
    }

    /// <summary>Walks the drawn term from its root; in the list, operands stand before their instruction, the last operand last.</summary>
    private void Chosen(int id, List<int> chosen)
    {
        var node = chosen[--next];
        Equal(id, node);
        for (var k = graph[node].OperandCount - 1; k >= 0; k--)
        {
            if (k == 1 && ExpressionWindow.IsDivision(graph[node].Opcode))
            {
                // The divisor was not drawn: it is the class's constant.
                Equal(graph[node].B, graph.ConstantOf(graph[node].B));
                continue;
            }

            Chosen(graph[node].Operand(k), chosen);
        }
    }

    private void Equal(int a, int b)
    {
        if (a == b)
        {
            return;
        }

        // Marks the way up from the one, then climbs from the other until it meets it.
        stamp++;
        for (var id = a; id >= 0; id = graph[id].ProofParent)
        {
            stamps[id] = stamp;
        }

        var meeting = b;
        while (stamps[meeting] != stamp)
        {
            meeting = graph[meeting].ProofParent;
        }

        Climb(a, meeting);
        Climb(b, meeting);
    }

    private void Climb(int from, int to)
    {
        while (from != to)
        {
            var (parent, reason) = ((int)graph[from].ProofParent, (int)graph[from].ProofReason);
            if (!isExplained[from])
            {
                isExplained[from] = true;
                if (reason == EGraph.Congruence)
                {
                    for (var k = 0; k < graph[from].OperandCount; k++)
                    {
                        Equal(graph[from].Operand(k), graph[parent].Operand(k));
                    }
                }
                else
                {
                    Applied(applications[reason]);
                }
            }

            from = parent;
        }
    }

    private void Applied(in ApplicationLog.Entry application)
    {
        if (seen.Add(application.Rewrite.Name))
        {
            names.Add(application.Rewrite.Name);
        }

        Matched(application);
        var made = 0;
        Made(application.Rewrite.Right, application, ref made);
    }

    /// <summary>Runs the matching program again with the nodes that it found: what it compared is equal for a reason.</summary>
    private void Matched(in ApplicationLog.Entry application)
    {
        Span<int> registers = stackalloc int[Rewrite.MaxRegisters];
        var nodes = 0;
        registers[0] = application.Matched[0];
        foreach (var step in application.Rewrite.Program)
        {
            switch (step.Kind)
            {
                case MatchKind.Node:
                    var id = application.Matched[nodes++];
                    Equal(registers[step.Register], id);
                    for (var k = 0; k < graph[id].OperandCount; k++)
                    {
                        registers[step.Out + k] = graph[id].Operand(k);
                    }

                    break;
                case MatchKind.Bind or MatchKind.Same:
                    Equal(registers[step.Register], application.Variables[step.Index]);
                    break;
                default:
                    Equal(registers[step.Register], application.Matched[nodes++]);
                    break;
            }
        }
    }

    /// <summary>A node of the right side may have been there before with other, equal operands.</summary>
    private int Made(RuleNode node, in ApplicationLog.Entry application, ref int made)
    {
        switch (node)
        {
            case RuleVariable variable:
                return application.Variables[variable.Index];
            case RuleOperation operation:
                Span<int> operands = [-1, -1, -1];
                for (var k = 0; k < operation.Operands.Length; k++)
                {
                    operands[k] = Made(operation.Operands[k], application, ref made);
                }

                var id = application.Made[made++];
                for (var k = 0; k < operation.Operands.Length; k++)
                {
                    Equal(operands[k], graph[id].Operand(k));
                }

                return id;
            default:
                return application.Made[made++];
        }
    }
}
