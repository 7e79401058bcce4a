using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Control;

/// <summary>Loops that transforms may copy.</summary>
internal static class Loops
{
    /// <summary>Reachable loops without parameters whose body is not longer than so many instructions.</summary>
    public static IEnumerable<Site> Sites(FunctionView view, int longest)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (view[i].Opcode == Opcode.Loop && view.IsReachable(i) && view.OperandCount(i) == 0 && view.MatchingEnd(i) - i <= longest)
            {
                yield return new Site(i);
            }
        }
    }

    /// <summary>Begins code in which the body of a loop stands twice, in a block with the loop's results; null where there is no fuel for it.</summary>
    public static (int At, int End, List<Instruction> Code)? BeginTwice(FunctionView view, Site site, RewriteContext context)
    {
        var (at, end) = (site.At, view.MatchingEnd(site.At));
        if (!context.Spend(2 * (end - at)))
        {
            return null;
        }

        var code = context.Scratch();
        code.Add(Instruction.Block(Opcode.Block, view[at].BlockType));
        return (at, end, code);
    }
}
