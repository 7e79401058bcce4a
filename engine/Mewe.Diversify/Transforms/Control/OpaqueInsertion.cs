using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Control;

/// <summary>
/// Adds code that never runs, behind a condition that is zero for every value: copies of statements of the same body, a trap, a branch; or runs a statement behind
/// a condition that is never zero, with such code in the other arm.
/// </summary>
/// <remarks>
/// Known ways to be wrong. 10: the guard reads a local or a mutable global and computes with integers; it has no effects and cannot trap, and why it is constant stands in
/// <see cref="Terms.OpaquePredicate"/>. 9: labels of a guarded statement are raised by one; dead branches go only to labels without values. 7: bodies with locals without
/// a default are refused.
/// </remarks>
public sealed class OpaqueInsertion : ISiteTransform
{
    private const int Longest = 40;

    public string Name => "opaque-insertion";

    public bool Applies(FunctionView view) => !Statements.HasUnsetLocals(view) && OpaqueValues.Any(view);

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count; i++)
        {
            // An end or else stands outside of its block: labels there would be those of the block around it.
            if (!view.IsReachable(i) || Statements.IsBorder(view[i]) || !Statements.IsCut(view, i))
            {
                continue;
            }

            yield return new Site(i);
            if (Statements.Next(view, i) is > 0 and var next && next - i <= Longest)
            {
                yield return new Site(i, 1);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var code = context.Scratch();
        if (site.Choice == 0)
        {
            OpaqueValues.Zero(code, view, context.Random);
            code.Add(Instruction.Block(Opcode.If, BlockType.Empty));
            Dead(code, view, site.At, context);
            code.Add(Instruction.Of(Opcode.End));
            return new Edit(site.At, site.At, code.ToArray());
        }

        var end = Statements.Next(view, site.At);
        if (end < 0 || !context.Spend(end - site.At))
        {
            return null;
        }

        OpaqueValues.One(code, view, context.Random);
        code.Add(Instruction.Block(Opcode.If, BlockType.Empty));
        Labels.Copy(view.Code[site.At..end], code, deeper: 1);
        code.Add(Instruction.Of(Opcode.Else));
        Dead(code, view, site.At, context);
        code.Add(Instruction.Of(Opcode.End));
        return new Edit(site.At, end, code.ToArray());
    }

    /// <summary>Valid code for inside an if at a place.</summary>
    private static void Dead(List<Instruction> code, FunctionView view, int at, RewriteContext context)
    {
        var random = context.Random;
        for (var tries = 0; tries < 12; tries++)
        {
            // A whole statement without control can stand anywhere in the body: it needs nothing from the stack, and labels do not occur in it.
            var end = random.Below(view.Count);
            if (view.OperandsStart(end) is >= 0 and var start && view.ResultCount(end) == 0 && end - start < Longest && end > start
                && (view.EffectsOf(end).Effects & Effects.Control) == 0 && !view[end].EndsControl)
            {
                code.AddRange(view.Code[start..(end + 1)]);
                if (random.OneIn(2))
                {
                    break;
                }
            }
        }

        var depth = Labels.Depth(view, at);
        var label = (uint)random.Below((int)depth + 1);
        if (random.OneIn(3) && Labels.Arity(view, Labels.Target(view, at, label)) == 0)
        {
            code.Add(Instruction.Of(Opcode.Br, label + 1));
        }
        else if (random.OneIn(3) || code[^1].OpensBlock || code[^1].Opcode == Opcode.Else)
        {
            code.Add(Instruction.Of(Opcode.Unreachable));
        }
    }
}
