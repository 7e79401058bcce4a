using System.Buffers.Binary;
using System.Text;

namespace Mewe.Wasm.Binary;

/// <summary>Writes the primitives of the binary format, integers in their shortest form.</summary>
public sealed class BinaryEncoder
{
    private byte[] buffer;
    private int length;

    public BinaryEncoder(int capacity = 256) => buffer = new byte[Math.Max(16, capacity)];

    public int Length => length;

    public ReadOnlySpan<byte> Written => buffer.AsSpan(0, length);

    public byte[] ToArray() => Written.ToArray();

    public void Clear() => length = 0;

    public void Byte(byte value)
    {
        Grow(1);
        buffer[length++] = value;
    }

    public void Bytes(ReadOnlySpan<byte> bytes)
    {
        Grow(bytes.Length);
        bytes.CopyTo(buffer.AsSpan(length));
        length += bytes.Length;
    }

    public void U32(uint value) => U64(value);

    public void U64(ulong value)
    {
        Grow(10);
        while (value >= 0x80)
        {
            buffer[length++] = (byte)(value | 0x80);
            value >>= 7;
        }

        buffer[length++] = (byte)value;
    }

    public void S32(int value) => S64(value);

    public void S64(long value)
    {
        Grow(10);
        while (value is < -64 or > 63)
        {
            buffer[length++] = (byte)((value & 0x7F) | 0x80);
            value >>= 7;
        }

        buffer[length++] = (byte)(value & 0x7F);
    }

    public void F32(uint bits)
    {
        Grow(4);
        BinaryPrimitives.WriteUInt32LittleEndian(buffer.AsSpan(length), bits);
        length += 4;
    }

    public void F64(ulong bits)
    {
        Grow(8);
        BinaryPrimitives.WriteUInt64LittleEndian(buffer.AsSpan(length), bits);
        length += 8;
    }

    public void Name(string name)
    {
        var count = Encoding.UTF8.GetByteCount(name);
        U32((uint)count);
        Grow(count);
        length += Encoding.UTF8.GetBytes(name, buffer.AsSpan(length));
    }

    public void HeapType(HeapType heap) => S64(heap.Code);

    public void ValueType(ValueType type)
    {
        if (!type.IsReference)
        {
            Byte(type.NumberCode);
        }
        else if (type.IsNullable && !type.Heap.IsIndex)
        {
            Byte((byte)(type.Heap.Code + 0x80));
        }
        else
        {
            Byte(type.IsNullable ? (byte)0x63 : (byte)0x64);
            HeapType(type.Heap);
        }
    }

    public void BlockType(BlockType type)
    {
        if (type.IsIndex)
        {
            S64(type.TypeIndex);
        }
        else if (type.Result is { } result)
        {
            ValueType(result);
        }
        else
        {
            Byte(0x40);
        }
    }

    private void Grow(int more)
    {
        if (length + more > buffer.Length)
        {
            Array.Resize(ref buffer, Math.Max(buffer.Length * 2, length + more));
        }
    }
}
