using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;

namespace Mewe.Execution.Node;

/// <summary>Takes the body of a reply apart. A body that ends early throws: the worker is ours, so that is a defect and no input error.</summary>
internal ref struct ReplyReader(ReadOnlyMemory<byte> body)
{
    public delegate T Element<out T>(ref ReplyReader reader);

    private readonly ReadOnlyMemory<byte> body = body;
    private int at;

    public byte U8() => Take(1)[0];

    public int Count() => checked((int)BinaryPrimitives.ReadUInt32LittleEndian(Take(4)));

    public int I32() => BinaryPrimitives.ReadInt32LittleEndian(Take(4));

    public ulong U64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    public double F64() => BinaryPrimitives.ReadDoubleLittleEndian(Take(8));

    public ReadOnlyMemory<byte> Bytes()
    {
        var length = Count();
        var bytes = body.Slice(at, length);
        at += length;
        return bytes;
    }

    public string String() => Encoding.UTF8.GetString(Bytes().Span);

    public WasmTrap Trap() => new((TrapKind)U8(), String());

    public WasmValue Value() => new((WasmValueKind)U8(), U64(), U64());

    public ImmutableArray<T> List<T>(Element<T> read) => List(Count(), read);

    public ImmutableArray<T> List<T>(int count, Element<T> read)
    {
        var all = ImmutableArray.CreateBuilder<T>(count);
        for (var i = 0; i < count; i++)
        {
            all.Add(read(ref this));
        }

        return all.MoveToImmutable();
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        var bytes = body.Span.Slice(at, count);
        at += count;
        return bytes;
    }
}
