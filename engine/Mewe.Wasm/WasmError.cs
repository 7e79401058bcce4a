namespace Mewe.Wasm;

/// <summary>Why a module is refused.</summary>
public enum WasmErrorKind
{
    /// <summary>The bytes are no module (specification, chapter 5).</summary>
    Malformed,
    /// <summary>The module does not validate (chapter 3).</summary>
    Invalid,
    /// <summary>A proposal that Mewe does not know, or a component.</summary>
    Unsupported,
    /// <summary>Larger than <see cref="Limits"/> allows.</summary>
    LimitExceeded,
}

/// <summary>What is wrong with a module, and where. <paramref name="Offset"/> counts bytes from the start of the module.</summary>
public sealed record WasmError(WasmErrorKind Kind, long Offset, string Message)
{
    public override string ToString() => $"{Kind switch
    {
        WasmErrorKind.Malformed => "malformed module",
        WasmErrorKind.Invalid => "invalid module",
        WasmErrorKind.Unsupported => "unsupported module",
        _ => "module too large",
    }}: {Message} (at byte {Offset}, 0x{Offset:x})";
}

/// <summary>Carries a <see cref="WasmError"/> out of the depths of a decoder; the public entry points also give it as a value.</summary>
public sealed class WasmException(WasmError error) : Exception(error.ToString())
{
    public WasmException(WasmErrorKind kind, long offset, string message) : this(new WasmError(kind, offset, message))
    {
    }

    public WasmError Error { get; } = error;
}
