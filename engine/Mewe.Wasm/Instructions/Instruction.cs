using System.Collections.Immutable;

namespace Mewe.Wasm;

/// <summary>The type of a block: nothing, one result, or a function type of the module.</summary>
public readonly record struct BlockType
{
    private readonly ValueType? result;
    private readonly int typeIndex;

    private BlockType(ValueType? result, int typeIndex) => (this.result, this.typeIndex) = (result, typeIndex);

    public static readonly BlockType Empty = new(null, -1);

    public static BlockType Of(ValueType result) => new(result, -1);

    public static BlockType Index(uint type) => new(null, checked((int)type));

    public bool IsEmpty => result is null && typeIndex < 0;

    public bool IsIndex => typeIndex >= 0;

    public ValueType? Result => result;

    public uint TypeIndex => IsIndex ? (uint)typeIndex : throw new InvalidOperationException("this block type is no index");
}

/// <summary>Where an instruction keeps what does not fit into its words. Compared by content.</summary>
public abstract record InstructionPayload;

/// <summary>A block type (block, loop, if, try).</summary>
public sealed record BlockTypePayload(BlockType Type) : InstructionPayload;

/// <summary>16 bytes: a v128 constant, or the lanes of a shuffle, little end first.</summary>
public sealed record V128Payload(ulong Low, ulong High) : InstructionPayload;

/// <summary>The labels of br_table without the default, which is the instruction's Index.</summary>
public sealed record LabelsPayload(ImmutableArray<uint> Labels) : InstructionPayload
{
    public bool Equals(LabelsPayload? other) => other is not null && Labels.AsSpan().SequenceEqual(other.Labels.AsSpan());

    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var label in Labels)
        {
            hash.Add(label);
        }

        return hash.ToHashCode();
    }
}

/// <summary>The types of a typed select.</summary>
public sealed record TypesPayload(ImmutableArray<ValueType> Types) : InstructionPayload
{
    public bool Equals(TypesPayload? other) => other is not null && Types.AsSpan().SequenceEqual(other.Types.AsSpan());

    public override int GetHashCode() => Types.Length == 0 ? 0 : HashCode.Combine(Types.Length, Types[0]);
}

/// <summary>A heap type (ref.null, ref.test, ref.cast).</summary>
public sealed record HeapTypePayload(HeapType Heap) : InstructionPayload;

/// <summary>Source and target type of br_on_cast and br_on_cast_fail.</summary>
public sealed record CastPayload(ValueType From, ValueType To) : InstructionPayload;

/// <summary>How a clause of try_table catches.</summary>
public enum CatchKind : byte { Catch, CatchRef, CatchAll, CatchAllRef }

/// <summary>One clause of try_table; <paramref name="Tag"/> means nothing for the catch-all kinds.</summary>
public readonly record struct CatchClause(CatchKind Kind, uint Tag, uint Label);

/// <summary>The block type and clauses of try_table.</summary>
public sealed record TryTablePayload(BlockType Type, ImmutableArray<CatchClause> Clauses) : InstructionPayload
{
    public bool Equals(TryTablePayload? other) => other is not null && Type == other.Type && Clauses.AsSpan().SequenceEqual(other.Clauses.AsSpan());

    public override int GetHashCode() => HashCode.Combine(Type, Clauses.Length);
}

/// <summary>
/// One instruction with its immediates, 32 bytes. Which fields mean something follows from the <see cref="ImmediateKind"/> of its opcode:
/// <list type="table">
/// <item><term>Label, Local, Global, Function, Table, Type, Tag, MemoryIndex, Data, Element</term><description><see cref="Index"/></description></item>
/// <item><term>TypeTable, DataMemory, MemoryMemory, ElementTable, TableTable, TypeField, TypeCount, TypeData, TypeElement, TypeType</term>
/// <description><see cref="Index"/>, then <see cref="Index2"/>, in the order of the binary format</description></item>
/// <item><term>LabelTable</term><description>default in <see cref="Index"/>, the others in <see cref="LabelsPayload"/></description></item>
/// <item><term>Memory, MemoryLane</term><description>memory in <see cref="Index"/>, alignment exponent in <see cref="Index2"/>, offset in <see cref="Bits"/>, lane in <see cref="LaneIndex"/></description></item>
/// <item><term>I32, I64, F32, F64</term><description>bits in <see cref="Bits"/> (i32 zero-extended)</description></item>
/// <item><term>BranchOnCast</term><description>label in <see cref="Index"/>, types in <see cref="CastPayload"/></description></item>
/// </list>
/// </summary>
public readonly record struct Instruction
{
    public Opcode Opcode { get; private init; }

    public byte LaneIndex { get; private init; }

    public uint Index { get; private init; }

    public uint Index2 { get; private init; }

    public ulong Bits { get; private init; }

    public InstructionPayload? Payload { get; private init; }

    public OpcodeInfo Info => OpcodeTable.Get(Opcode);

    public static Instruction Of(Opcode opcode) => new() { Opcode = opcode };

    public static Instruction Of(Opcode opcode, uint index) => new() { Opcode = opcode, Index = index };

    public static Instruction Of(Opcode opcode, uint index, uint index2) => new() { Opcode = opcode, Index = index, Index2 = index2 };

    public static Instruction Of(Opcode opcode, InstructionPayload payload) => new() { Opcode = opcode, Payload = payload };

    public static Instruction Of(Opcode opcode, uint index, InstructionPayload payload) => new() { Opcode = opcode, Index = index, Payload = payload };

    public static Instruction Block(Opcode opcode, BlockType type) => new() { Opcode = opcode, Payload = type.IsEmpty ? EmptyBlock : new BlockTypePayload(type) };

    private static readonly BlockTypePayload EmptyBlock = new(BlockType.Empty);

    public static Instruction I32Const(int value) => new() { Opcode = Opcode.I32Const, Bits = (uint)value };

    public static Instruction I64Const(long value) => new() { Opcode = Opcode.I64Const, Bits = (ulong)value };

    public static Instruction F32Const(uint bits) => new() { Opcode = Opcode.F32Const, Bits = bits };

    public static Instruction F64Const(ulong bits) => new() { Opcode = Opcode.F64Const, Bits = bits };

    public static Instruction V128Const(ulong low, ulong high) => new() { Opcode = Opcode.V128Const, Payload = new V128Payload(low, high) };

    /// <param name="alignment">Exponent of two, at most the natural alignment of the access.</param>
    public static Instruction Memory(Opcode opcode, ulong offset, uint alignment, uint memory = 0, byte lane = 0) =>
        new() { Opcode = opcode, Index = memory, Index2 = alignment, Bits = offset, LaneIndex = lane };

    public static Instruction Lane(Opcode opcode, byte lane) => new() { Opcode = opcode, LaneIndex = lane };

    public static Instruction BranchTable(ImmutableArray<uint> labels, uint defaultLabel) =>
        new() { Opcode = Opcode.BrTable, Index = defaultLabel, Payload = new LabelsPayload(labels) };

    public static Instruction LocalGet(uint local) => Of(Opcode.LocalGet, local);

    public static Instruction LocalSet(uint local) => Of(Opcode.LocalSet, local);

    public static Instruction LocalTee(uint local) => Of(Opcode.LocalTee, local);

    public static Instruction Call(uint function) => Of(Opcode.Call, function);

    /// <summary>The same instruction with another <see cref="Index"/> (label, function, local ...).</summary>
    public Instruction WithIndex(uint index) => this with { Index = index };

    public Instruction WithIndex2(uint index2) => this with { Index2 = index2 };

    public Instruction WithPayload(InstructionPayload payload) => this with { Payload = payload };

    /// <summary>The same access with another static offset.</summary>
    public Instruction WithOffset(ulong offset) => this with { Bits = offset };

    /// <summary>The block type of block, loop, if, try and try_table.</summary>
    public BlockType BlockType => Payload switch
    {
        BlockTypePayload block => block.Type,
        TryTablePayload table => table.Type,
        _ => throw new InvalidOperationException($"{Info.Name} has no block type"),
    };

    /// <summary>The labels of br_table without its default.</summary>
    public ImmutableArray<uint> Labels => ((LabelsPayload)Payload!).Labels;

    public int I32 => (int)Bits;

    public long I64 => (long)Bits;

    /// <summary>True for block, loop, if, try and try_table: instructions that an end (or delegate) closes.</summary>
    public bool OpensBlock => Opcode is Opcode.Block or Opcode.Loop or Opcode.If or Opcode.Try or Opcode.TryTable;

    /// <summary>True where control never reaches the instruction behind it: br, br_table, return, unreachable, throw, tail calls.</summary>
    public bool EndsControl => Opcode is Opcode.Br or Opcode.BrTable or Opcode.Return or Opcode.Unreachable or Opcode.Throw or Opcode.Rethrow
        or Opcode.ThrowRef or Opcode.ReturnCall or Opcode.ReturnCallIndirect or Opcode.ReturnCallRef;

    /// <summary>Name and plain immediates, for messages; the text format proper is the printer's.</summary>
    public override string ToString() => Info.Immediate switch
    {
        ImmediateKind.None => Info.Name,
        ImmediateKind.I32 => $"{Info.Name} {I32}",
        ImmediateKind.I64 => $"{Info.Name} {I64}",
        ImmediateKind.F32 or ImmediateKind.F64 => $"{Info.Name} 0x{Bits:x}",
        ImmediateKind.Memory or ImmediateKind.MemoryLane => $"{Info.Name} offset={Bits}",
        ImmediateKind.BlockType => $"{Info.Name} {(BlockType.IsIndex ? $"(type {BlockType.TypeIndex})" : BlockType.Result?.ToString() ?? "")}".TrimEnd(),
        _ => $"{Info.Name} {Index}",
    };
}
