using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Locals;

/// <summary>
/// Keeps an integer local under a mask: what is stored is <c>x ^ c</c> or <c>x + c</c>, each set masks and each get unmasks. The local itself holds the masked value, or
/// a fresh one does.
/// </summary>
/// <remarks>
/// Known ways to be wrong. 7: the masked value is set at entry, from the parameter's value or from the zero that a local starts with. In unreachable code accesses
/// stay as they are. 1: a tee masks for the local and unmasks for the stack, and evaluates its operand once.
/// </remarks>
public sealed class MaskedLocal : IWholeTransform
{
    public string Name => "masked-local";

    public bool Applies(FunctionView view)
    {
        foreach (var type in view.Locals)
        {
            if (type.IsInteger)
            {
                return true;
            }
        }

        return false;
    }

    public WholeBody? Rewrite(FunctionView view, RewriteContext context)
    {
        if (!context.HasRoomForLocals() || !context.Spend(view.Count)
            || LocalUses.Pick(view, context, candidate => view.LocalType(candidate).IsInteger) is not { } local)
        {
            return null;
        }

        var types = LocalUses.Declared(view);
        var wide = view.LocalType(local) == ValueType.I64;
        var kept = local;
        if (context.Random.OneIn(2))
        {
            kept = (uint)view.LocalCount;
            types.Add(view.LocalType(local));
        }

        var number = context.Random.OneIn(2) ? context.Random.NextBits() : (ulong)context.Random.Between(1, 255);
        var mask = wide ? Instruction.I64Const((long)number) : Instruction.I32Const((int)number);
        return new WholeBody(types, Mask(view, local, kept, [mask], xor: context.Random.OneIn(2)));
    }

    /// <summary>The body with a local under a mask.</summary>
    /// <param name="kept">The local that holds the masked value: itself, or a fresh one of its type.</param>
    /// <param name="mask">Pushes the mask, the same value wherever it stands, and does nothing else.</param>
    /// <param name="xor">The mask is joined by exclusive or; else it is added.</param>
    internal static List<Instruction> Mask(FunctionView view, uint local, uint kept, ReadOnlySpan<Instruction> mask, bool xor)
    {
        var wide = view.LocalType(local) == ValueType.I64;
        var on = Instruction.Of(xor ? (wide ? Opcode.I64Xor : Opcode.I32Xor) : wide ? Opcode.I64Add : Opcode.I32Add);
        var off = Instruction.Of(xor ? on.Opcode : wide ? Opcode.I64Sub : Opcode.I32Sub);

        var code = new List<Instruction>(view.Count + 64);
        if (local < view.ParameterCount)
        {
            code.Add(Instruction.LocalGet(local));
            code.AddRange(mask);
            code.Add(on);
        }
        else
        {
            code.AddRange(mask);
        }

        code.Add(Instruction.LocalSet(kept));

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
                code.AddRange(mask);
                code.Add(on);
            }

            code.Add(instruction.WithIndex(kept));
            if (instruction.Opcode != Opcode.LocalSet)
            {
                code.AddRange(mask);
                code.Add(off);
            }
        }

        return code;
    }
}
