using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Mewe.Execution.Node;

/// <summary>
/// Reads the output of a worker that prints machine code: listings as text, line by line and without keeping it, and replies between them (Worker/code.js says how they are told apart).
/// </summary>
/// <remarks>
/// <para>Of each function its block of the listing has, among more, these lines:</para>
/// <code>
/// index: 36
/// kind: wasm function
/// compiler: TurboFan
/// Instructions (size = 96)
/// 0x228d8b28c1c7    47  e834f3ffff           call 0x228d8b28b500  (jump table)       address, offset, bytes, what it means
/// 0xe82ef89d6b8   1038  e82ef89d49b          jump table entry 3611                   8 bytes that hold the address e82ef89d49b
///
/// RelocInfo (size = 3)
/// 0x228d8b28c1c8  wasm stub call  (0x228d8b28b500)                                    address of the field, what it refers to
/// --- End code ---
/// </code>
/// <para>The instructions' meaning is not looked at. Of the fields that the relocation information names, calls keep their target until all functions are known (<see cref="CodeListing"/>); an external
/// reference keeps its lowest 12 bits, which the randomization of addresses leaves alone; signatures, which V8 numbers for the whole process, are numbered within
/// the function; a jump table's entries are offsets.</para>
/// </remarks>
internal sealed class CodeListingReader(Stream stream)
{
    private const byte ListingBegins = 1;
    private const byte ReplyBegins = 0;
    private const int LongestLine = 1 << 16;

    private readonly byte[] buffer = new byte[2 * LongestLine];
    private readonly ArrayBufferWriter<byte> code = new(1 << 14);
    private readonly List<int> signatures = [];
    private int at, end;
    private CodeListing listing = new();

    // The block at work.
    private Part part;
    private bool optimized, isFunction;
    private int index, announced;
    private ulong start;
    private byte[] bytes = [];
    private List<CallTarget> targets = [];

    private enum Part
    {
        Other,
        Instructions,
        Relocations,
    }

    /// <summary>Reads listings until a reply begins; false at the end of the stream.</summary>
    public bool ReadToReply()
    {
        for (; ; )
        {
            if (at < end && buffer[at] == ReplyBegins)
            {
                at++;
                return true;
            }

            var length = buffer.AsSpan(at, end - at).IndexOf((byte)'\n');
            if (length >= 0)
            {
                Line(buffer.AsSpan(at, length));
                at += length + 1;
            }
            else if (!More())
            {
                return false;
            }
        }
    }

    /// <summary>Reads bytes of a reply; false when the stream ends before.</summary>
    public bool Fill(Span<byte> target)
    {
        var buffered = Math.Min(target.Length, end - at);
        buffer.AsSpan(at, buffered).CopyTo(target);
        at += buffered;
        var rest = target[buffered..];
        return stream.ReadAtLeast(rest, rest.Length, throwOnEndOfStream: false) == rest.Length;
    }

    /// <summary>What was listed since the listing began; from now on there is another.</summary>
    public CodeListing Take()
    {
        var taken = listing;
        listing = new CodeListing();
        return taken;
    }

    private bool More()
    {
        buffer.AsSpan(at, end - at).CopyTo(buffer);
        end -= at;
        at = 0;
        if (end >= LongestLine)
        {
            throw new IOException("a line of the listing is longer than any that V8 prints");
        }

        var got = stream.Read(buffer.AsSpan(end));
        end += got;
        return got > 0;
    }

    private void Line(ReadOnlySpan<byte> line)
    {
        if (line.Length == 1 && line[0] == ListingBegins)
        {
            Take();
            part = Part.Other;
        }
        else if (part == Part.Instructions && line.StartsWith("0x"u8))
        {
            Instruction(line);
        }
        else if (part == Part.Relocations && line.StartsWith("0x"u8))
        {
            Relocation(line);
        }
        else if (line.Length > 0)
        {
            Heading(line);
        }
    }

    private void Heading(ReadOnlySpan<byte> line)
    {
        if (line.SequenceEqual("--- WebAssembly code ---"u8))
        {
            (part, optimized, isFunction, index, announced) = (Part.Other, false, false, -1, -1);
            code.ResetWrittenCount();
            signatures.Clear();
            targets = [];
            bytes = [];
        }
        else if (line.StartsWith("index: "u8) && Utf8Parser.TryParse(line["index: "u8.Length..], out int number, out _))
        {
            index = number;
        }
        else if (line.StartsWith("kind: "u8))
        {
            isFunction = line.SequenceEqual("kind: wasm function"u8);
        }
        else if (line.StartsWith("compiler: "u8))
        {
            optimized = line.StartsWith("compiler: Turbo"u8);
        }
        else if (line.StartsWith("Instructions (size = "u8) && Utf8Parser.TryParse(line["Instructions (size = "u8.Length..], out int size, out _))
        {
            part = Part.Instructions;
            announced = size;
        }
        else if (line.StartsWith("RelocInfo "u8))
        {
            part = Part.Relocations;
            bytes = code.WrittenSpan.ToArray();
        }
        else if (line.SequenceEqual("--- End code ---"u8))
        {
            EndOfBlock();
        }
        else
        {
            part = Part.Other; // source positions, safepoints and other tables
        }
    }

    private void EndOfBlock()
    {
        part = Part.Other;
        if (!isFunction || !optimized)
        {
            return;
        }

        if (index < 0 || bytes.Length != announced)
        {
            Problem($"function {index} has {bytes.Length} bytes of instructions where {announced} are announced");
        }

        listing.Add(new ListedFunction(index, start, bytes, targets));
    }

    private void Instruction(ReadOnlySpan<byte> line)
    {
        var address = Hex(ref line);
        var offset = Hex(ref line);
        if (code.WrittenCount == 0)
        {
            start = address;
        }

        if (offset != (ulong)code.WrittenCount || address != start + offset)
        {
            Problem($"function {index} has a gap at {code.WrittenCount}");
            return;
        }

        var hex = line.IndexOf((byte)' ') is var space and >= 0 ? line[..space] : line;
        var meaning = line[hex.Length..].TrimStart((byte)' ');
        if (meaning.StartsWith("jump table entry "u8) && Utf8Parser.TryParse(hex, out ulong target, out _, 'x'))
        {
            BinaryPrimitives.WriteUInt64LittleEndian(code.GetSpan(sizeof(ulong)), target - start);
            code.Advance(sizeof(ulong));
        }
        else if (Convert.FromHexString(hex, code.GetSpan(hex.Length), out _, out var written) == OperationStatus.Done)
        {
            code.Advance(written);
        }
        else
        {
            Problem($"\"{Encoding.UTF8.GetString(line)}\" is no instruction");
        }
    }

    private void Relocation(ReadOnlySpan<byte> line)
    {
        var address = Hex(ref line);
        var offset = (int)(address - start);
        var wide = line.StartsWith("external reference"u8);
        if (line.StartsWith("internal reference"u8))
        {
            return; // an entry of a jump table, read as an offset already
        }

        if (offset < 0 || offset + (wide ? sizeof(ulong) : sizeof(uint)) > bytes.Length)
        {
            Problem($"function {index} has a relocation at {offset}");
            return;
        }

        var field = bytes.AsSpan(offset);
        if (wide)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(field, BinaryPrimitives.ReadUInt64LittleEndian(field) & 0xfff);
        }
        else if (line.StartsWith("wasm stub call"u8) is var stub && (stub || line.StartsWith("internal wasm call"u8)))
        {
            targets.Add(new CallTarget(offset, address + sizeof(int) + (ulong)BinaryPrimitives.ReadInt32LittleEndian(field), stub));
        }
        else if (line.StartsWith("wasm canonical signature id"u8))
        {
            var signature = BinaryPrimitives.ReadInt32LittleEndian(field);
            if (!signatures.Contains(signature))
            {
                signatures.Add(signature);
            }

            BinaryPrimitives.WriteInt32LittleEndian(field, signatures.IndexOf(signature));
        }
        else if (line.StartsWith("wasm code pointer table entry"u8))
        {
            field[..sizeof(uint)].Clear(); // a number that the process gave out
        }
        else
        {
            Problem($"function {index} has an unknown relocation, \"{Encoding.UTF8.GetString(line)}\"");
        }
    }

    // Reads a number and the spaces around it.
    private static ulong Hex(ref ReadOnlySpan<byte> line)
    {
        line = line.TrimStart((byte)' ');
        if (line.StartsWith("0x"u8))
        {
            line = line[2..];
        }

        Utf8Parser.TryParse(line, out ulong value, out var length, 'x');
        line = line[length..].TrimStart((byte)' ');
        return value;
    }

    private void Problem(string problem) => listing.Problem ??= string.Create(CultureInfo.InvariantCulture, $"{problem}");
}
