using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Control;

/// <summary>Negates the condition of an if and swaps its arms. Both arms keep their labels, which count the same from both places.</summary>
/// <remarks>Known ways to be wrong. 5: a comparison is negated with its signedness, and an ordered float comparison only through i32.eqz.</remarks>
public sealed class IfInversion : ISiteTransform
{
    public string Name => "if-inversion";

    public bool Applies(FunctionView view) => !Statements.HasUnsetLocals(view);

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count; i++)
        {
            // Without an else, the parameters would be the results: only the plain form is taken.
            if (view[i].Opcode == Opcode.If && view.IsReachable(i) && (view.MatchingElse(i) >= 0 || view[i].BlockType.IsEmpty))
            {
                yield return new Site(i);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var (at, otherwise, end) = (site.At, view.MatchingElse(site.At), view.MatchingEnd(site.At));
        if (!context.Spend(end - at))
        {
            return null;
        }

        var code = context.Scratch();
        var start = at;
        if (at > 0 && view.Consumer(at - 1) == at)
        {
            start = at - 1;
            code.Add(view[start]);
        }

        Conditions.Negate(code, made: start < at);
        code.Add(view[at]);
        if (otherwise >= 0)
        {
            code.AddRange(view.Code[(otherwise + 1)..end]);
        }

        code.Add(Instruction.Of(Opcode.Else));
        code.AddRange(view.Code[(at + 1)..(otherwise >= 0 ? otherwise : end)]);
        code.Add(Instruction.Of(Opcode.End));
        return new Edit(start, end + 1, code.ToArray());
    }
}
