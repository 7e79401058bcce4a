using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Control;

/// <summary>
/// Puts the body of a loop into it twice:
/// <c>loop (T) B end</c> becomes <c>block (T) loop (T) block B' br 2 end B'' end end</c>.
/// </summary>
/// <remarks>
/// Known ways to be wrong. 9: going on in B' means its block's end and then B''; going on in B'' means the loop; falling off the end of either
/// leaves both, with the results. Labels of outer blocks are raised by two in B', by one in B''. 6: loops with parameters are refused; code behind a branch may push results, which a branch has to take.
/// </remarks>
public sealed class LoopUnrolling : ISiteTransform
{
    private const int Longest = 300;

    public string Name => "loop-unrolling";

    public bool Applies(FunctionView view) => !Statements.HasUnsetLocals(view);

    public IEnumerable<Site> Sites(FunctionView view) => Loops.Sites(view, Longest);

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        if (Loops.BeginTwice(view, site, context) is not var (at, end, code))
        {
            return null;
        }

        var body = view.Code[(at + 1)..end];
        code.Add(view[at]);
        code.Add(Instruction.Block(Opcode.Block, BlockType.Empty));
        Labels.Copy(body, code, label => label == 0 ? 0 : label + 2);
        if (Statements.MayLeaveValues(view, end))
        {
            code.Add(Instruction.Of(Opcode.Br, 2));
        }

        code.Add(Instruction.Of(Opcode.End));
        Labels.Copy(body, code, label => label == 0 ? 0 : label + 1);
        code.Add(Instruction.Of(Opcode.End));
        code.Add(Instruction.Of(Opcode.End));
        return new Edit(at, end + 1, code.ToArray());
    }
}
