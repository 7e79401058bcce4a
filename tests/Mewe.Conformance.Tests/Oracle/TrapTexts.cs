using System.Collections.Frozen;
using Mewe.Execution;

namespace Mewe.Conformance.Tests.Oracle;

/// <summary>Which traps of the engine the specification's words for a trap stand for.</summary>
public static class TrapTexts
{
    private static readonly FrozenDictionary<string, TrapKind[]> Kinds = new Dictionary<string, TrapKind[]>(StringComparer.Ordinal)
    {
        ["unreachable"] = [TrapKind.Unreachable],
        ["integer divide by zero"] = [TrapKind.IntegerDivideByZero],
        ["integer overflow"] = [TrapKind.IntegerOverflow, TrapKind.InvalidConversionToInteger], // also of a float too large for the integer
        ["invalid conversion to integer"] = [TrapKind.InvalidConversionToInteger],
        ["out of bounds memory access"] = [TrapKind.OutOfBoundsMemory],
        ["out of bounds table access"] = [TrapKind.OutOfBoundsTable],
        ["undefined element"] = [TrapKind.OutOfBoundsTable],
        ["uninitialized element"] = [TrapKind.NullReference, TrapKind.IndirectCallTypeMismatch],
        ["uninitialized element 2"] = [TrapKind.NullReference, TrapKind.IndirectCallTypeMismatch],
        ["indirect call type mismatch"] = [TrapKind.IndirectCallTypeMismatch],
        ["null reference"] = [TrapKind.NullReference],
        ["null function reference"] = [TrapKind.NullReference],
        ["null array reference"] = [TrapKind.NullReference],
        ["null structure reference"] = [TrapKind.NullReference],
        ["null i31 reference"] = [TrapKind.NullReference],
        ["out of bounds array access"] = [TrapKind.OutOfBoundsArray, TrapKind.OutOfBoundsTable], // the latter where an element segment is the shorter one
        ["cast failure"] = [TrapKind.CastFailure],
        ["unaligned atomic"] = [TrapKind.UnalignedAtomic],
        ["call stack exhausted"] = [TrapKind.StackExhaustion],
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Whether the trap is one that the words stand for.</summary>
    /// <exception cref="KeyNotFoundException">Words that the suite did not use so far.</exception>
    public static bool Fits(string text, TrapKind kind) => Kinds[text].Contains(kind);
}
