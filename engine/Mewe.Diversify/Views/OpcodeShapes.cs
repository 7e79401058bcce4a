using Mewe.Wasm;

namespace Mewe.Diversify.Views;

/// <summary>The opcode table in the form that the stack walk wants: arrays by opcode instead of letters.</summary>
internal static class OpcodeShapes
{
    public static readonly bool[] Fixed = new bool[OpcodeTable.Size];
    public static readonly byte[] Operands = new byte[OpcodeTable.Size];
    public static readonly byte[] Results = new byte[OpcodeTable.Size];

    /// <summary>The result's letter; 'a' where it is an address.</summary>
    public static readonly char[] ResultLetter = new char[OpcodeTable.Size];

    public static readonly Effects[] Effects = new Effects[OpcodeTable.Size];
    public static readonly TrapKinds[] Traps = new TrapKinds[OpcodeTable.Size];

    static OpcodeShapes()
    {
        foreach (var info in OpcodeTable.All)
        {
            var code = (int)info.Opcode;
            Fixed[code] = info.HasFixedSignature;
            Operands[code] = (byte)info.Operands.Length;
            Results[code] = (byte)info.Results.Length;
            ResultLetter[code] = info.Results.Length > 0 ? info.Results[0] : '\0';
            Effects[code] = info.Effects;
            Traps[code] = TrapsOf(info);
        }
    }

    private static TrapKinds TrapsOf(OpcodeInfo info)
    {
        if ((info.Effects & Mewe.Wasm.Effects.Calls) != 0)
        {
            return TrapKinds.Other;
        }

        if ((info.Effects & Mewe.Wasm.Effects.Traps) == 0)
        {
            return TrapKinds.None;
        }

        return info.Opcode switch
        {
            Opcode.I32DivU or Opcode.I32RemU or Opcode.I32RemS or Opcode.I64DivU or Opcode.I64RemU or Opcode.I64RemS => TrapKinds.DivideByZero,
            _ when info.Immediate is ImmediateKind.Memory or ImmediateKind.MemoryLane && (info.Effects & Mewe.Wasm.Effects.Atomic) == 0 => TrapKinds.Memory,
            _ => TrapKinds.Other,
        };
    }
}
