using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Control;

/// <summary>
/// A statement S becomes <c>condition if S else S end</c> under any pure condition on a local: later steps rewrite the two arms apart from each other.
/// </summary>
/// <remarks>
/// Known ways to be wrong. 1: whatever the condition says, exactly one of two equal arms runs, so S may do anything. 9: labels that leave S are raised by one.
/// 6: a statement starts and ends with nothing of its block on the stack.
/// </remarks>
public sealed class ArmDuplication : ISiteTransform
{
    private const int Longest = 40;

    public string Name => "arm-duplication";

    public bool Applies(FunctionView view) => !Statements.HasUnsetLocals(view) && OpaqueValues.Any(view);

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count - 1; i++)
        {
            if (view.IsReachable(i) && !Statements.IsBorder(view[i]) && Statements.IsCut(view, i) && Statements.Next(view, i) is > 0 and var next && next - i is > 1 and <= Longest)
            {
                yield return new Site(i);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var (start, end) = (site.At, Statements.Next(view, site.At));
        if (end < 0 || !context.Spend(end - start))
        {
            return null;
        }

        var code = context.Scratch();
        OpaqueValues.AnyCondition(code, view, context.Random);
        code.Add(Instruction.Block(Opcode.If, BlockType.Empty));
        Labels.Copy(view.Code[start..end], code, deeper: 1);
        code.Add(Instruction.Of(Opcode.Else));
        Labels.Copy(view.Code[start..end], code, deeper: 1);
        code.Add(Instruction.Of(Opcode.End));
        return new Edit(start, end, code.ToArray());
    }
}
