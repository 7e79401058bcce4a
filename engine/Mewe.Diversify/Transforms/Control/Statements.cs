using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Control;

/// <summary>
/// Where a block's code can be cut: positions where everything that the block itself pushed has been taken again, so that code between two of them
/// neither takes a value from outside nor leaves one.
/// </summary>
internal static class Statements
{
    /// <summary>Operand stack height below a block's own values; -1 is the body.</summary>
    public static int Base(FunctionView view, int opener) => opener < 0 ? 0 : view.HeightBefore(opener) - view.OperandCount(opener);

    /// <summary>The block whose code ends at or contains a position: for an end or else its own block.</summary>
    public static int FrameOf(FunctionView view, int at) => IsBorder(view[at]) ? view.Opener(at) : view.Enclosing(at);

    /// <summary>True where control can come from the instruction before; false behind a branch, where the stack is polymorphic.</summary>
    public static bool FallsThrough(FunctionView view, int at) => at == 0 || (view.IsReachable(at - 1) && !view[at - 1].EndsControl);

    /// <summary>
    /// True where values may stand on the stack before the end of a block: those with which control reaches it, or those that code behind a branch pushes, which never runs
    /// and is validated all the same. Right behind a branch there are none.
    /// </summary>
    public static bool MayLeaveValues(FunctionView view, int end) => end == 0 || !view[end - 1].EndsControl;

    /// <summary>True where code can be cut before an instruction: reachable, and nothing of its block is on the stack.</summary>
    public static bool IsCut(FunctionView view, int at) => FallsThrough(view, at) && view.HeightBefore(at) == Base(view, FrameOf(view, at));

    /// <summary>The next cut behind a cut in the same block, or -1 where its block ends before one (with results, or unreachable).</summary>
    public static int Next(FunctionView view, int cut)
    {
        var at = cut;
        while (!IsBorder(view[at]))
        {
            at = view[at].OpensBlock ? view.MatchingEnd(at) + 1 : at + 1;
            if (at >= view.Count)
            {
                return -1;
            }

            if (IsCut(view, at))
            {
                return at;
            }
        }

        return -1;
    }

    /// <summary>The position behind an instruction or behind the whole block that it opens.</summary>
    public static int Behind(FunctionView view, int at) => view[at].OpensBlock ? view.MatchingEnd(at) + 1 : at + 1;

    /// <summary>The instruction that ends the arm that a cut is in: end, else, catch, catch_all or delegate.</summary>
    public static int ArmEnd(FunctionView view, int at)
    {
        while (!IsBorder(view[at]))
        {
            at = Behind(view, at);
        }

        return at;
    }

    /// <summary>End, else, catch, catch_all, delegate: they stand outside of what they end.</summary>
    public static bool IsBorder(in Instruction instruction) =>
        instruction.Opcode is Opcode.End or Opcode.Else or Opcode.Catch or Opcode.CatchAll or Opcode.Delegate;

    /// <summary>
    /// True where a body has a local without a default value: whether it has been set counts only to the end of a block, so that adding or removing a block,
    /// or moving code, could make the body invalid.
    /// </summary>
    public static bool HasUnsetLocals(FunctionView view)
    {
        foreach (var type in view.Locals[view.ParameterCount..])
        {
            if (!type.IsDefaultable)
            {
                return true;
            }
        }

        return false;
    }
}
