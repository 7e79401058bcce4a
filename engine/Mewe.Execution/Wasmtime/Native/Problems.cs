using System.Text;

namespace Mewe.Execution.Wasmtime.Native;

/// <summary>What the library says went wrong, translated and freed.</summary>
internal static class Problems
{
    private const string CauseHeading = "Caused by:";
    private const int LongestMessage = 1000;

    /// <summary>Frees an error and gives its message, causes included, in one line.</summary>
    public static string TakeError(nint error)
    {
        Api.ErrorMessage(error, out var bytes);
        Api.DeleteError(error);
        return TakeText(ref bytes);
    }

    /// <summary>Frees an error where there is one.</summary>
    /// <exception cref="InvalidOperationException">There was one: Mewe misused the library.</exception>
    public static void ThrowOnError(nint error)
    {
        if (error != 0)
        {
            throw new InvalidOperationException($"Wasmtime refused: {TakeError(error)}");
        }
    }

    /// <summary>Frees a trap that is none of an instruction, and gives its message.</summary>
    public static string TakeTrapMessage(nint trap)
    {
        Api.TrapMessage(trap, out var bytes);
        Api.DeleteTrap(trap);
        return TakeText(ref bytes);
    }

    /// <summary>Which kind of trap a code is. V8 does not tell an indirect call of a null entry from one of another type, so neither do we.</summary>
    public static TrapKind KindOf(TrapCode code) => code switch
    {
        TrapCode.StackOverflow => TrapKind.StackExhaustion,
        TrapCode.MemoryOutOfBounds => TrapKind.OutOfBoundsMemory,
        TrapCode.HeapMisaligned => TrapKind.UnalignedAtomic,
        TrapCode.TableOutOfBounds => TrapKind.OutOfBoundsTable,
        TrapCode.IndirectCallToNull or TrapCode.BadSignature => TrapKind.IndirectCallTypeMismatch,
        TrapCode.IntegerOverflow => TrapKind.IntegerOverflow,
        TrapCode.IntegerDivisionByZero => TrapKind.IntegerDivideByZero,
        TrapCode.BadConversionToInteger => TrapKind.InvalidConversionToInteger,
        TrapCode.Unreachable => TrapKind.Unreachable,
        TrapCode.NullReference => TrapKind.NullReference,
        TrapCode.ArrayOutOfBounds => TrapKind.OutOfBoundsArray,
        TrapCode.AllocationTooLarge => TrapKind.OutOfMemory,
        TrapCode.CastFailure => TrapKind.CastFailure,
        _ => TrapKind.Other,
    };

    /// <summary>The words for a trap of a kind. The library's own contain a stack trace, in which a variant differs from its original.</summary>
    public static string TextOf(TrapKind kind) => kind switch
    {
        TrapKind.Unreachable => "unreachable",
        TrapKind.IntegerDivideByZero => "integer divide by zero",
        TrapKind.IntegerOverflow => "integer overflow",
        TrapKind.OutOfBoundsMemory => "out of bounds memory access",
        TrapKind.OutOfBoundsTable => "out of bounds table access",
        TrapKind.IndirectCallTypeMismatch => "indirect call to a null entry or a function of another type",
        TrapKind.NullReference => "null reference",
        TrapKind.InvalidConversionToInteger => "invalid conversion to integer",
        TrapKind.StackExhaustion => "call stack exhausted",
        TrapKind.Exception => "an exception of the module was not caught",
        TrapKind.CastFailure => "cast failure",
        TrapKind.OutOfBoundsArray => "out of bounds array access",
        TrapKind.UnalignedAtomic => "unaligned atomic",
        TrapKind.OutOfMemory => "an allocation is too large",
        _ => "trap",
    };

    private static string TakeText(ref ByteVector bytes)
    {
        var text = Encoding.UTF8.GetString(bytes.Span).TrimEnd('\0');
        Api.DeleteBytes(ref bytes);
        var trace = text.IndexOf("Stack backtrace:", StringComparison.Ordinal);
        var lines = (trace < 0 ? text : text[..trace]).Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Where(line => line != CauseHeading);
        var joined = string.Join(": ", lines);
        return joined.Length <= LongestMessage ? joined : joined[..LongestMessage] + "…";
    }
}
