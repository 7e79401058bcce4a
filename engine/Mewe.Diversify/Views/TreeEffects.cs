using Mewe.Wasm;

namespace Mewe.Diversify.Views;

/// <summary>Why an expression may trap, as far as reordering needs to know.</summary>
[Flags]
public enum TrapKinds : byte
{
    None = 0,
    /// <summary>A memory access out of bounds.</summary>
    Memory = 1,
    /// <summary>An integer division by zero.</summary>
    DivideByZero = 2,
    /// <summary>Everything else: overflow, conversion, tables, references, calls.</summary>
    Other = 4,
}

/// <summary>
/// What evaluating a range of instructions can do. Locals and globals are sets of 64 (32) bits by index modulo the size: disjoint bits mean
/// disjoint sets, common bits may mean nothing; so every answer is on the safe side.
/// </summary>
public readonly record struct TreeEffects(Effects Effects, TrapKinds Traps, ulong LocalsRead, ulong LocalsWritten, uint GlobalsRead, uint GlobalsWritten)
{
    private const Effects StateWrites = Effects.WritesMemory | Effects.WritesGlobal | Effects.WritesTable | Effects.WritesSegment | Effects.WritesHeap;
    private const Effects StateReads = Effects.ReadsMemory | Effects.ReadsGlobal | Effects.ReadsTable | Effects.ReadsSegment | Effects.ReadsHeap;

    /// <summary>Never moved across anything that does more than compute.</summary>
    private const Effects Pinned = Effects.Atomic | Effects.Control | Effects.Allocates | Effects.NonDeterministic;

    public TreeEffects Union(in TreeEffects other) => new(Effects | other.Effects, Traps | other.Traps, LocalsRead | other.LocalsRead,
        LocalsWritten | other.LocalsWritten, GlobalsRead | other.GlobalsRead, GlobalsWritten | other.GlobalsWritten);

    public bool MayTrap => Traps != TrapKinds.None;

    public bool HasCalls => (Effects & Effects.Calls) != 0;

    /// <summary>
    /// True where the range may be evaluated any number of times, also never, at the same place: it computes from constants, locals and globals only,
    /// cannot trap, and always gives the same bits (no float arithmetic, whose NaN bits are not determined, and no relaxed SIMD).
    /// </summary>
    public bool IsPure => (Effects & ~(Effects.ReadsLocal | Effects.ReadsGlobal)) == 0 && Traps == TrapKinds.None;

    /// <summary>
    /// The one answer to "may these two neighbours be evaluated in the other order?". True only where all of this holds:
    /// <list type="number">
    /// <item>no local, global, memory, table, segment or heap that one writes is read or written by the other (memory as a whole;
    /// <c>memory.size</c> reads it and <c>memory.grow</c> writes it; <c>local.tee</c> writes its local);</item>
    /// <item>where one may trap or calls, the other neither writes state that outlives the function nor calls: the host can look after a trap;</item>
    /// <item>where one calls, the other writes no local either: the call may throw, and a handler in this body may read the local;</item>
    /// <item>where both may trap, both can only trap in the same single way (two loads, two unsigned divisions), so that the trap is the same;</item>
    /// <item>neither is atomic (accesses to shared memories count as atomic), branches, allocates or is non-deterministic, unless the other has no effect at all.</item>
    /// </list>
    /// Float arithmetic may be moved: when it is evaluated does not change which NaN it may give.
    /// </summary>
    public static bool CanReorder(in TreeEffects a, in TreeEffects b)
    {
        if (a.IsInert || b.IsInert)
        {
            return true;
        }

        if (((a.Effects | b.Effects) & Pinned) != 0)
        {
            return false;
        }

        if ((a.LocalsWritten & (b.LocalsRead | b.LocalsWritten)) != 0 || (b.LocalsWritten & a.LocalsRead) != 0)
        {
            return false;
        }

        if ((a.GlobalsWritten & (b.GlobalsRead | b.GlobalsWritten)) != 0 || (b.GlobalsWritten & a.GlobalsRead) != 0)
        {
            return false;
        }

        if (a.HasCalls || b.HasCalls)
        {
            var other = a.HasCalls ? b : a;
            return !(a.HasCalls && b.HasCalls) && !other.MayTrap && (other.Effects & (StateWrites | StateReads | Effects.WritesLocal)) == 0;
        }

        return !StateConflict(a.Effects, b.Effects) && !StateConflict(b.Effects, a.Effects)
            && !(a.MayTrap && (b.Effects & StateWrites) != 0) && !(b.MayTrap && (a.Effects & StateWrites) != 0)
            && !(a.MayTrap && b.MayTrap && !SameSingleTrap(a.Traps, b.Traps));
    }

    /// <summary>Nothing but computing from constants; float arithmetic included.</summary>
    private bool IsInert => (Effects & ~Effects.FloatArithmetic) == 0 && Traps == TrapKinds.None;

    private static bool SameSingleTrap(TrapKinds a, TrapKinds b) => a == b && (a is TrapKinds.Memory or TrapKinds.DivideByZero);

    private static bool StateConflict(Effects writer, Effects other) =>
        ((writer & Effects.WritesMemory) != 0 && (other & (Effects.ReadsMemory | Effects.WritesMemory)) != 0)
        || ((writer & Effects.WritesTable) != 0 && (other & (Effects.ReadsTable | Effects.WritesTable)) != 0)
        || ((writer & Effects.WritesSegment) != 0 && (other & (Effects.ReadsSegment | Effects.WritesSegment)) != 0)
        || ((writer & Effects.WritesHeap) != 0 && (other & (Effects.ReadsHeap | Effects.WritesHeap)) != 0);
}
