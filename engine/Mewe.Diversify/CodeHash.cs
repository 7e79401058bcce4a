using Mewe.Wasm;

namespace Mewe.Diversify;

/// <summary>
/// A 128-bit hash of code by content, the same in every process (which <see cref="HashCode"/> is not): two lanes of multiply and fold with the constants of
/// wyhash and SplitMix64. Not for secrets; collisions are not to be expected before 2^60 candidates.
/// </summary>
public static class CodeHash
{
    public static UInt128 Of(ReadOnlySpan<ValueType> locals, ReadOnlySpan<Instruction> code, IReadOnlyList<OutlinedFunction>? outlined = null)
    {
        ulong a = 0x9E37_79B9_7F4A_7C15, b = 0xA076_1D64_78BD_642F;
        foreach (var local in locals)
        {
            Add(ref a, ref b, TypeWord(local));
        }

        Add(ref a, ref b, (ulong)locals.Length);
        foreach (ref readonly var instruction in code)
        {
            Add(ref a, ref b, Word(instruction));
        }

        for (var i = 0; i < (outlined?.Count ?? 0); i++)
        {
            var inner = Of([.. outlined![i].Type.Parameters, .. outlined[i].Code.LocalTypes()], outlined[i].Code.Instructions.AsSpan());
            Add(ref a, ref b, (ulong)inner);
        }

        return new UInt128(Finish(a), Finish(b));
    }

    /// <summary>One instruction with its immediates.</summary>
    public static ulong Word(in Instruction instruction)
    {
        var word = Fold(((ulong)instruction.Opcode << 40) ^ ((ulong)instruction.LaneIndex << 56) ^ instruction.Index, 0xE703_7ED1_A0B4_28DB);
        word = Fold(word ^ instruction.Bits, 0x8EBC_6AF0_9C88_C6E3) ^ instruction.Index2;
        return instruction.Payload is null ? word : Fold(word ^ PayloadWord(instruction.Payload), 0x5899_65CC_7537_4CC3);
    }

    private static ulong PayloadWord(InstructionPayload payload)
    {
        ulong word = 1;
        switch (payload)
        {
            case BlockTypePayload block:
                return BlockWord(block.Type);
            case V128Payload v128:
                return Fold(v128.Low, 0x1D8E_4E27_C47D_124F) ^ v128.High;
            case LabelsPayload labels:
                foreach (var label in labels.Labels)
                {
                    word = Fold(word ^ label, 0xEB44_ACCA_B455_D165);
                }

                return word ^ (ulong)labels.Labels.Length;
            case TypesPayload types:
                foreach (var type in types.Types)
                {
                    word = Fold(word ^ TypeWord(type), 0xEB44_ACCA_B455_D165);
                }

                return word;
            case HeapTypePayload heap:
                return (ulong)heap.Heap.Code;
            case CastPayload cast:
                return Fold(TypeWord(cast.From), 0x1D8E_4E27_C47D_124F) ^ TypeWord(cast.To);
            case TryTablePayload table:
                word = BlockWord(table.Type);
                foreach (var clause in table.Clauses)
                {
                    word = Fold(word ^ ((ulong)clause.Kind << 60) ^ ((ulong)clause.Tag << 30) ^ clause.Label, 0xEB44_ACCA_B455_D165);
                }

                return word;
            default:
                return word;
        }
    }

    private static ulong BlockWord(BlockType type) => type.IsIndex ? 0x100_0000UL + type.TypeIndex : type.Result is { } result ? TypeWord(result) : 2;

    private static ulong TypeWord(ValueType type) => type.IsReference
        ? (ulong)(uint)type.Heap.Code ^ (type.IsNullable ? 0x10_0000_0000UL : 0x20_0000_0000UL)
        : type == ValueType.I32 ? 11UL : type == ValueType.I64 ? 12UL : type == ValueType.F32 ? 13UL : type == ValueType.F64 ? 14UL : 15UL;

    private static void Add(ref ulong a, ref ulong b, ulong word)
    {
        a = Fold(a ^ word, 0xA076_1D64_78BD_642F);
        b = Fold(b + word, 0xE703_7ED1_A0B4_28DB) + 0x9E37_79B9_7F4A_7C15;
    }

    private static ulong Fold(ulong x, ulong y)
    {
        var high = Math.BigMul(x ^ 0x2D35_8DCC_AA6C_78A5, y, out var low);
        return high ^ low;
    }

    private static ulong Finish(ulong x)
    {
        x = (x ^ (x >> 30)) * 0xBF58_476D_1CE4_E5B9;
        x = (x ^ (x >> 27)) * 0x94D0_49BB_1331_11EB;
        return x ^ (x >> 31);
    }
}
