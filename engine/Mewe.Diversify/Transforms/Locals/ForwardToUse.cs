using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Locals;

/// <summary>Removes a local between the one place that sets it and the one that gets it: the value's tree moves to where it is used.</summary>
/// <remarks>
/// Known ways to be wrong. 2: the tree moves only over straight code, and only where the framework lets it change places with all of it. 1: the
/// definition's web has exactly this use, so the tree is evaluated once as before, and nobody misses the local's value.
/// </remarks>
public sealed class ForwardToUse : ISiteTransform
{
    private const int Farthest = 64;

    /// <summary>In larger bodies only locals with one write and one read are forwarded: a web costs a look at the whole body.</summary>
    private const int LargestForWebs = 20_000;

    public string Name => "forward-to-use";

    public bool Applies(FunctionView view) => !LocalFlow.HasHandlers(view);

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (view[i].Opcode == Opcode.LocalGet && view.IsReachable(i) && Definition(view, i) >= 0)
            {
                yield return new Site(i);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var use = site.At;
        var set = Definition(view, use);
        if (set < 0 || !IsOnlyUse(view, set, use, context))
        {
            return null;
        }

        var code = context.Scratch();
        code.AddRange(view.Code[(set + 1)..use]);
        code.AddRange(view.TreeAt(set - 1).Instructions);
        return new Edit(view.OperandsStart(set), use + 1, code.ToArray());
    }

    /// <summary>True where what is written at <paramref name="set"/> is read at <paramref name="use"/> and nowhere else, and nothing else is read there.</summary>
    private static bool IsOnlyUse(FunctionView view, int set, int use, RewriteContext context)
    {
        var local = view[use].Index;
        var others = 0;
        for (var i = 0; i < view.Count; i++)
        {
            others += i != set && i != use && LocalUses.IsOf(view[i], local) ? 1 : 0;
        }

        if (!context.Spend(view.Count) || (others > 0 && view.Count > LargestForWebs))
        {
            return false;
        }

        // Nothing stands between the two that could jump: with no other access, the pair is a web.
        if (others == 0)
        {
            return true;
        }

        if (LocalWebs.Of(view, local, context) is not { } webs || webs.Of(use) != webs.Of(set) || webs.Of(use) == webs.Entry)
        {
            return false;
        }

        for (var i = 0; i < view.Count; i++)
        {
            if (i != use && i != set && webs.Of(i) == webs.Of(use))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The local.set before a use, in the same straight code, whose tree may move to the use; -1 where there is none.</summary>
    private static int Definition(FunctionView view, int use)
    {
        var local = view[use].Index;
        for (var at = use - 1; at > 0 && at >= use - Farthest; at--)
        {
            if (view[at].OpensBlock || Control.Statements.IsBorder(view[at]) || view[at].EndsControl || (view[at].Info.Effects & Effects.Control) != 0)
            {
                return -1;
            }

            if (view[at].Opcode is Opcode.LocalSet or Opcode.LocalTee && view[at].Index == local)
            {
                return view[at].Opcode == Opcode.LocalSet && view.OperandsStart(at) >= 0 && view.IsTree(at - 1) && MayMove(view, at, use) ? at : -1;
            }
        }

        return -1;
    }

    private static bool MayMove(FunctionView view, int set, int use)
    {
        ref readonly var effects = ref view.EffectsOf(set - 1);
        for (var i = set + 1; i < use; i++)
        {
            if (!TreeEffects.CanReorder(effects, view.EffectsOf(i)))
            {
                return false;
            }
        }

        return true;
    }
}
