using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Memory;

/// <summary>
/// Reads 4 or 8 bytes in two halves and joins them. Either half out of bounds traps as the whole does, and nothing is written in between, so a trap looks the same. Only where
/// nobody else can write in between (not shared), and where the offset of the upper half does not wrap. Stores are not split: half a store would be seen behind a trap.
/// </summary>
public sealed class LoadSplitTransform : ISiteTransform
{
    public string Name => "load-split";

    public bool Applies(FunctionView view) => true;

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (view[i].Opcode is Opcode.I32Load or Opcode.I64Load or Opcode.I32Load16U or Opcode.I64Load32U && view.IsReachable(i)
                && MemoryAccess.IsPrivate32(view, view[i].Index) && view[i].Bits < 0x7FFF_FFFF)
            {
                yield return new Site(i);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        if (!context.HasRoomForLocals())
        {
            return null;
        }

        var load = view[site.At];
        var (half, bytes) = load.Opcode switch
        {
            Opcode.I32Load => (Opcode.I32Load16U, 2u),
            Opcode.I64Load => (Opcode.I64Load32U, 4u),
            Opcode.I32Load16U => (Opcode.I32Load8U, 1u),
            _ => (Opcode.I64Load16U, 2u),
        };
        var wide = half is Opcode.I64Load32U or Opcode.I64Load16U;
        var alignment = Math.Min(load.Index2, (uint)System.Numerics.BitOperations.Log2(bytes));
        var low = Instruction.Memory(half, load.Bits, alignment, load.Index);
        var high = Instruction.Memory(half, load.Bits + bytes, alignment, load.Index);
        var random = context.Random;
        var highFirst = random.OneIn(2);
        var address = context.AddLocal(ValueType.I32);
        var output = context.Scratch();
        var shift = wide ? Instruction.I64Const(bytes * 8) : Instruction.I32Const((int)bytes * 8);
        var shl = Instruction.Of(wide ? Opcode.I64Shl : Opcode.I32Shl);
        output.Add(Instruction.LocalTee(address));
        output.Add(highFirst ? high : low);
        if (highFirst)
        {
            output.Add(shift);
            output.Add(shl);
        }

        output.Add(Instruction.LocalGet(address));
        output.Add(highFirst ? low : high);
        if (!highFirst)
        {
            output.Add(shift);
            output.Add(shl);
        }

        output.Add(Instruction.Of(random.Below(3) switch
        {
            0 => wide ? Opcode.I64Add : Opcode.I32Add,
            1 => wide ? Opcode.I64Xor : Opcode.I32Xor,
            _ => wide ? Opcode.I64Or : Opcode.I32Or,
        }));
        return new Edit(site.At, site.At + 1, output.ToArray());
    }
}
