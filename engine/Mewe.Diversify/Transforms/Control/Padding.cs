using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Control;

/// <summary>Adds a nop or an empty block between instructions. Filler: a compiler removes it, so it counts little.</summary>
/// <remarks>Known ways to be wrong. 6: neither takes nor gives values; only in reachable code.</remarks>
public sealed class Padding : ISiteTransform
{
    public string Name => "padding";

    public bool Applies(FunctionView view) => true;

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (view.IsReachable(i) && Statements.FallsThrough(view, i) && view[i].Opcode != Opcode.Nop)
            {
                yield return new Site(i);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context) => new Edit(site.At, site.At, context.Random.OneIn(3)
        ? new[] { Instruction.Block(Opcode.Block, BlockType.Empty), Instruction.Of(Opcode.End) }
        : [Instruction.Of(Opcode.Nop)]);
}
