using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Control;

/// <summary>
/// Writes br_table as comparisons of the index, which is kept in a fresh local: one br_if after the other, or a balanced tree over runs of equal labels.
/// </summary>
/// <remarks>
/// Known ways to be wrong. 9: the default is the last leaf, reached by every index that is no other's, because comparisons are unsigned; labels inside the
/// tree are raised by the ifs around them. 6: the tree has ifs, which do not see values on the stack: labels that carry values get the chain, where br_if leaves
/// the values for the next; references are refused, because br_if leaves them with the type of its own label, which may be wider than what the next label wants.
/// </remarks>
public sealed class BrTableToTree : ISiteTransform
{
    private const int LongestChain = 6;
    private const int MostRuns = 96;

    public string Name => "br-table-to-tree";

    public bool Applies(FunctionView view) => !Statements.HasUnsetLocals(view);

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (view[i].Opcode == Opcode.BrTable && view.IsReachable(i))
            {
                yield return new Site(i);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        ref readonly var table = ref view[site.At];
        var runs = Runs(table);
        var carried = Labels.Types(view, Labels.Target(view, site.At, table.Index));
        var carries = carried.Length > 0;
        if (carried.Any(type => type.IsReference) || !context.HasRoomForLocals() || !context.Spend(table.Labels.Length) || runs.Count > (carries ? LongestChain : MostRuns))
        {
            return null;
        }

        var index = context.AddLocal(ValueType.I32);
        var code = context.Scratch();
        code.Add(Instruction.LocalSet(index));
        if (carries || (runs.Count <= LongestChain && context.Random.OneIn(2)))
        {
            Chain(code, runs, index, context.Random);
        }
        else
        {
            Tree(code, runs, 0, runs.Count - 1, 0, index, context.Random);
        }

        return new Edit(site.At, site.At + 1, code.ToArray());
    }

    /// <summary>Indices from First up to the next run's first go to Label; the last run is the default, without an upper bound.</summary>
    private static List<(uint First, uint Label)> Runs(in Instruction table)
    {
        List<(uint First, uint Label)> runs = [];
        for (var i = 0; i < table.Labels.Length; i++)
        {
            if (runs.Count == 0 || runs[^1].Label != table.Labels[i])
            {
                runs.Add(((uint)i, table.Labels[i]));
            }
        }

        if (runs.Count == 0 || runs[^1].Label != table.Index)
        {
            runs.Add(((uint)table.Labels.Length, table.Index));
        }

        return runs;
    }

    /// <summary>Run by run from the lowest: what is below the next run's first, and was not in an earlier one, belongs to this.</summary>
    private static void Chain(List<Instruction> code, List<(uint First, uint Label)> runs, uint index, SeededRandom random)
    {
        for (var k = 0; k + 1 < runs.Count; k++)
        {
            code.Add(Instruction.LocalGet(index));
            if (runs[k + 1].First == runs[k].First + 1 && random.OneIn(2))
            {
                code.Add(Instruction.I32Const((int)runs[k].First));
                code.Add(Instruction.Of(Opcode.I32Eq));
            }
            else
            {
                Below(code, runs[k + 1].First, random);
            }

            code.Add(Instruction.Of(Opcode.BrIf, runs[k].Label));
        }

        code.Add(Instruction.Of(Opcode.Br, runs[^1].Label));
    }

    private static void Tree(List<Instruction> code, List<(uint First, uint Label)> runs, int low, int high, uint depth, uint index, SeededRandom random)
    {
        if (low == high)
        {
            code.Add(Instruction.Of(Opcode.Br, runs[low].Label + depth));
            return;
        }

        var middle = (low + high) / 2;
        if (high - low > 3 && random.OneIn(3))
        {
            middle = random.Between(low, high - 1);
        }

        code.Add(Instruction.LocalGet(index));
        Below(code, runs[middle + 1].First, random);
        code.Add(Instruction.Block(Opcode.If, BlockType.Empty));
        Tree(code, runs, low, middle, depth + 1, index, random);
        code.Add(Instruction.Of(Opcode.End));
        Tree(code, runs, middle + 1, high, depth, index, random);
    }

    /// <summary>Unsigned comparison of the value on the stack with a positive bound.</summary>
    private static void Below(List<Instruction> code, uint bound, SeededRandom random)
    {
        var inclusive = random.OneIn(2);
        code.Add(Instruction.I32Const((int)(inclusive ? bound - 1 : bound)));
        code.Add(Instruction.Of(inclusive ? Opcode.I32LeU : Opcode.I32LtU));
    }
}
