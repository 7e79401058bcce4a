using System.Buffers.Binary;

namespace Mewe.Execution.Wasmtime;

/// <summary>A 64-bit little-endian ELF file, as far as serialized modules use the format. Nothing in it is trusted: what does not fit is not there.</summary>
internal readonly ref struct ElfFile
{
    private const int HeaderBytes = 64, SectionBytes = 64, SymbolBytes = 24;

    private readonly ReadOnlySpan<byte> bytes;
    private readonly ReadOnlySpan<byte> sections;
    private readonly ReadOnlySpan<byte> names;

    private ElfFile(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> sections, ReadOnlySpan<byte> names)
    {
        this.bytes = bytes;
        this.sections = sections;
        this.names = names;
    }

    /// <summary>Finds the sections of a file.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out ElfFile file)
    {
        file = default;
        if (bytes.Length < HeaderBytes || !bytes.StartsWith("\u007fELF\u0002\u0001"u8))
        {
            return false;
        }

        var count = BinaryPrimitives.ReadUInt16LittleEndian(bytes[60..]);
        var nameSection = BinaryPrimitives.ReadUInt16LittleEndian(bytes[62..]);
        if (BinaryPrimitives.ReadUInt16LittleEndian(bytes[58..]) != SectionBytes || nameSection >= count
            || !TrySlice(bytes, BinaryPrimitives.ReadUInt64LittleEndian(bytes[40..]), (ulong)count * SectionBytes, out var sections)
            || !TryContent(bytes, sections.Slice(nameSection * SectionBytes, SectionBytes), out var names))
        {
            return false;
        }

        file = new ElfFile(bytes, sections, names);
        return true;
    }

    /// <summary>The content of the section of that name.</summary>
    public bool TrySection(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> content)
    {
        for (var at = 0; at < sections.Length; at += SectionBytes)
        {
            var section = sections.Slice(at, SectionBytes);
            if (NameAt(names, BinaryPrimitives.ReadUInt32LittleEndian(section)).SequenceEqual(name))
            {
                return TryContent(bytes, section, out content);
            }
        }

        content = default;
        return false;
    }

    /// <summary>How many symbols a symbol table has.</summary>
    public static int SymbolCount(ReadOnlySpan<byte> table) => table.Length / SymbolBytes;

    /// <summary>A symbol: its name, and where in its section it lies.</summary>
    public static (ulong Offset, ulong Size) Symbol(ReadOnlySpan<byte> table, ReadOnlySpan<byte> strings, int index, out ReadOnlySpan<byte> name)
    {
        var symbol = table.Slice(index * SymbolBytes, SymbolBytes);
        name = NameAt(strings, BinaryPrimitives.ReadUInt32LittleEndian(symbol));
        return (BinaryPrimitives.ReadUInt64LittleEndian(symbol[8..]), BinaryPrimitives.ReadUInt64LittleEndian(symbol[16..]));
    }

    private static ReadOnlySpan<byte> NameAt(ReadOnlySpan<byte> strings, uint offset)
    {
        if (offset >= (uint)strings.Length)
        {
            return default;
        }

        var rest = strings[(int)offset..];
        var end = rest.IndexOf((byte)0);
        return end < 0 ? default : rest[..end];
    }

    private static bool TryContent(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> section, out ReadOnlySpan<byte> content) =>
        TrySlice(bytes, BinaryPrimitives.ReadUInt64LittleEndian(section[24..]), BinaryPrimitives.ReadUInt64LittleEndian(section[32..]), out content);

    private static bool TrySlice(ReadOnlySpan<byte> bytes, ulong offset, ulong length, out ReadOnlySpan<byte> slice)
    {
        var fits = offset <= (ulong)bytes.Length && length <= (ulong)bytes.Length - offset;
        slice = fits ? bytes.Slice((int)offset, (int)length) : default;
        return fits;
    }
}
