using System.Globalization;
using System.Text;

namespace Mewe.Execution.Wasmtime;

/// <summary>
/// Which Wasmtime a library is. The C API has no function that tells; but a serialized module says which version made it, and the functions that it takes to get one have had the same signatures since
/// long before the oldest version accepted here.
/// </summary>
/// <remarks>
/// A serialized module is an ELF file whose section <c>.wasmtime.engine</c> begins with a format byte and the version as a string with a length byte (wasmtime/src/engine/serialization.rs).
/// <see cref="Oldest"/> is the first version with today's layout of <c>wasmtime_val_t</c> and of references, and with <c>wasmtime_val_unroot</c> that needs no store: the headers of versions 45 to 50 that Mewe uses were compared
/// and declare the same. Newer ones have not been looked at, and a wrong layout would corrupt memory rather than fail, so they are refused until somebody has.
/// </remarks>
public static class WasmtimeVersion
{
    /// <summary>The oldest major version that Mewe can use.</summary>
    public const int Oldest = 45;

    /// <summary>The newest major version whose interface was compared.</summary>
    public const int Newest = 50;

    private static ReadOnlySpan<byte> SectionName => ".wasmtime.engine"u8;

    /// <summary>The version that a serialized module names, such as <c>50</c> (versions from 26 on tell no more than the major one); null when it is no serialized module.</summary>
    public static string? OfSerialized(ReadOnlySpan<byte> module)
    {
        if (!ElfFile.TryRead(module, out var file) || !file.TrySection(SectionName, out var section) || section.Length < 2 || section.Length < 2 + section[1])
        {
            return null;
        }

        var text = Encoding.ASCII.GetString(section.Slice(2, section[1]));
        return Major(text) is null ? null : text;
    }

    /// <summary>Why a version cannot be used; null when it can.</summary>
    /// <param name="version">A version as <see cref="OfSerialized"/> gives it.</param>
    public static string? Problem(string version) => Major(version) switch
    {
        null => $"\"{version}\" is no version of Wasmtime",
        < Oldest => $"it is Wasmtime {version}, which is too old: versions {Oldest} to {Newest} can be used",
        > Newest => $"it is Wasmtime {version}, which is newer than this Mewe: versions {Oldest} to {Newest} can be used",
        _ => null,
    };

    private static int? Major(string version) =>
        int.TryParse(version.AsSpan(0, version.IndexOf('.') is var dot and > 0 ? dot : version.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var major) ? major : null;
}
