using System.Buffers;
using System.IO.Compression;
using Mewe.Diversify;
using Mewe.Equivalence;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Grains;

/// <summary>Writes a binary message; README.md in this folder has the form.</summary>
internal sealed class MessageWriter
{
    /// <summary>Candidates of one function are alike, so even the quick qualities find most of what there is to find.</summary>
    private const int Quality = 3;

    private const int Window = 22;

    private readonly BinaryEncoder content = new(4096);
    private readonly byte[] head;

    /// <param name="name">Four letters.</param>
    public MessageWriter(ReadOnlySpan<byte> name, byte version) => head = [.. name, version];

    public void Number(int value) => content.S32(value);

    public void Number(uint value) => content.U32(value);

    public void Number(long value) => content.S64(value);

    public void Number(ulong value) => content.U64(value);

    public void Real(double value) => content.F64((ulong)BitConverter.DoubleToInt64Bits(value));

    public void Flag(bool value) => content.Byte(value ? (byte)1 : (byte)0);

    public void Text(string value) => content.Name(value);

    public void OptionalText(string? value)
    {
        Flag(value is not null);
        if (value is not null)
        {
            Text(value);
        }
    }

    public void Bytes(ReadOnlySpan<byte> value)
    {
        content.U32((uint)value.Length);
        content.Bytes(value);
    }

    public void Wide(UInt128 value)
    {
        content.F64((ulong)value);
        content.F64((ulong)(value >> 64));
    }

    public void Value(ValueBits value)
    {
        content.U64(value.Low);
        content.U64(value.High);
    }

    public void Each<T>(IReadOnlyCollection<T> items, Action<T> write)
    {
        content.U32((uint)items.Count);
        foreach (var item in items)
        {
            write(item);
        }
    }

    public void Code(VariantCode code)
    {
        Bytes(new FunctionBody(code.Code).Content.Span);
        Each(code.Outlined, outlined =>
        {
            Each(outlined.Type.Parameters, content.ValueType);
            Each(outlined.Type.Results, content.ValueType);
            Bytes(new FunctionBody(outlined.Code).Content.Span);
        });
    }

    /// <summary>The message.</summary>
    public byte[] Done()
    {
        var buffer = ArrayPool<byte>.Shared.Rent(head.Length + BrotliEncoder.GetMaxCompressedLength(content.Length) + 16);
        try
        {
            head.CopyTo(buffer, 0);
            if (!BrotliEncoder.TryCompress(content.Written, buffer.AsSpan(head.Length), out var written, Quality, Window))
            {
                throw new InvalidOperationException("a message does not fit where the largest would");
            }

            return buffer[..(head.Length + written)];
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
