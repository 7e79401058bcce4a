using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Locals;

/// <summary>Keeps two i32 locals in the halves of a fresh i64 local.</summary>
/// <remarks>
/// Known ways to be wrong. 7: both halves start as zero, and parameters are packed at entry. 2: a set reads the other half after its value has been evaluated, which may
/// have written that half. Accesses in unreachable code stay.
/// </remarks>
public sealed class LocalPacking : IWholeTransform
{
    private const long Low = 0xFFFF_FFFF;

    public string Name => "local-packing";

    public bool Applies(FunctionView view) => view.Locals.Count(ValueType.I32) >= 2;

    public WholeBody? Rewrite(FunctionView view, RewriteContext context)
    {
        if (!context.HasRoomForLocals() || !context.Spend(view.Count)
            || LocalUses.Pick(view, context, candidate => view.LocalType(candidate) == ValueType.I32) is not { } low
            || LocalUses.Pick(view, context, candidate => candidate != low && view.LocalType(candidate) == ValueType.I32) is not { } high)
        {
            return null;
        }

        var types = LocalUses.Declared(view);
        var pair = (uint)view.LocalCount;
        types.Add(ValueType.I64);
        var code = new List<Instruction>(view.Count + 64);
        foreach (var local in new[] { low, high })
        {
            if (local < view.ParameterCount)
            {
                code.Add(Instruction.LocalGet(local));
                Set(code, pair, local == high);
            }
        }

        for (var i = 0; i < view.Count; i++)
        {
            ref readonly var instruction = ref view[i];
            if (!view.IsReachable(i) || !(LocalUses.IsOf(instruction, low) || LocalUses.IsOf(instruction, high)))
            {
                code.Add(instruction);
                continue;
            }

            if (instruction.Opcode != Opcode.LocalGet)
            {
                Set(code, pair, instruction.Index == high);
            }

            if (instruction.Opcode != Opcode.LocalSet)
            {
                Get(code, pair, instruction.Index == high);
            }
        }

        return new WholeBody(types, code);
    }

    private static void Get(List<Instruction> code, uint pair, bool high)
    {
        code.Add(Instruction.LocalGet(pair));
        if (high)
        {
            code.Add(Instruction.I64Const(32));
            code.Add(Instruction.Of(Opcode.I64ShrU));
        }

        code.Add(Instruction.Of(Opcode.I32WrapI64));
    }

    /// <summary>Takes an i32 from the stack into a half, and leaves the other half as it is.</summary>
    private static void Set(List<Instruction> code, uint pair, bool high)
    {
        code.Add(Instruction.Of(Opcode.I64ExtendI32U));
        if (high)
        {
            code.Add(Instruction.I64Const(32));
            code.Add(Instruction.Of(Opcode.I64Shl));
        }

        code.Add(Instruction.LocalGet(pair));
        code.Add(Instruction.I64Const(high ? Low : ~Low));
        code.Add(Instruction.Of(Opcode.I64And));
        code.Add(Instruction.Of(Opcode.I64Or));
        code.Add(Instruction.LocalSet(pair));
    }
}
