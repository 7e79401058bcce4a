using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Control;

/// <summary>
/// Writes a select with branches. Where both values are pure they move into the arms; otherwise all three operands are saved in fresh locals in the order
/// in which they were evaluated.
/// </summary>
/// <remarks>Known ways to be wrong. 2 and 3: a value is evaluated later, or not at all, only where it is pure and may change places with the condition.</remarks>
public sealed class SelectToIf : ISiteTransform
{
    public string Name => "select-to-if";

    public bool Applies(FunctionView view) => true;

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (view[i].Opcode is Opcode.Select or Opcode.SelectTyped && view.IsReachable(i) && view.ResultType(i).IsScalar)
            {
                yield return new Site(i);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var at = site.At;
        var type = view.ResultType(at);
        var code = context.Scratch();
        if (view.OperandsStart(at) is >= 0 and var start)
        {
            var select = view.TreeAt(at);
            var (yes, no, condition) = (select.Operand(0), select.Operand(1), select.Operand(2));
            if (MayMove(yes, condition) && MayMove(no, condition))
            {
                code.AddRange(condition.Instructions);
                code.Add(Instruction.Block(Opcode.If, BlockType.Of(type)));
                code.AddRange(yes.Instructions);
                code.Add(Instruction.Of(Opcode.Else));
                code.AddRange(no.Instructions);
                code.Add(Instruction.Of(Opcode.End));
                return new Edit(start, at + 1, code.ToArray());
            }
        }

        if (!context.HasRoomForLocals(3))
        {
            return null;
        }

        var (first, second) = (context.AddLocal(type), context.AddLocal(type));
        // The condition is on top: it has to wait in a local while the two values below it are taken.
        var saved = context.AddLocal(ValueType.I32);
        code.Add(Instruction.LocalSet(saved));
        code.Add(Instruction.LocalSet(second));
        code.Add(Instruction.LocalSet(first));
        code.Add(Instruction.LocalGet(saved));
        code.Add(Instruction.Block(Opcode.If, BlockType.Of(type)));
        code.Add(Instruction.LocalGet(first));
        code.Add(Instruction.Of(Opcode.Else));
        code.Add(Instruction.LocalGet(second));
        code.Add(Instruction.Of(Opcode.End));
        return new Edit(at, at + 1, code.ToArray());
    }

    private static bool MayMove(Tree value, Tree condition) => value.IsPure && TreeEffects.CanReorder(value.Effects, condition.Effects);
}
