using System.Buffers.Binary;
using System.Text;

namespace Mewe.Execution.Node;

/// <summary>Builds one request of the worker protocol (Worker/main.js): header first, then the body in little-endian primitives.</summary>
internal sealed class RequestWriter
{
    /// <summary>u32 length, u32 id, u8 operation or status.</summary>
    public const int HeaderBytes = 9;

    private byte[] buffer;
    private int length = HeaderBytes;

    public RequestWriter(WorkerOperation operation, int sizeHint = 256)
    {
        buffer = new byte[HeaderBytes + sizeHint];
        buffer[8] = (byte)operation;
    }

    /// <summary>The finished request under the given number.</summary>
    public ReadOnlyMemory<byte> Finish(uint id)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(buffer, (uint)(length - HeaderBytes));
        BinaryPrimitives.WriteUInt32LittleEndian(buffer.AsSpan(4), id);
        return buffer.AsMemory(0, length);
    }

    public void U8(int value) => Reserve(1)[0] = checked((byte)value);

    public void U32(int value) => BinaryPrimitives.WriteUInt32LittleEndian(Reserve(4), checked((uint)value));

    public void I32(int value) => BinaryPrimitives.WriteInt32LittleEndian(Reserve(4), value);

    public void U64(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Reserve(8), value);

    public void F64(double value) => BinaryPrimitives.WriteDoubleLittleEndian(Reserve(8), value);

    public void Bytes(ReadOnlySpan<byte> value)
    {
        U32(value.Length);
        value.CopyTo(Reserve(value.Length));
    }

    public void String(string value)
    {
        var count = Encoding.UTF8.GetByteCount(value);
        U32(count);
        Encoding.UTF8.GetBytes(value, Reserve(count));
    }

    public void Value(WasmValue value)
    {
        U8((int)value.Kind);
        U64(value.Low);
        U64(value.High);
    }

    public void Range(MemoryRange range)
    {
        String(range.Export);
        F64(range.Offset);
        U32(range.Length);
    }

    public void List<T>(IReadOnlyCollection<T> elements, Action<T> write)
    {
        U32(elements.Count);
        foreach (var element in elements)
        {
            write(element);
        }
    }

    private Span<byte> Reserve(int bytes)
    {
        var start = length;
        length = checked(length + bytes);
        if (length > buffer.Length)
        {
            Array.Resize(ref buffer, Math.Max(length, (int)Math.Min(buffer.Length * 2L, Array.MaxLength)));
        }

        return buffer.AsSpan(start, bytes);
    }
}
