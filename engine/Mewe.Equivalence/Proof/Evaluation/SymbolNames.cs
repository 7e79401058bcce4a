namespace Mewe.Equivalence.Proof.Evaluation;

/// <summary>
/// What the symbols of a program point are called: the values on its stack or among its parameters by their position, then immutable globals, then the slots of the visible state
/// (<see cref="StateLayout"/>), then what the blind word holds at the positions of a variant that read it. Functions have far fewer values than the ranges have room for (a module's limits see to it), so names never meet.
/// </summary>
internal static class SymbolNames
{
    /// <summary>The program point of what is there when the functions are entered.</summary>
    public const int Entry = 0;

    private const ulong FirstImmutableGlobal = 1_000_000, FirstSlot = 2_000_000, FirstBlindWord = 1UL << 40;

    public static ulong ImmutableGlobal(uint global) => FirstImmutableGlobal + global;

    public static ulong Slot(int slot) => FirstSlot + (ulong)slot;

    /// <summary>Of the entry: any value, whatever else is known. It is another one for every position.</summary>
    public static ulong BlindWord(int position) => FirstBlindWord + (ulong)position;

    /// <summary>The parameter that a symbol of the entry stands for, or null.</summary>
    public static int? ParameterOf(ulong name) => name < FirstImmutableGlobal ? (int)name : null;

    /// <summary>The slot of the visible state that a symbol stands for, or null.</summary>
    public static int? SlotOf(ulong name) => name is >= FirstSlot and < FirstBlindWord ? (int)(name - FirstSlot) : null;
}
