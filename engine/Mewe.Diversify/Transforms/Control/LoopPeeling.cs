using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Control;

/// <summary>
/// Runs the first iteration of a loop in front of it:
/// <c>loop (T) B end</c> becomes <c>block (T) block B' br 1 end loop (T) B'' end end</c>.
/// </summary>
/// <remarks>
/// Known ways to be wrong. 9: in B' the loop's own label is the inner block's, whose end leads to the loop, so it keeps its number; all other labels
/// that leave B' or B'' are raised by one. Falling off the end of B' leaves the loop, with its results. 6: loops with parameters are refused; where B ends in a branch
/// there is no other, but code behind a branch may push results, which one has to take.
/// </remarks>
public sealed class LoopPeeling : ISiteTransform
{
    private const int Longest = 400;

    public string Name => "loop-peeling";

    public bool Applies(FunctionView view) => !Statements.HasUnsetLocals(view);

    public IEnumerable<Site> Sites(FunctionView view) => Loops.Sites(view, Longest);

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        if (Loops.BeginTwice(view, site, context) is not var (at, end, code))
        {
            return null;
        }

        var body = view.Code[(at + 1)..end];
        code.Add(Instruction.Block(Opcode.Block, BlockType.Empty));
        Labels.Copy(body, code, label => label == 0 ? 0 : label + 1);
        if (Statements.MayLeaveValues(view, end))
        {
            code.Add(Instruction.Of(Opcode.Br, 1));
        }

        code.Add(Instruction.Of(Opcode.End));
        code.Add(view[at]);
        Labels.Copy(body, code, label => label == 0 ? 0 : label + 1);
        code.Add(Instruction.Of(Opcode.End));
        code.Add(Instruction.Of(Opcode.End));
        return new Edit(at, end + 1, code.ToArray());
    }
}
