using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Locals;

/// <summary>
/// Keeps a value in a fresh local: behind the instruction that pushes it come <c>local.set t, local.get t</c>; or all operands of an instruction are saved in the order of
/// their evaluation and read back before it.
/// </summary>
/// <remarks>Known ways to be wrong. 1 and 2: nothing is evaluated twice or in another order; between set and get stand only sets and gets of fresh locals.</remarks>
public sealed class SpillToLocal : ISiteTransform
{
    public string Name => "spill-to-local";

    public bool Applies(FunctionView view) => true;

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (!view.IsReachable(i) || view[i].OpensBlock || view[i].EndsControl)
            {
                continue;
            }

            if (view.ResultCount(i) == 1 && view.ResultType(i).IsScalar && view.OperandCount(i) > 0 && view[i].Opcode != Opcode.LocalTee && !IsSaved(view, i))
            {
                yield return new Site(i);
            }

            if (view.OperandCount(i) is 2 or 3 && HasScalarOperands(view, i))
            {
                yield return new Site(i, 1);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var at = site.At;
        if (site.Choice == 0)
        {
            if (!context.HasRoomForLocals())
            {
                return null;
            }

            var saved = context.AddLocal(view.ResultType(at));
            return new Edit(at + 1, at + 1, new[] { Instruction.LocalSet(saved), Instruction.LocalGet(saved) });
        }

        var count = view.OperandCount(at);
        if (!context.HasRoomForLocals(count))
        {
            return null;
        }

        var code = context.Scratch();
        var first = (uint)context.Locals.Count;
        for (var k = 0; k < count; k++)
        {
            code.Add(Instruction.LocalSet(context.AddLocal(view.OperandType(at, k))));
        }

        for (var k = count - 1; k >= 0; k--)
        {
            code.Add(Instruction.LocalGet(first + (uint)k));
        }

        return new Edit(at, at, code.ToArray());
    }

    private static bool IsSaved(FunctionView view, int at) => at + 1 < view.Count && view[at + 1].Opcode is Opcode.LocalSet or Opcode.LocalTee or Opcode.Drop;

    private static bool HasScalarOperands(FunctionView view, int at)
    {
        for (var k = 0; k < view.OperandCount(at); k++)
        {
            if (!view.OperandType(at, k).IsScalar)
            {
                return false;
            }
        }

        // Saving what was only just read from saved values again would add the same layer over and over.
        return view[at - 1].Opcode is not (Opcode.LocalGet or Opcode.I32Const or Opcode.I64Const);
    }
}
