using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Control;

/// <summary>
/// Writes conditional branches as br_table: <c>cond br_if L</c> as <c>block cond br_table 0 (default L+1) end</c>, and a chain
/// <c>x == a br_if L, x == b br_if M ...</c> on one local with constants close to each other as one table over <c>x - least</c>.
/// </summary>
/// <remarks>
/// Known ways to be wrong. 9: every index outside the table goes on behind it by the default, negative differences too, since the index is unsigned; where two links
/// of a chain name the same constant, the first one counts. 6: only labels that carry no values.
/// </remarks>
public sealed class BranchesToTable : ISiteTransform
{
    private const int WidestTable = 64;

    public string Name => "branches-to-table";

    public bool Applies(FunctionView view) => !Statements.HasUnsetLocals(view);

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (view[i].Opcode != Opcode.BrIf || view.OperandsStart(i) < 0 || Labels.Arity(view, Labels.Target(view, i, view[i].Index)) != 0)
            {
                continue;
            }

            yield return new Site(i);
            if (Link(view, i) is { } first && i + 4 < view.Count && Link(view, i + 4) is { } second && first.Local == second.Local)
            {
                yield return new Site(i, 1);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var at = site.At;
        var code = context.Scratch();
        code.Add(Instruction.Block(Opcode.Block, BlockType.Empty));
        if (site.Choice == 0)
        {
            // Zero is the first label, everything else the default.
            var start = view.OperandsStart(at);
            code.AddRange(view.Code[start..at]);
            code.Add(Instruction.BranchTable([0], view[at].Index + 1));
            code.Add(Instruction.Of(Opcode.End));
            return new Edit(start, at + 1, code.ToArray());
        }

        List<(int Value, uint Label)> links = [];
        var local = view[at - 3].Index;
        var end = at;
        for (; end < view.Count && Link(view, end) is { } link && link.Local == local; end += 4)
        {
            links.Add((link.Value, link.Label));
            if ((long)links.Max(item => item.Value) - links.Min(item => item.Value) >= WidestTable)
            {
                links.RemoveAt(links.Count - 1);
                break;
            }
        }

        if (links.Count < 2)
        {
            return null;
        }

        var least = links.Min(item => item.Value);
        var labels = new uint[links.Max(item => item.Value) - least + 1];
        for (var k = links.Count - 1; k >= 0; k--)
        {
            labels[links[k].Value - least] = links[k].Label + 1;
        }

        code.Add(Instruction.LocalGet(local));
        if (least != 0)
        {
            code.Add(Instruction.I32Const(least));
            code.Add(Instruction.Of(Opcode.I32Sub));
        }

        code.Add(Instruction.BranchTable([.. labels], 0));
        code.Add(Instruction.Of(Opcode.End));
        return new Edit(at - 3, at - 3 + (4 * links.Count), code.ToArray());
    }

    /// <summary>Matches <c>local.get x, i32.const a, i32.eq, br_if L</c> ending at an instruction; label 0 of a gap in the table is the new block.</summary>
    private static (uint Local, int Value, uint Label)? Link(FunctionView view, int at) =>
        at >= 3 && view[at].Opcode == Opcode.BrIf && view.OperandsStart(at) == at - 3 && view[at - 1].Opcode == Opcode.I32Eq && view[at - 2].Opcode == Opcode.I32Const
            && view[at - 3].Opcode == Opcode.LocalGet && Labels.Arity(view, Labels.Target(view, at, view[at].Index)) == 0
            ? (view[at - 3].Index, view[at - 2].I32, view[at].Index) : null;
}
