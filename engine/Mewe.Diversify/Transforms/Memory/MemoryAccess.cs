using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Memory;

/// <summary>What the memory transforms share about accesses.</summary>
internal static class MemoryAccess
{
    /// <summary>Another access to the same address; its width must be the same, so that the alignment stays valid.</summary>
    public static Instruction As(Opcode opcode, Instruction access) =>
        Instruction.Memory(opcode, access.Bits, access.Index2, access.Index);

    /// <summary>Reachable instructions of a range of the opcode table.</summary>
    public static IEnumerable<Site> Sites(FunctionView view, Opcode first, Opcode last)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (view[i].Opcode >= first && view[i].Opcode <= last && view.IsReachable(i))
            {
                yield return new Site(i);
            }
        }
    }

    /// <summary>True where no other thread can see or change the memory between two accesses, and addresses are i32.</summary>
    public static bool IsPrivate32(FunctionView view, uint memory) =>
        memory < view.Module.Memories.Length && !view.Module.Memories[(int)memory].Limits.Shared && !view.Module.Memories[(int)memory].Limits.Is64;

    /// <summary>
    /// An upper bound (as an unsigned number) of the i32 that a tree computes, from its shape alone: masks, shifts, narrow loads, comparisons, constants and what is computed
    /// from them without wrapping.
    /// </summary>
    public static uint UpperBound(FunctionView view, int end, int depth = 12)
    {
        ref readonly var root = ref view[end];
        switch (root.Opcode)
        {
            case Opcode.I32Const:
                return (uint)root.I32;
            case Opcode.I32Load8U:
                return 0xFF;
            case Opcode.I32Load16U:
                return 0xFFFF;
            case >= Opcode.I32Eqz and <= Opcode.F64Ge:
                return 1;
            case Opcode.I32Clz or Opcode.I32Ctz or Opcode.I32Popcnt:
                return 32;
        }

        if (depth == 0 || !view.IsTree(end) || view.OperandCount(end) != 2)
        {
            return uint.MaxValue;
        }

        var right = end - 1;
        var left = view.OperandsStart(right) - 1;
        switch (root.Opcode)
        {
            case Opcode.I32And:
                return Math.Min(UpperBound(view, left, depth - 1), UpperBound(view, right, depth - 1));
            case Opcode.I32ShrU when view[right].Opcode == Opcode.I32Const:
                return UpperBound(view, left, depth - 1) >> (view[right].I32 & 31);
            case Opcode.I32Shl when view[right].Opcode == Opcode.I32Const:
                return Fit((ulong)UpperBound(view, left, depth - 1) << (view[right].I32 & 31));
            case Opcode.I32Add:
                return Fit((ulong)UpperBound(view, left, depth - 1) + UpperBound(view, right, depth - 1));
            case Opcode.I32Mul:
                return Fit((ulong)UpperBound(view, left, depth - 1) * UpperBound(view, right, depth - 1));
            default:
                return uint.MaxValue;
        }
    }

    private static uint Fit(ulong value) => (uint)Math.Min(value, uint.MaxValue);
}
