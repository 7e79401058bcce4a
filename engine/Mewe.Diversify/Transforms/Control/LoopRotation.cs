using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Control;

/// <summary>
/// Turns a loop by its first statements H: <c>loop H R br 0 end</c> becomes <c>H' loop R H br 0 end</c>, and
/// <c>loop H R cond br_if 0 end</c> becomes <c>H' loop R cond if H br 1 end end</c>.
/// </summary>
/// <remarks>
/// Known ways to be wrong. 9: nothing in H or R goes on with the loop except its last branch, which is checked; labels that leave H are lowered by one in front of
/// the loop, where they cannot mean the loop, and raised by one inside the if. 6: loops with parameters are refused, those of the second form also with results.
/// </remarks>
public sealed class LoopRotation : ISiteTransform
{
    private const int Longest = 2000;

    public string Name => "loop-rotation";

    public bool Applies(FunctionView view) => !Statements.HasUnsetLocals(view);

    public IEnumerable<Site> Sites(FunctionView view)
    {
        foreach (var site in Loops.Sites(view, Longest))
        {
            var end = view.MatchingEnd(site.At);
            if (view.IsReachable(end - 1) && view[end - 1].Opcode is Opcode.Br or Opcode.BrIf && view[end - 1].Index == 0 && view.Enclosing(end - 1) == site.At
                && Statements.IsCut(view, site.At + 1))
            {
                yield return site;
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var (at, back) = (site.At, view.MatchingEnd(site.At) - 1);
        var first = at + 1;
        var conditional = view[back].Opcode == Opcode.BrIf;
        // The condition stays behind R as it is, so R ends where the condition's tree starts.
        var last = conditional ? view.OperandsStart(back) : back;
        if (last < 0 || (conditional && !view[at].BlockType.IsEmpty) || !context.Spend(back - at) || Labels.Mentions(view.Code[first..back], 0))
        {
            return null;
        }

        var split = first;
        for (var wanted = 1 + context.Random.Below(4); wanted > 0 && Statements.Next(view, split) is > 0 and var next && next < last; wanted--)
        {
            split = next;
        }

        if (split == first)
        {
            return null;
        }

        var head = view.Code[first..split];
        var code = context.Scratch();
        Labels.Copy(head, code, deeper: -1);
        code.Add(view[at]);
        code.AddRange(view.Code[split..back]);
        if (conditional)
        {
            code.Add(Instruction.Block(Opcode.If, BlockType.Empty));
            Labels.Copy(head, code, deeper: 1);
            code.Add(Instruction.Of(Opcode.Br, 1));
            code.Add(Instruction.Of(Opcode.End));
        }
        else
        {
            code.AddRange(head);
            code.Add(view[back]);
        }

        code.Add(Instruction.Of(Opcode.End));
        return new Edit(at, back + 2, code.ToArray());
    }
}
