using Mewe.Diversify.Transforms.Control;
using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Locals;

/// <summary>A value that waits on the stack while other code runs waits in a fresh local instead, from where it was pushed to the last place where it is on top.</summary>
/// <remarks>
/// Known ways to be wrong. 2: the value is computed where it was, and what runs meanwhile cannot change the fresh local. 6: refused where a branch in between
/// could carry the value; the code in between is in the same block, and takes nothing below its own values.
/// </remarks>
public sealed class HeldValueSpill : ISiteTransform
{
    private const int Farthest = 400;

    public string Name => "held-value-spill";

    public bool Applies(FunctionView view) => true;

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (view.IsReachable(i) && !view[i].OpensBlock && !view[i].EndsControl && view.ResultCount(i) == 1 && view.ResultType(i).IsScalar
                && view.Consumer(i) is > 0 and var taker && view.OperandsStart(taker) < 0 && ReadBack(view, i) > i + 1)
            {
                yield return new Site(i);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var at = site.At;
        var back = ReadBack(view, at);
        if (back <= at + 1 || !context.HasRoomForLocals() || !context.Spend(back - at))
        {
            return null;
        }

        var saved = context.AddLocal(view.ResultType(at));
        var code = context.Scratch();
        code.Add(Instruction.LocalSet(saved));
        code.AddRange(view.Code[(at + 1)..back]);
        code.Add(Instruction.LocalGet(saved));
        return new Edit(at + 1, back, code.ToArray());
    }

    /// <summary>The last place, before its taker, where a value is on top of the stack again; -1 where it could be branched away with, or where there is none.</summary>
    private static int ReadBack(FunctionView view, int pushed)
    {
        var taker = view.Consumer(pushed);
        var height = view.HeightBefore(pushed + 1);
        var last = -1;
        for (var at = pushed + 1; at <= taker && at - pushed <= Farthest; at = Statements.Behind(view, at))
        {
            if (Statements.IsBorder(view[at]) || (at != taker && !MayStandBetween(view, at)))
            {
                return -1;
            }

            if (view.HeightBefore(at) == height)
            {
                last = at;
            }

            if (at == taker)
            {
                return last;
            }
        }

        return -1;
    }

    /// <summary>False for a branch of the same block that carries values, and for whatever ends control.</summary>
    private static bool MayStandBetween(FunctionView view, int at)
    {
        ref readonly var instruction = ref view[at];
        return !instruction.EndsControl && instruction.Opcode switch
        {
            Opcode.BrIf => Labels.Arity(view, Labels.Target(view, at, instruction.Index)) == 0,
            Opcode.BrOnNull or Opcode.BrOnNonNull or Opcode.BrOnCast or Opcode.BrOnCastFail => false,
            _ => true,
        };
    }
}
