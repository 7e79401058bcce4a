using System.Collections.Immutable;

namespace Mewe.Wasm;

public sealed record Import(string Module, string Name, ExternType Type);

public sealed record Export(string Name, ExternKind Kind, uint Index);

/// <summary>A constant expression with its final end.</summary>
public sealed record ConstantExpression(ImmutableArray<Instruction> Code)
{
    public static ConstantExpression Of(Instruction value) => new([value, Instruction.Of(Opcode.End)]);

    public bool Equals(ConstantExpression? other) => other is not null && Code.AsSpan().SequenceEqual(other.Code.AsSpan());

    public override int GetHashCode() => Code.Length == 0 ? 0 : HashCode.Combine(Code.Length, Code[0]);
}

/// <summary>A defined table; without an initialiser its elements start as null.</summary>
public sealed record Table(TableType Type, ConstantExpression? Initializer = null);

public sealed record Global(GlobalType Type, ConstantExpression Initializer);

/// <summary>How a segment reaches its table or memory. Declarative is for element segments only.</summary>
public enum SegmentMode : byte { Passive, Active, Declarative }

/// <summary>
/// An element segment: function indices, or expressions where <see cref="Expressions"/> is set. <paramref name="Form"/> is the flags word of the
/// binary format (0 to 7), which a rewritten section keeps.
/// </summary>
public sealed record ElementSegment(uint Form, SegmentMode Mode, uint Table, ConstantExpression? Offset, ValueType Type,
    ImmutableArray<uint> Functions, ImmutableArray<ConstantExpression> Expressions)
{
    public int Count => Expressions.IsDefault ? Functions.Length : Expressions.Length;
}

public sealed record DataSegment(uint Form, SegmentMode Mode, uint Memory, ConstantExpression? Offset, ReadOnlyMemory<byte> Bytes);

/// <summary>A run of locals of one type in the binary format.</summary>
public readonly record struct LocalGroup(uint Count, ValueType Type);

public enum SectionId : byte
{
    Custom = 0, Type = 1, Import = 2, Function = 3, Table = 4, Memory = 5, Global = 6, Export = 7, Start = 8, Element = 9, Code = 10, Data = 11,
    DataCount = 12, Tag = 13,
}

/// <summary>The entries of a section. A section whose entries nobody changed is written back byte for byte.</summary>
public sealed class Section<T> : System.Collections.ObjectModel.Collection<T>
{
    /// <summary>True once an entry was added, replaced or removed.</summary>
    public bool Touched { get; internal set; }

    /// <summary>Counts changes, for what is derived from the entries.</summary>
    internal int Version { get; private set; }

    private void Change()
    {
        Touched = true;
        Version++;
    }

    protected override void InsertItem(int index, T item)
    {
        Change();
        base.InsertItem(index, item);
    }

    protected override void SetItem(int index, T item)
    {
        Change();
        base.SetItem(index, item);
    }

    protected override void RemoveItem(int index)
    {
        Change();
        base.RemoveItem(index);
    }

    protected override void ClearItems()
    {
        Change();
        base.ClearItems();
    }

    internal void CopyFrom(Section<T> other)
    {
        Change();
        base.ClearItems();
        foreach (var item in other)
        {
            base.InsertItem(Count, item);
        }

        Touched = other.Touched;
    }
}

/// <summary>
/// A section where it stands in the module. <paramref name="Raw"/> is the whole section with its header as it was read, and is empty for a section
/// that was not read from a binary. <paramref name="Offset"/> is where it started.
/// </summary>
public sealed record SectionPlace(SectionId Id, ReadOnlyMemory<byte> Raw, long Offset)
{
    /// <summary>Name and content of a custom section, else null.</summary>
    public CustomSection? Custom { get; init; }

    /// <summary>Offset in <see cref="Raw"/> of the payload.</summary>
    public int PayloadStart { get; init; }
}

public sealed record CustomSection(string Name, ReadOnlyMemory<byte> Bytes);
