using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Control;

/// <summary>
/// Moves the borders of blocks: statements at the start of a block that never branch to it move out in front, a statement in front of a block moves in,
/// and a block that nobody branches to is dissolved.
/// </summary>
/// <remarks>
/// Known ways to be wrong. 9: labels of what moves out are lowered by one, which is possible because none of them is the block's own; of what moves in, raised by one.
/// 6: only blocks without parameters, and only at cuts; a block with an unreachable end is not dissolved, since code behind it would become unreachable.
/// </remarks>
public sealed class BlockSplitting : ISiteTransform
{
    public string Name => "block-splitting";

    public bool Applies(FunctionView view) => !Statements.HasUnsetLocals(view);

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (!view.IsReachable(i))
            {
                continue;
            }

            if (view[i].Opcode == Opcode.Block && view.OperandCount(i) == 0 && !view[i].BlockType.IsIndex)
            {
                yield return new Site(i);
                yield return new Site(i, 1);
            }

            if (!Statements.IsBorder(view[i]) && Statements.IsCut(view, i) && Statements.Next(view, i) is > 0 and var next && IsPlainBlock(view, next) && next - i <= 64)
            {
                yield return new Site(i, 2);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context) => site.Choice switch
    {
        0 => MoveOut(view, site.At, context),
        1 => Dissolve(view, site.At, context),
        _ => MoveIn(view, site.At, context),
    };

    private static bool IsPlainBlock(FunctionView view, int at) => view[at].Opcode == Opcode.Block && view.OperandCount(at) == 0 && !view[at].BlockType.IsIndex;

    private static Edit? MoveOut(FunctionView view, int block, RewriteContext context)
    {
        var first = block + 1;
        if (Statements.IsBorder(view[first]))
        {
            return null;
        }

        var split = first;
        for (var wanted = 1 + context.Random.Below(4); wanted > 0 && Statements.Next(view, split) is > 0 and var next && !Labels.Mentions(view.Code[split..next], 0); wanted--)
        {
            split = next;
        }

        if (split == first || !context.Spend(split - first))
        {
            return null;
        }

        var code = context.Scratch();
        Labels.Copy(view.Code[first..split], code, deeper: -1);
        code.Add(view[block]);
        return new Edit(block, split, code.ToArray());
    }

    private static Edit? MoveIn(FunctionView view, int start, RewriteContext context)
    {
        var block = Statements.Next(view, start);
        if (block < 0 || !context.Spend(block - start))
        {
            return null;
        }

        var code = context.Scratch();
        code.Add(view[block]);
        Labels.Copy(view.Code[start..block], code, deeper: 1);
        return new Edit(start, block + 1, code.ToArray());
    }

    private static Edit? Dissolve(FunctionView view, int block, RewriteContext context)
    {
        var end = view.MatchingEnd(block);
        if (!context.Spend(end - block) || !Statements.FallsThrough(view, end) || Labels.Mentions(view.Code[(block + 1)..end], 0))
        {
            return null;
        }

        var code = context.Scratch();
        Labels.Copy(view.Code[(block + 1)..end], code, deeper: -1);
        return new Edit(block, end + 1, code.ToArray());
    }
}
