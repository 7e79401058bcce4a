using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Control;

/// <summary>
/// <c>cond br_if L</c> becomes <c>cond if br L+1 end</c> or, turned around, <c>block not-cond br_if 0 br L+1 end</c>.
/// </summary>
/// <remarks>Known ways to be wrong. 6: only where the label carries no values, which would not be visible inside the new block.</remarks>
public sealed class BrIfInversion : ISiteTransform
{
    public string Name => "br-if-inversion";

    public bool Applies(FunctionView view) => !Statements.HasUnsetLocals(view);

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (view[i].Opcode == Opcode.BrIf && view.IsReachable(i) && Labels.Arity(view, Labels.Target(view, i, view[i].Index)) == 0)
            {
                yield return new Site(i);
                if (view.OperandsStart(i) >= 0)
                {
                    yield return new Site(i, 1);
                }
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var at = site.At;
        var away = Instruction.Of(Opcode.Br, view[at].Index + 1);
        if (site.Choice == 0)
        {
            return new Edit(at, at + 1, new[] { Instruction.Block(Opcode.If, BlockType.Empty), away, Instruction.Of(Opcode.End) });
        }

        var start = view.OperandsStart(at);
        var code = context.Scratch();
        code.Add(Instruction.Block(Opcode.Block, BlockType.Empty));
        code.AddRange(view.Code[start..at]);
        Conditions.Negate(code, made: true);
        code.Add(Instruction.Of(Opcode.BrIf, 0));
        code.Add(away);
        code.Add(Instruction.Of(Opcode.End));
        return new Edit(start, at + 1, code.ToArray());
    }
}
