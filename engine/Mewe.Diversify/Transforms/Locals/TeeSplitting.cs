using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Locals;

/// <summary><c>local.tee x</c> becomes <c>local.set x, local.get x</c> and back: the specification (4.4.5) defines the tee so.</summary>
/// <remarks>Known ways to be wrong. 1: the value itself is not touched. 6: only reachable code.</remarks>
public sealed class TeeSplitting : ISiteTransform
{
    public string Name => "tee-splitting";

    public bool Applies(FunctionView view) => true;

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count - 1; i++)
        {
            if (view.IsReachable(i) && (view[i].Opcode == Opcode.LocalTee || IsPair(view, i)))
            {
                yield return new Site(i);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var (at, local) = (site.At, view[site.At].Index);
        return view[at].Opcode == Opcode.LocalTee
            ? new Edit(at, at + 1, new[] { Instruction.LocalSet(local), Instruction.LocalGet(local) })
            : new Edit(at, at + 2, new[] { Instruction.LocalTee(local) });
    }

    private static bool IsPair(FunctionView view, int at) =>
        view[at].Opcode == Opcode.LocalSet && view[at + 1].Opcode == Opcode.LocalGet && view[at].Index == view[at + 1].Index;
}
