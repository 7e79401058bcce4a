using System.Collections.Immutable;

namespace Mewe.Wasm.Tests.Shared;

/// <summary>Random instructions with random immediates; the same seed gives the same sequence.</summary>
internal sealed class InstructionGenerator(int seed)
{
    private static readonly OpcodeInfo[] Rows = [.. OpcodeTable.All];

    private static readonly HeapType[] AbstractHeapTypes =
    [
        HeapType.Any, HeapType.Array, HeapType.Eq, HeapType.Exn, HeapType.Extern, HeapType.Func, HeapType.I31, HeapType.NoExn, HeapType.NoExtern, HeapType.NoFunc,
        HeapType.None, HeapType.Struct,
    ];

    private static readonly ValueType[] Numbers = [ValueType.I32, ValueType.I64, ValueType.F32, ValueType.F64, ValueType.V128];

    private readonly Random random = new(seed);

    public int Below(int limit) => random.Next(limit);

    public OpcodeInfo Row() => Rows[random.Next(Rows.Length)];

    public ValueType AnyValueType() => random.Next(3) == 0 ? ValueType.Ref(AnyHeapType(), random.Next(2) == 0) : Numbers[random.Next(Numbers.Length)];

    public HeapType AnyHeapType() => random.Next(3) == 0 ? HeapType.Index(Index() & int.MaxValue) : AbstractHeapTypes[random.Next(AbstractHeapTypes.Length)];

    /// <summary>Mostly small, at times at the bounds of an encoding's length.</summary>
    public uint Index() => random.Next(8) switch
    {
        0 => uint.MaxValue,
        1 => 1u << random.Next(32),
        2 => (1u << random.Next(32)) - 1,
        3 => (uint)random.NextInt64(1L << 32),
        _ => (uint)random.Next(200),
    };

    public ulong Word() => random.Next(4) switch
    {
        0 => 1UL << random.Next(64),
        1 => (1UL << random.Next(64)) - 1,
        2 => ulong.MaxValue - (ulong)random.Next(300),
        _ => (ulong)random.NextInt64() ^ ((ulong)random.Next() << 40),
    };

    public ImmutableArray<ValueType> ValueTypes(int limit) => [.. Enumerable.Range(0, random.Next(limit)).Select(_ => AnyValueType())];

    public BlockType AnyBlockType() => random.Next(3) switch
    {
        0 => BlockType.Empty,
        1 => BlockType.Of(AnyValueType()),
        _ => BlockType.Index(Index() & int.MaxValue),
    };

    public Instruction Next() => Next(Row());

    public Instruction Next(OpcodeInfo row)
    {
        var opcode = row.Opcode;
        switch (row.Immediate)
        {
            case ImmediateKind.None or ImmediateKind.ZeroByte:
                return Instruction.Of(opcode);
            case ImmediateKind.BlockType:
                return Instruction.Block(opcode, AnyBlockType());
            case ImmediateKind.LabelTable:
                return Instruction.BranchTable([.. Enumerable.Range(0, random.Next(5)).Select(_ => Index())], Index());
            case ImmediateKind.SelectTypes:
                return Instruction.Of(opcode, new TypesPayload(ValueTypes(3)));
            case ImmediateKind.Memory:
                return Instruction.Memory(opcode, Word(), (uint)random.Next(64), Index());
            case ImmediateKind.MemoryLane:
                return Instruction.Memory(opcode, Word(), (uint)random.Next(64), Index(), (byte)random.Next(256));
            case ImmediateKind.I32:
                return Instruction.I32Const((int)Index());
            case ImmediateKind.I64:
                return Instruction.I64Const((long)Word());
            case ImmediateKind.F32:
                return Instruction.F32Const(Index());
            case ImmediateKind.F64:
                return Instruction.F64Const(Word());
            case ImmediateKind.V128 or ImmediateKind.Shuffle:
                return Instruction.Of(opcode, new V128Payload(Word(), Word()));
            case ImmediateKind.Lane:
                return Instruction.Lane(opcode, (byte)random.Next(256));
            case ImmediateKind.HeapType:
                return Instruction.Of(opcode, new HeapTypePayload(AnyHeapType()));
            case ImmediateKind.BranchOnCast:
                return Instruction.Of(opcode, Index(), new CastPayload(ValueType.Ref(AnyHeapType(), random.Next(2) == 0), ValueType.Ref(AnyHeapType(), random.Next(2) == 0)));
            case ImmediateKind.TryTable:
                return Instruction.Of(opcode, new TryTablePayload(AnyBlockType(), [.. Enumerable.Range(0, random.Next(4)).Select(_ => Clause())]));
            case ImmediateKind.TypeTable or ImmediateKind.DataMemory or ImmediateKind.MemoryMemory or ImmediateKind.ElementTable or ImmediateKind.TableTable
                or ImmediateKind.TypeField or ImmediateKind.TypeCount or ImmediateKind.TypeData or ImmediateKind.TypeElement or ImmediateKind.TypeType:
                return Instruction.Of(opcode, Index(), Index());
            default:
                return Instruction.Of(opcode, Index());
        }
    }

    private CatchClause Clause()
    {
        var kind = (CatchKind)random.Next(4);
        return new CatchClause(kind, kind is CatchKind.Catch or CatchKind.CatchRef ? Index() : 0, Index());
    }
}
