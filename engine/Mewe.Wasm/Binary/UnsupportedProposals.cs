namespace Mewe.Wasm.Binary;

/// <summary>Codes of proposals that Mewe does not read, so that a module that needs one is told so instead of being called malformed.</summary>
internal static class UnsupportedProposals
{
    /// <summary>The proposal that defines a dense opcode (see <see cref="Opcode"/>); null where none is known.</summary>
    public static string? OfOpcode(int code) => code switch
    {
        >= 0x0E0 and <= 0x0E6 => "stack switching",
        >= 0x120 and <= 0x126 => "custom descriptors",
        >= 0x213 and <= 0x216 => "wide arithmetic",
        >= 0x350 and <= 0x37F => "shared-everything threads",
        _ => null,
    };

    /// <summary>The proposal that defines a type form of the type section.</summary>
    public static string? OfTypeForm(byte form) => form switch
    {
        0x4C or 0x4D => "custom descriptors",
        0x5D => "stack switching",
        0x65 => "shared-everything threads",
        _ => null,
    };

    /// <summary>The proposal that defines a value or heap type by its first byte.</summary>
    public static string? OfHeapType(byte code) => code switch
    {
        0x62 => "custom descriptors",
        0x68 or 0x75 => "stack switching",
        0x65 => "shared-everything threads",
        _ => null,
    };

    public static WasmException Error(string? proposal, long offset, string otherwise) => proposal is null
        ? new WasmException(WasmErrorKind.Malformed, offset, otherwise)
        : new WasmException(WasmErrorKind.Unsupported, offset, $"{otherwise}: it belongs to the {proposal} proposal, which is not supported");
}
