using Mewe.Wasm;

namespace Mewe.Equivalence.Testing;

/// <summary>What loads, stores and atomics do to memory, computed from the opcode table once.</summary>
internal static class MemoryAccess
{
    private static readonly int[] Widths = [.. Enumerable.Range(0, OpcodeTable.Size).Select(code => OpcodeTable.Find(code) is { } info ? Compute(info) : 0)];

    private static readonly bool[] Writing = [.. Enumerable.Range(0, OpcodeTable.Size).Select(code => OpcodeTable.Find(code) is { } info && IsWriting(info))];

    /// <summary>How many bytes it accesses: the width that its name spells out, else that of the value type. 0 for all other instructions.</summary>
    public static int Width(Opcode opcode) => Widths[(int)opcode];

    /// <summary>Whether it may change memory. The table marks atomic loads as writing, because they must not be moved; they change nothing.</summary>
    public static bool Writes(Opcode opcode) => Writing[(int)opcode];

    private static bool IsWriting(OpcodeInfo info) =>
        (info.Effects & Effects.WritesMemory) != 0 && !info.Name.Contains(".load", StringComparison.Ordinal);

    private static int Compute(OpcodeInfo info)
    {
        if (info.Immediate is not (ImmediateKind.Memory or ImmediateKind.MemoryLane))
        {
            return 0;
        }

        var name = info.Name;
        var verb = name.Split('.').Skip(1).First(part => part != "atomic");
        var digits = string.Concat(verb.SkipWhile(letter => !char.IsAsciiDigit(letter)).TakeWhile(char.IsAsciiDigit));
        if (verb.Contains('x') && verb.StartsWith("load", StringComparison.Ordinal))
        {
            return 8; // load8x8, load16x4, load32x2
        }

        return digits.Length > 0 ? int.Parse(digits, System.Globalization.CultureInfo.InvariantCulture) / 8
            : name.StartsWith("v128", StringComparison.Ordinal) ? 16
            : name.StartsWith("i32", StringComparison.Ordinal) || name.StartsWith("f32", StringComparison.Ordinal) || name.EndsWith("notify", StringComparison.Ordinal) ? 4
            : 8;
    }
}
