using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Control;

/// <summary>
/// The reverse of <see cref="IfToBranches"/>: <c>block cond br_if 0 A end</c> becomes <c>not-cond if A end</c>, and <c>cond br_if L A ...</c> up to the end of
/// a statement list, where L is the block around it, becomes <c>not-cond if A end</c> inside the block.
/// </summary>
/// <remarks>
/// Known ways to be wrong. 6: only blocks without parameters and results, and only where the branch is at a cut; unreachable ends stay unreachable, because
/// the end of the block behind them was reachable before as well. 9: in the second form labels that leave A are raised by one.
/// </remarks>
public sealed class BranchesToIf : ISiteTransform
{
    public string Name => "branches-to-if";

    public bool Applies(FunctionView view) => !Statements.HasUnsetLocals(view);

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (view[i].Opcode != Opcode.BrIf || view[i].Index != 0 || view.OperandsStart(i) is not (>= 0 and var start) || !Statements.IsCut(view, start))
            {
                continue;
            }

            var frame = view.Enclosing(i);
            if (frame >= 0 && view[frame].Opcode == Opcode.Block && view[frame].BlockType.IsEmpty)
            {
                yield return new Site(i, start == frame + 1 ? 0 : 1);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var at = site.At;
        var frame = view.Enclosing(at);
        var end = view.MatchingEnd(frame);
        var start = view.OperandsStart(at);
        if (!context.Spend(end - at))
        {
            return null;
        }

        var code = context.Scratch();
        code.AddRange(view.Code[start..at]);
        Conditions.Negate(code, made: true);
        code.Add(Instruction.Block(Opcode.If, BlockType.Empty));
        if (site.Choice == 0)
        {
            code.AddRange(view.Code[(at + 1)..(end + 1)]);
            return new Edit(frame, end + 1, code.ToArray());
        }

        Labels.Copy(view.Code[(at + 1)..end], code, deeper: 1);
        code.Add(Instruction.Of(Opcode.End));
        return new Edit(start, end, code.ToArray());
    }
}
