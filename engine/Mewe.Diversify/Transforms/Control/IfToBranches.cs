using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Control;

/// <summary>
/// Writes an if with branches: <c>if A end</c> as <c>block not-cond br_if 0 A end</c>, and
/// <c>if (T) A else B end</c> as <c>block (T) block not-cond br_if 0 A br 1 end B end</c>.
/// </summary>
/// <remarks>
/// Known ways to be wrong. 6: ifs with parameters are refused, and the condition has to be a tree directly before it; where A ends in a branch, there
/// is no other to the end; code behind a branch may push results, which one has to take. 9: labels that leave A are raised by one, since the if's own label becomes the outer block's.
/// </remarks>
public sealed class IfToBranches : ISiteTransform
{
    public string Name => "if-to-branches";

    public bool Applies(FunctionView view) => !Statements.HasUnsetLocals(view);

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (view[i].Opcode == Opcode.If && view.OperandCount(i) == 1 && view.OperandsStart(i) >= 0 && (view.MatchingElse(i) >= 0 || view[i].BlockType.IsEmpty))
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

        var start = view.OperandsStart(at);
        var code = context.Scratch();
        code.Add(Instruction.Block(Opcode.Block, view[at].BlockType));
        if (otherwise >= 0)
        {
            code.Add(Instruction.Block(Opcode.Block, BlockType.Empty));
        }

        code.AddRange(view.Code[start..at]);
        Conditions.Negate(code, made: true);
        code.Add(Instruction.Of(Opcode.BrIf, 0));
        if (otherwise < 0)
        {
            code.AddRange(view.Code[(at + 1)..(end + 1)]);
            return new Edit(start, end + 1, code.ToArray());
        }

        Labels.Copy(view.Code[(at + 1)..otherwise], code, deeper: 1);
        if (Statements.MayLeaveValues(view, otherwise))
        {
            code.Add(Instruction.Of(Opcode.Br, 1));
        }

        code.Add(Instruction.Of(Opcode.End));
        code.AddRange(view.Code[(otherwise + 1)..(end + 1)]);
        return new Edit(start, end + 1, code.ToArray());
    }
}
