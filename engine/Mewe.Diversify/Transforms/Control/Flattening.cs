using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Control;

/// <summary>
/// Puts consecutive statements into the cases of a switch in a loop, in random order; a fresh local says which one is next:
/// <c>set s first, block loop block ... block s br_table end S set s next, br loop end ... end end</c>. (Wang et al. 2000, control-flow flattening.)
/// </summary>
/// <remarks>
/// Known ways to be wrong. 9: in case j of k stand k - 1 - j blocks, the loop and the outer block around a statement, and its labels are raised by as many; the
/// default of the table is the last case, and no other number is ever in s. 6: statements between cuts take and leave nothing, and fall off their ends only to where s is set.
/// </remarks>
public sealed class Flattening : ISiteTransform
{
    private const int MostCases = 7, Longest = 240;

    public string Name => "flattening";

    public bool Applies(FunctionView view) => !Statements.HasUnsetLocals(view);

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count - 1; i++)
        {
            // Outside of loops only: it takes a turn of its loop for every case.
            if (view.LoopDepth(i) == 0 && view.IsReachable(i) && !Statements.IsBorder(view[i]) && Statements.IsCut(view, i) && Statements.Next(view, i) is > 0 and var next && Statements.Next(view, next) > 0)
            {
                yield return new Site(i);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        // The borders of the cases: each holds one to three statements.
        List<int> cuts = [site.At];
        var wanted = context.Random.Between(2, MostCases);
        while (cuts.Count <= wanted)
        {
            var end = cuts[^1];
            for (var k = context.Random.Between(1, 3); k > 0 && Statements.Next(view, end) is > 0 and var next && next - site.At <= Longest; k--)
            {
                end = next;
            }

            if (end == cuts[^1])
            {
                break;
            }

            cuts.Add(end);
        }

        var count = cuts.Count - 1;
        if (count < 2 || !context.HasRoomForLocals() || !context.Spend(cuts[^1] - site.At))
        {
            return null;
        }

        var order = new int[count];
        for (var k = 0; k < count; k++)
        {
            order[k] = k;
        }

        context.Random.Shuffle<int>(order);
        var state = context.AddLocal(ValueType.I32);
        var code = context.Scratch();
        Go(code, state, Array.IndexOf(order, 0));
        code.Add(Instruction.Block(Opcode.Block, BlockType.Empty));
        code.Add(Instruction.Block(Opcode.Loop, BlockType.Empty));
        for (var k = 0; k < count; k++)
        {
            code.Add(Instruction.Block(Opcode.Block, BlockType.Empty));
        }

        code.Add(Instruction.LocalGet(state));
        code.Add(Instruction.BranchTable([.. Enumerable.Range(0, count - 1).Select(label => (uint)label)], (uint)(count - 1)));
        for (var place = 0; place < count; place++)
        {
            code.Add(Instruction.Of(Opcode.End));
            var blocks = count - 1 - place;
            var statement = order[place];
            Labels.Copy(view.Code[cuts[statement]..cuts[statement + 1]], code, blocks + 2);
            if (statement == count - 1)
            {
                code.Add(Instruction.Of(Opcode.Br, (uint)blocks + 1));
                continue;
            }

            Go(code, state, Array.IndexOf(order, statement + 1));
            code.Add(Instruction.Of(Opcode.Br, (uint)blocks));
        }

        code.Add(Instruction.Of(Opcode.End));
        code.Add(Instruction.Of(Opcode.End));
        return new Edit(site.At, cuts[^1], code.ToArray());
    }

    private static void Go(List<Instruction> code, uint state, int place)
    {
        code.Add(Instruction.I32Const(place));
        code.Add(Instruction.LocalSet(state));
    }
}
