using Mewe.Wasm;

namespace Mewe.Equivalence.Testing;

/// <summary>Which instructions give a NaN whose bits the specification leaves open, and of what shape.</summary>
internal static class FloatResults
{
    private static readonly (ValueType Type, bool Doubles)?[] Shapes =
        [.. Enumerable.Range(0, OpcodeTable.Size).Select(code => OpcodeTable.Find(code) is { } info ? Compute(info) : null)];

    /// <summary>Type, and for a vector whether its lanes are f64; null where all bits of the result are determined.</summary>
    public static (ValueType Type, bool Doubles)? Canonicalized(Opcode opcode) => Shapes[(int)opcode];

    private static (ValueType Type, bool Doubles)? Compute(OpcodeInfo info)
    {
        var isFloat = (info.Effects & Effects.FloatArithmetic) != 0 || ((info.Effects & Effects.NonDeterministic) != 0 && info.Name[0] == 'f');

        // pmin and pmax give one of their operands, bit by bit.
        if (!isFloat || info.Opcode is Opcode.F32x4Pmin or Opcode.F32x4Pmax or Opcode.F64x2Pmin or Opcode.F64x2Pmax)
        {
            return null;
        }

        return (ValueType.FromLetter(info.Results[0]), info.Name.StartsWith("f64x2", StringComparison.Ordinal));
    }
}
