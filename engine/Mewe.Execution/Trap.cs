namespace Mewe.Execution;

/// <summary>Why a call ended abnormally. The numbers are part of the worker protocol.</summary>
public enum TrapKind
{
    /// <summary>No trap.</summary>
    None = 0,
    Unreachable = 1,
    IntegerDivideByZero = 2,

    /// <summary>A division whose quotient does not fit.</summary>
    IntegerOverflow = 3,
    OutOfBoundsMemory = 4,

    /// <summary>A table access out of bounds, an element segment that does not fit, or an indirect call past the table's end.</summary>
    OutOfBoundsTable = 5,

    /// <summary>An indirect call to a function of another type, or to a null entry: V8 does not tell these apart.</summary>
    IndirectCallTypeMismatch = 6,
    NullReference = 7,

    /// <summary>A float that is NaN or out of range for the integer. Wasmtime calls the latter an <see cref="IntegerOverflow"/>, which runs correct and sessions and sweeps do not.</summary>
    InvalidConversionToInteger = 8,

    /// <summary>The call stack ran out. It depends on the machine, so it never decides a comparison.</summary>
    StackExhaustion = 9,

    /// <summary>Not a trap but an exception of the module that nobody caught.</summary>
    Exception = 10,
    CastFailure = 11,
    OutOfBoundsArray = 12,
    UnalignedAtomic = 13,

    /// <summary>An allocation that the engine refuses: a GC array that is too large.</summary>
    OutOfMemory = 14,

    /// <summary>A value that the host's interface cannot carry, or an error thrown by a host function.</summary>
    Host = 15,
    Other = 16,
}

/// <summary>A trap or an uncaught exception.</summary>
/// <param name="Kind">Which one.</param>
/// <param name="Message">The engine's words.</param>
public sealed record WasmTrap(TrapKind Kind, string Message);
