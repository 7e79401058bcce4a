using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Control;

/// <summary>Moves a statement over the ones behind it, as far as all of them let it.</summary>
/// <remarks>
/// Known ways to be wrong. 2 and 10: two statements change places only where the framework's predicate allows it, pair by pair. 3: it does not let two
/// different traps change places, nor a trap and a write.
/// </remarks>
public sealed class StatementReordering : ISiteTransform
{
    private const int Farthest = 12;

    public string Name => "statement-reordering";

    public bool Applies(FunctionView view) => true;

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (IsStatement(view, i) && Following(view, i) is >= 0 and var next && MayMove(view, i, next))
            {
                yield return new Site(i);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var moved = site.At;
        var last = moved;
        var wanted = 1 + context.Random.Below(Farthest);
        while (wanted-- > 0 && Following(view, last) is >= 0 and var next && MayMove(view, moved, next))
        {
            last = next;
        }

        if (last == moved)
        {
            return null;
        }

        var start = view.OperandsStart(moved);
        var code = context.Scratch();
        code.AddRange(view.Code[(moved + 1)..(last + 1)]);
        code.AddRange(view.Code[start..(moved + 1)]);
        return new Edit(start, last + 1, code.ToArray());
    }

    private static bool MayMove(FunctionView view, int first, int second) => TreeEffects.CanReorder(view.EffectsOf(first), view.EffectsOf(second));

    /// <summary>The last instruction of the statement that starts directly behind another, or -1.</summary>
    private static int Following(FunctionView view, int statement)
    {
        for (var at = statement + 1; at < view.Count && at <= statement + 64; at++)
        {
            if (IsStatement(view, at) && view.OperandsStart(at) == statement + 1)
            {
                return at;
            }

            if (view[at].OpensBlock || Statements.IsBorder(view[at]) || view[at].EndsControl)
            {
                return -1;
            }
        }

        return -1;
    }

    /// <summary>True for an instruction that ends a statement without control: it leaves nothing, and its operands are trees before it.</summary>
    private static bool IsStatement(FunctionView view, int at) =>
        view.OperandsStart(at) >= 0 && view.ResultCount(at) == 0 && !view[at].OpensBlock && !view[at].EndsControl && !Statements.IsBorder(view[at])
        && (view[at].Info.Effects & Effects.Control) == 0 && view[at].Opcode != Opcode.Nop;
}
