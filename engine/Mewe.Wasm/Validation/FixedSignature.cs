namespace Mewe.Wasm.Validation;

/// <summary>The signatures of <see cref="OpcodeTable"/> as types, looked up by opcode. The address type of a memory stands as <see cref="Address"/>.</summary>
internal sealed class FixedSignature
{
    /// <summary>Stands for i32 or i64, as the memory of the instruction has it; no value has the bottom type by signature, so that it is free.</summary>
    public static readonly ValueType Address = ValueType.Bottom;

    private static readonly FixedSignature?[] ByOpcode = Build();

    private FixedSignature(OpcodeInfo info)
    {
        Operands = [.. info.Operands.Select(Type)];
        Results = [.. info.Results.Select(Type)];
        Immediate = info.Immediate;
        AlignmentExponent = info.AccessBytes == 0 ? 0 : int.Log2(info.AccessBytes);
        LaneCount = info.LaneCount;
        ExactAlignment = (info.Effects & Effects.Atomic) != 0;
    }

    public ValueType[] Operands { get; }

    public ValueType[] Results { get; }

    public ImmediateKind Immediate { get; }

    public int AlignmentExponent { get; }

    public int LaneCount { get; }

    /// <summary>Atomic accesses take no smaller alignment than the natural one.</summary>
    public bool ExactAlignment { get; }

    /// <summary>Null for an instruction whose type the table leaves to the validator.</summary>
    public static FixedSignature? Of(Opcode opcode) => ByOpcode[(int)opcode];

    private static ValueType Type(char letter) => letter == 'a' ? Address : ValueType.FromLetter(letter);

    private static FixedSignature?[] Build()
    {
        var signatures = new FixedSignature?[OpcodeTable.Size];
        foreach (var info in OpcodeTable.All.Where(info => info.HasFixedSignature))
        {
            signatures[(int)info.Opcode] = new FixedSignature(info);
        }

        return signatures;
    }
}
