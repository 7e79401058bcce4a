using System.Buffers.Binary;
using System.Text;

namespace Mewe.Wasm.Binary;

/// <summary>Reads the primitives of the binary format (specification, 5.2) from a span. Every error carries the offset in the module.</summary>
public ref struct BinaryDecoder
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly ReadOnlySpan<byte> bytes;
    private readonly long start;
    private int position;

    /// <param name="start">Offset in the module of the first byte of <paramref name="bytes"/>.</param>
    public BinaryDecoder(ReadOnlySpan<byte> bytes, long start = 0)
    {
        this.bytes = bytes;
        this.start = start;
        position = 0;
    }

    public readonly int Position => position;

    /// <summary>Offset in the module of the next byte.</summary>
    public readonly long Offset => start + position;

    public readonly int Remaining => bytes.Length - position;

    public readonly bool AtEnd => position == bytes.Length;

    public readonly WasmException Malformed(string message) => new(WasmErrorKind.Malformed, Offset, message);

    public byte Byte()
    {
        if (position >= bytes.Length)
        {
            throw Malformed("unexpected end");
        }

        return bytes[position++];
    }

    public readonly byte Peek() => position < bytes.Length ? bytes[position] : throw Malformed("unexpected end");

    public ReadOnlySpan<byte> Bytes(long count)
    {
        if (count > Remaining)
        {
            throw Malformed($"unexpected end: {count} bytes announced, {Remaining} left");
        }

        var span = bytes.Slice(position, (int)count);
        position += (int)count;
        return span;
    }

    public uint U32() => NextIsShort ? bytes[position++] : (uint)Unsigned(32);

    public ulong U64() => NextIsShort ? bytes[position++] : Unsigned(64);

    public int S32() => NextIsShort ? ShortSigned() : (int)Signed(32);

    public long S33() => NextIsShort ? ShortSigned() : Signed(33);

    public long S64() => NextIsShort ? ShortSigned() : Signed(64);

    // Nearly all integers in code are one byte long.
    private readonly bool NextIsShort => (uint)position < (uint)bytes.Length && bytes[position] < 0x80;

    private int ShortSigned() => (bytes[position++] ^ 0x40) - 0x40;

    public uint F32() => BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4));

    public ulong F64() => BinaryPrimitives.ReadUInt64LittleEndian(Bytes(8));

    private ulong Unsigned(int width)
    {
        ulong result = 0;
        for (var shift = 0; ; shift += 7)
        {
            var at = Offset;
            var b = Byte();
            var left = width - shift;
            if (left < 7 && (b & 0x7F) >> left != 0)
            {
                throw new WasmException(WasmErrorKind.Malformed, at, (b & 0x80) != 0 ? "integer representation too long" : "integer too large");
            }

            result |= (ulong)(b & 0x7F) << shift;
            if ((b & 0x80) == 0)
            {
                return result;
            }

            if (left <= 7)
            {
                throw new WasmException(WasmErrorKind.Malformed, at, "integer representation too long");
            }
        }
    }

    private long Signed(int width)
    {
        long result = 0;
        for (var shift = 0; ; shift += 7)
        {
            var at = Offset;
            var b = Byte();
            var left = width - shift;
            if (left < 7)
            {
                // The bits beyond the width must all repeat the sign bit.
                var beyond = (b & 0x7F) >> (left - 1);
                var ones = 0x7F >> (left - 1);
                if (beyond != 0 && beyond != ones)
                {
                    throw new WasmException(WasmErrorKind.Malformed, at, (b & 0x80) != 0 ? "integer representation too long" : "integer too large");
                }
            }

            result |= (long)(b & 0x7F) << shift;
            if ((b & 0x80) == 0)
            {
                var used = shift + 7;
                return used < 64 && (b & 0x40) != 0 ? result | (-1L << used) : result;
            }

            if (left <= 7)
            {
                throw new WasmException(WasmErrorKind.Malformed, at, "integer representation too long");
            }
        }
    }

    /// <summary>The count of a vector; at least one byte an element must be left, so that a huge count costs nothing.</summary>
    public int Count(int limit, string what)
    {
        var at = Offset;
        var count = U32();
        if (count > (uint)Remaining)
        {
            throw new WasmException(WasmErrorKind.Malformed, at, $"unexpected end: {count} {what} announced, {Remaining} bytes left");
        }

        if (count > (uint)limit)
        {
            throw new WasmException(WasmErrorKind.LimitExceeded, at, $"{count} {what}, the limit is {limit}");
        }

        return (int)count;
    }

    public string Name()
    {
        var at = Offset;
        var length = U32();
        if (length > (uint)Remaining)
        {
            throw new WasmException(WasmErrorKind.Malformed, at, $"unexpected end: a name of {length} bytes announced, {Remaining} bytes left");
        }

        if (length > Limits.MaxNameBytes)
        {
            throw new WasmException(WasmErrorKind.LimitExceeded, at, $"a name of {length} bytes, the limit is {Limits.MaxNameBytes}");
        }

        try
        {
            return Utf8.GetString(Bytes(length));
        }
        catch (DecoderFallbackException)
        {
            throw new WasmException(WasmErrorKind.Malformed, at, "malformed UTF-8 encoding");
        }
    }

    public HeapType HeapType()
    {
        var at = Offset;
        var first = Peek();
        var code = S33();
        var heap = new HeapType((int)code);
        return code is >= -0x17 and <= int.MaxValue && heap.IsDefined
            ? heap
            : throw UnsupportedProposals.Error(UnsupportedProposals.OfHeapType(first), at, "malformed heap type");
    }

    public ValueType ValueType()
    {
        var at = Offset;
        var b = Byte();
        return TryValueType(b) ?? throw UnsupportedProposals.Error(UnsupportedProposals.OfHeapType(b), at, $"malformed value type 0x{b:x2}");
    }

    /// <summary>A value type or one of the packed types of fields.</summary>
    public ValueType StorageType()
    {
        switch (Peek())
        {
            case 0x78:
                position++;
                return Wasm.ValueType.I8;
            case 0x77:
                position++;
                return Wasm.ValueType.I16;
            default:
                return ValueType();
        }
    }

    public ValueType ReferenceType()
    {
        var at = Offset;
        var type = ValueType();
        return type.IsReference ? type : throw new WasmException(WasmErrorKind.Malformed, at, "malformed reference type");
    }

    public BlockType BlockType()
    {
        var b = Peek();
        if (b == 0x40)
        {
            position++;
            return Wasm.BlockType.Empty;
        }

        if (b is >= 0x41 and < 0x80)
        {
            return Wasm.BlockType.Of(ValueType());
        }

        var at = Offset;
        var index = S33();
        return index is >= 0 and <= int.MaxValue
            ? Wasm.BlockType.Index((uint)index)
            : throw new WasmException(WasmErrorKind.Malformed, at, "malformed block type");
    }

    private ValueType? TryValueType(byte b) => b switch
    {
        0x7F => Wasm.ValueType.I32,
        0x7E => Wasm.ValueType.I64,
        0x7D => Wasm.ValueType.F32,
        0x7C => Wasm.ValueType.F64,
        0x7B => Wasm.ValueType.V128,
        0x63 => Wasm.ValueType.Ref(HeapType(), true),
        0x64 => Wasm.ValueType.Ref(HeapType(), false),
        >= 0x69 and <= 0x74 => Wasm.ValueType.Ref(new HeapType(b - 0x80), true),
        _ => null,
    };
}
