using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Control;

/// <summary>A return becomes a branch to the body's own label, and such a branch a return: the specification (4.4.9) gives both the same meaning.</summary>
/// <remarks>Known ways to be wrong. 6: both take the function's results from the top and drop what is below, so nothing else changes.</remarks>
public sealed class ReturnToBranch : ISiteTransform
{
    public string Name => "return-to-branch";

    public bool Applies(FunctionView view) => true;

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (view.IsReachable(i) && (view[i].Opcode == Opcode.Return || (view[i].Opcode == Opcode.Br && view[i].Index == Labels.Depth(view, i))))
            {
                yield return new Site(i);
            }
        }

        // Falling off the end is a return, too.
        if (Statements.FallsThrough(view, view.Count - 1))
        {
            yield return new Site(view.Count - 1);
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var at = site.At;
        var branch = Instruction.Of(Opcode.Br, Labels.Depth(view, at));
        return view[at].Opcode switch
        {
            Opcode.Return => new Edit(at, at + 1, new[] { branch }),
            Opcode.End => new Edit(at, at, new[] { context.Random.OneIn(2) ? branch : Instruction.Of(Opcode.Return) }),
            _ => new Edit(at, at + 1, new[] { Instruction.Of(Opcode.Return) }),
        };
    }
}
