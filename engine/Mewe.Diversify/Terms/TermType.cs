using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Terms;

/// <summary>The types that terms can have, in a byte.</summary>
internal enum TermType : byte
{
    None,
    I32,
    I64,
    F32,
    F64,
    V128,
}

/// <summary>Conversions to <see cref="TermType"/>.</summary>
internal static class TermTypes
{
    private static readonly TermType[] Results = new TermType[OpcodeTable.Size];

    static TermTypes()
    {
        foreach (var info in OpcodeTable.All)
        {
            Results[(int)info.Opcode] = OpcodeShapes.ResultLetter[(int)info.Opcode] is var letter and not ('\0' or 'a') ? Of(ValueType.FromLetter(letter)) : TermType.None;
        }
    }

    public static TermType Of(ValueType type) =>
        type == ValueType.I32 ? TermType.I32 : type == ValueType.I64 ? TermType.I64 : type == ValueType.F32 ? TermType.F32
        : type == ValueType.F64 ? TermType.F64 : type == ValueType.V128 ? TermType.V128 : TermType.None;

    /// <summary>By the instruction's signature.</summary>
    public static TermType OfResult(Opcode opcode) => Results[(int)opcode];
}
