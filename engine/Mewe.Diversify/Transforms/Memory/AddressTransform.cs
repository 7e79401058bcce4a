using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Memory;

/// <summary>
/// Moves a constant between the static offset of an access and its address. The effective address is address + offset without wrapping (33 bits; specification, 4.4.7), while i32.add
/// wraps, so this is right only where the sum cannot reach 2^32: the address is a constant, or its shape bounds it (<see cref="MemoryAccess.UpperBound"/>).
/// Loads only: the address must end directly before the access. Only for 32-bit memories.
/// </summary>
public sealed class AddressTransform : ISiteTransform
{
    public string Name => "address-offset";

    public bool Applies(FunctionView view) => true;

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 1; i < view.Count; i++)
        {
            if (view[i].Info is { Immediate: ImmediateKind.Memory } info && info.Operands == "a" && (info.Effects & Effects.Atomic) == 0 && view.IsReachable(i) && view.OperandsStart(i) >= 0
                && view[i].Index < view.Module.Memories.Length && !view.Module.Memories[(int)view[i].Index].Limits.Is64
                && MemoryAccess.UpperBound(view, i - 1) != uint.MaxValue)
            {
                yield return new Site(i);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var load = view[site.At];
        var address = site.At - 1;
        var random = context.Random;
        if (view[address].Opcode == Opcode.I32Const)
        {
            return MoveConstant(view, site.At, random);
        }

        if (view[address].Opcode == Opcode.I32Add && view[address - 1].Opcode == Opcode.I32Const && random.OneIn(2))
        {
            // UpperBound was below 2^32 - 1, so the addition does not wrap, and its constant can move into the offset if that does not.
            var constant = (uint)view[address - 1].I32;
            return constant + load.Bits <= uint.MaxValue
                ? new Edit(address - 1, site.At + 1, new[] { load.WithOffset(load.Bits + constant) })
                : null;
        }

        if (load.Bits == 0)
        {
            return null;
        }

        var moved = random.OneIn(2) ? load.Bits : 1 + (ulong)random.Below((int)Math.Min(load.Bits, int.MaxValue));
        return MemoryAccess.UpperBound(view, address) + moved > uint.MaxValue
            ? null
            : new Edit(site.At, site.At + 1, new[] { Instruction.I32Const((int)moved), Instruction.Of(Opcode.I32Add), load.WithOffset(load.Bits - moved) });
    }

    /// <summary>Divides the sum of a constant address and the offset anew.</summary>
    private static Edit? MoveConstant(FunctionView view, int at, SeededRandom random)
    {
        var load = view[at];
        var sum = (ulong)(uint)view[at - 1].I32 + load.Bits;
        if (sum > uint.MaxValue)
        {
            return null;
        }

        var address = random.Below(4) switch
        {
            0 => sum,
            1 => 0UL,
            _ => (ulong)(((UInt128)random.NextBits() * (sum + 1)) >> 64),
        };
        return new Edit(at - 1, at + 1, new[] { Instruction.I32Const((int)address), load.WithOffset(sum - address) });
    }
}
