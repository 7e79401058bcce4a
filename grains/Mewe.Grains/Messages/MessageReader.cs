using System.Collections.Immutable;
using System.IO.Compression;
using Mewe.Diversify;
using Mewe.Equivalence;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Grains;

/// <summary>A message that cannot be read: damaged, or written by another build.</summary>
public sealed class MessageFormatException(string message) : Exception(message);

/// <summary>Reads what <see cref="MessageWriter"/> wrote. Whatever is wrong with the bytes is a <see cref="MessageFormatException"/>.</summary>
internal ref struct MessageReader
{
    private const int LongestText = 1 << 24;

    private BinaryDecoder content;

    private MessageReader(ReadOnlySpan<byte> content) => this.content = new BinaryDecoder(content);

    /// <summary>Reads the item of a list.</summary>
    public delegate T Item<out T>(ref MessageReader reader);

    /// <summary>Reads a whole message.</summary>
    /// <exception cref="MessageFormatException">It is damaged, another message, or of another version.</exception>
    public static T Read<T>(ReadOnlySpan<byte> message, ReadOnlySpan<byte> name, byte version, Item<T> read)
    {
        if (message.Length < name.Length + 1 || !message[..name.Length].SequenceEqual(name))
        {
            throw new MessageFormatException("this is not the message that belongs here");
        }

        if (message[name.Length] != version)
        {
            throw new MessageFormatException($"this message has version {message[name.Length]}, this build reads version {version}");
        }

        try
        {
            var reader = new MessageReader(Expand(message[(name.Length + 1)..]));
            var result = read(ref reader);
            return reader.content.AtEnd ? result : throw new MessageFormatException("there is something behind the end of this message");
        }
        catch (Exception exception) when (exception is WasmException or InvalidDataException or ArgumentException or OverflowException or System.Text.Json.JsonException)
        {
            throw new MessageFormatException($"this message is damaged: {exception.Message}");
        }
    }

    public int Int() => content.S32();

    public uint UInt() => content.U32();

    public long Long() => content.S64();

    public ulong ULong() => content.U64();

    public double Real() => BitConverter.Int64BitsToDouble((long)content.F64());

    public bool Flag() => content.Byte() != 0;

    public string Text() => System.Text.Encoding.UTF8.GetString(content.Bytes(content.Count(LongestText, "bytes of text")));

    public string? OptionalText() => Flag() ? Text() : null;

    public byte[] Bytes() => content.Bytes(content.U32()).ToArray();

    public UInt128 Wide()
    {
        var low = content.F64();
        return new UInt128(content.F64(), low);
    }

    public ValueBits Value() => new(content.U64(), content.U64());

    public ImmutableArray<T> Each<T>(Item<T> read)
    {
        // Nothing is reserved by a number alone: an item takes a byte at least.
        var count = content.U32();
        var items = ImmutableArray.CreateBuilder<T>((int)Math.Min(count, (uint)content.Remaining + 1));
        for (var i = 0u; i < count; i++)
        {
            items.Add(read(ref this));
        }

        return items.DrainToImmutable();
    }

    public VariantCode Code()
    {
        var body = FunctionBody.FromContent(Bytes()).Decode();
        return new VariantCode(body, Each(static (ref reader) =>
        {
            var type = new FunctionType(reader.Each(static (ref inner) => inner.content.ValueType()), reader.Each(static (ref inner) => inner.content.ValueType()));
            return new OutlinedFunction(type, FunctionBody.FromContent(reader.Bytes()).Decode());
        }));
    }

    private static byte[] Expand(ReadOnlySpan<byte> compressed)
    {
        using var source = new MemoryStream(compressed.ToArray(), writable: false);
        using var brotli = new BrotliStream(source, CompressionMode.Decompress);
        using var target = new MemoryStream(compressed.Length * 4);
        try
        {
            brotli.CopyTo(target);
        }
        catch (InvalidOperationException exception)
        {
            // What the decoder says of bytes that it did not write.
            throw new InvalidDataException(exception.Message);
        }

        return target.ToArray();
    }
}
