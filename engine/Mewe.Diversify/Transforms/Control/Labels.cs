using System.Collections.Immutable;
using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Control;

/// <summary>
/// Label immediates of moved code. All of them in one place: br, br_if, br_table with its default, br_on_null, br_on_non_null, br_on_cast,
/// br_on_cast_fail, the clauses of try_table, delegate and rethrow. The clauses of try_table and the label of delegate count from outside of their own block.
/// </summary>
internal static class Labels
{
    /// <summary>
    /// Appends a copy of code whose blocks are balanced. A label that leaves it is given to <paramref name="map"/> counted from the edge (0 is the innermost block
    /// around the code), which answers with the label at the new place, counted from the same edge. Unreachable code is mapped too: it is validated.
    /// </summary>
    public static void Copy(ReadOnlySpan<Instruction> code, List<Instruction> to, Func<uint, uint> map)
    {
        uint depth = 0;
        foreach (ref readonly var instruction in code)
        {
            if (instruction.Opcode is Opcode.End or Opcode.Delegate)
            {
                depth--;
            }

            to.Add(Map(instruction, depth, map));
            if (instruction.OpensBlock)
            {
                depth++;
            }
        }
    }

    /// <summary>As <see cref="Copy(ReadOnlySpan{Instruction}, List{Instruction}, Func{uint, uint})"/> for code that stands <paramref name="deeper"/> blocks deeper at its new place.</summary>
    public static void Copy(ReadOnlySpan<Instruction> code, List<Instruction> to, int deeper) => Copy(code, to, label => (uint)((int)label + deeper));

    /// <summary>True where balanced code has a branch to a block around it, counted from its edge.</summary>
    public static bool Mentions(ReadOnlySpan<Instruction> code, uint label)
    {
        var found = false;
        Visit(code, seen => found |= seen == label);
        return found;
    }

    /// <summary>Gives every label that leaves balanced code, counted from its edge.</summary>
    public static void Visit(ReadOnlySpan<Instruction> code, Action<uint> seen)
    {
        uint depth = 0;
        foreach (ref readonly var instruction in code)
        {
            if (instruction.Opcode is Opcode.End or Opcode.Delegate)
            {
                depth--;
            }

            if (HasLabel(instruction))
            {
                Map(instruction, depth, label =>
                {
                    seen(label);
                    return label;
                });
            }

            if (instruction.OpensBlock)
            {
                depth++;
            }
        }
    }

    /// <summary>The opener that a label means, seen from an instruction; -1 for the body.</summary>
    public static int Target(FunctionView view, int at, uint label)
    {
        var opener = view.Enclosing(at);
        for (; label > 0 && opener >= 0; label--)
        {
            opener = view.Enclosing(opener);
        }

        return opener;
    }

    /// <summary>Number of blocks around an instruction: the label of the body itself.</summary>
    public static uint Depth(FunctionView view, int at)
    {
        uint depth = 0;
        for (var opener = view.Enclosing(at); opener >= 0; opener = view.Enclosing(opener))
        {
            depth++;
        }

        return depth;
    }

    /// <summary>Number of values that a branch to an opener (-1 for the body) carries.</summary>
    public static int Arity(FunctionView view, int opener) => Types(view, opener).Length;

    /// <summary>Types of the values that a branch to an opener (-1 for the body) carries.</summary>
    public static ImmutableArray<ValueType> Types(FunctionView view, int opener)
    {
        if (opener < 0)
        {
            return view.Input.Type.Results;
        }

        var block = view[opener].BlockType;
        var loop = view[opener].Opcode == Opcode.Loop;
        if (block.IsIndex)
        {
            var type = view.Module.TypeAt(block.TypeIndex);
            return (loop ? type?.Parameters : type?.Results) ?? [];
        }

        return loop || block.Result is not { } result ? [] : [result];
    }

    private static bool HasLabel(in Instruction instruction) =>
        instruction.Info.Immediate is ImmediateKind.Label or ImmediateKind.LabelTable or ImmediateKind.BranchOnCast or ImmediateKind.TryTable;

    private static Instruction Map(in Instruction instruction, uint depth, Func<uint, uint> map)
    {
        uint Moved(uint label) => label < depth ? label : map(label - depth) + depth;
        switch (instruction.Info.Immediate)
        {
            case ImmediateKind.Label or ImmediateKind.BranchOnCast:
                return instruction.WithIndex(Moved(instruction.Index));
            case ImmediateKind.LabelTable:
                var labels = ImmutableArray.CreateBuilder<uint>(instruction.Labels.Length);
                foreach (var label in instruction.Labels)
                {
                    labels.Add(Moved(label));
                }

                return Instruction.BranchTable(labels.MoveToImmutable(), Moved(instruction.Index));
            case ImmediateKind.TryTable:
                var table = (TryTablePayload)instruction.Payload!;
                return instruction.WithPayload(table with { Clauses = [.. table.Clauses.Select(clause => clause with { Label = Moved(clause.Label) })] });
            default:
                return instruction;
        }
    }
}
