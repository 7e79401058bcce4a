using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Locals;

/// <summary>Keeps an i32 local in a fresh i64 local: sets extend, with either sign, and gets wrap, which gives back the same 32 bits.</summary>
/// <remarks>Known ways to be wrong. 7: zero is zero in both widths; a parameter is copied at entry. Unreachable accesses stay with the old local.</remarks>
public sealed class WidenedLocal : IWholeTransform
{
    public string Name => "widened-local";

    public bool Applies(FunctionView view) => view.Locals.Contains(ValueType.I32);

    public WholeBody? Rewrite(FunctionView view, RewriteContext context)
    {
        if (!context.HasRoomForLocals() || !context.Spend(view.Count)
            || LocalUses.Pick(view, context, candidate => view.LocalType(candidate) == ValueType.I32) is not { } local)
        {
            return null;
        }

        var types = LocalUses.Declared(view);
        var wide = (uint)view.LocalCount;
        types.Add(ValueType.I64);
        var extend = Instruction.Of(context.Random.OneIn(2) ? Opcode.I64ExtendI32S : Opcode.I64ExtendI32U);
        var wrap = Instruction.Of(Opcode.I32WrapI64);
        var code = new List<Instruction>(view.Count + 64);
        if (local < view.ParameterCount)
        {
            code.AddRange([Instruction.LocalGet(local), extend, Instruction.LocalSet(wide)]);
        }

        for (var i = 0; i < view.Count; i++)
        {
            ref readonly var instruction = ref view[i];
            if (!LocalUses.IsOf(instruction, local) || !view.IsReachable(i))
            {
                code.Add(instruction);
                continue;
            }

            if (instruction.Opcode != Opcode.LocalGet)
            {
                code.Add(extend);
            }

            code.Add(instruction.WithIndex(wide));
            if (instruction.Opcode != Opcode.LocalSet)
            {
                code.Add(wrap);
            }
        }

        return new WholeBody(types, code);
    }
}
