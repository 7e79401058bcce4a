using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Control;

/// <summary>
/// Copies a short tail to where control comes from. A branch to the end of a block, behind which stands a tail that ends in a branch or return, becomes a copy of that
/// tail; a statement behind an if moves into both of its arms.
/// </summary>
/// <remarks>
/// Known ways to be wrong. 9: labels of a copy are raised by the number of blocks that it stands deeper, and an arm that can leave the if by its label is
/// not a place to copy to; a branch out of a try keeps its tail outside. 6: only blocks without results; a tail starts where its block has nothing on the stack, and what a branch left below is dropped by
/// the tail's own last branch.
/// </remarks>
public sealed class TailDuplication : ISiteTransform
{
    private const int Longest = 24;

    public string Name => "tail-duplication";

    public bool Applies(FunctionView view) => !Statements.HasUnsetLocals(view);

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (!view.IsReachable(i))
            {
                continue;
            }

            switch (view[i].Opcode)
            {
                case Opcode.Br or Opcode.BrIf when TailOf(view, i) is not null:
                    yield return new Site(i);
                    break;
                case Opcode.If when view[i].BlockType.IsEmpty && FollowerOf(view, i) is not null:
                    yield return new Site(i, 1);
                    break;
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context) => context.Spend(Longest) ? site.Choice == 0 ? Inline(view, site.At, context) : Sink(view, site.At, context) : null;

    private static Edit? Inline(FunctionView view, int at, RewriteContext context)
    {
        if (TailOf(view, at) is not { } tail)
        {
            return null;
        }

        var code = context.Scratch();
        var deeper = (int)view[at].Index + 1;
        if (view[at].Opcode == Opcode.Br)
        {
            Labels.Copy(view.Code[tail.Start..tail.End], code, deeper);
        }
        else
        {
            code.Add(Instruction.Block(Opcode.If, BlockType.Empty));
            Labels.Copy(view.Code[tail.Start..tail.End], code, deeper + 1);
            code.Add(Instruction.Of(Opcode.End));
        }

        return new Edit(at, at + 1, code.ToArray());
    }

    /// <summary>The code behind the block that a branch goes to the end of, up to and with an instruction that ends control; null where it is long or not like that.</summary>
    private static (int Start, int End)? TailOf(FunctionView view, int branch)
    {
        var target = Labels.Target(view, branch, view[branch].Index);
        if (target < 0 || view[target].Opcode is not (Opcode.Block or Opcode.If) || !view[target].BlockType.IsEmpty || LeavesHandler(view, branch, target))
        {
            return null;
        }

        var start = view.MatchingEnd(target) + 1;
        if (!view.IsReachable(start) || Statements.IsBorder(view[start]) || !Statements.IsCut(view, start))
        {
            return null;
        }

        var at = start;
        while (!Statements.IsBorder(view[at]) && at - start < Longest)
        {
            if (view[at].EndsControl)
            {
                return (start, at + 1);
            }

            at = Statements.Behind(view, at);
        }

        return null;
    }

    /// <summary>True where a branch leaves a try: what the tail throws would be caught at the new place.</summary>
    private static bool LeavesHandler(FunctionView view, int branch, int target)
    {
        for (var opener = view.Enclosing(branch); opener != target; opener = view.Enclosing(opener))
        {
            if (view[opener].Opcode is Opcode.Try or Opcode.TryTable)
            {
                return true;
            }
        }

        return false;
    }

    private static Edit? Sink(FunctionView view, int at, RewriteContext context)
    {
        if (FollowerOf(view, at) is not { } follower)
        {
            return null;
        }

        var (otherwise, end) = (view.MatchingElse(at), view.MatchingEnd(at));
        var code = context.Scratch();
        code.AddRange(view.Code[at..(otherwise >= 0 ? otherwise : end)]);
        if (Statements.FallsThrough(view, otherwise >= 0 ? otherwise : end))
        {
            Labels.Copy(view.Code[(end + 1)..follower], code, deeper: 1);
        }

        code.Add(Instruction.Of(Opcode.Else));
        if (otherwise >= 0)
        {
            code.AddRange(view.Code[(otherwise + 1)..end]);
        }

        if (otherwise < 0 || Statements.FallsThrough(view, end))
        {
            Labels.Copy(view.Code[(end + 1)..follower], code, deeper: 1);
        }

        code.Add(Instruction.Of(Opcode.End));
        return new Edit(at, follower, code.ToArray());
    }

    /// <summary>Where the statement behind an if ends, if both arms reach it only by falling off their ends.</summary>
    private static int? FollowerOf(FunctionView view, int at)
    {
        var (otherwise, end) = (view.MatchingElse(at), view.MatchingEnd(at));
        if (view[end + 1].Opcode is Opcode.End or Opcode.Else || !Statements.IsCut(view, end + 1) || Statements.Next(view, end + 1) is not (>= 0 and var next)
            || next - end > Longest || end - at > 4096)
        {
            return null;
        }

        return Labels.Mentions(view.Code[(at + 1)..(otherwise >= 0 ? otherwise : end)], 0) || (otherwise >= 0 && Labels.Mentions(view.Code[(otherwise + 1)..end], 0))
            ? null : next;
    }
}
