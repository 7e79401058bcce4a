using System.Collections.Immutable;

namespace Mewe.Wasm;

/// <summary>A function, structure or array type (specification, 2.3.8).</summary>
public abstract record CompositeType;

/// <summary>Parameters and results. Compared by content.</summary>
public sealed record FunctionType(ImmutableArray<ValueType> Parameters, ImmutableArray<ValueType> Results) : CompositeType
{
    public static FunctionType Of(ReadOnlySpan<ValueType> parameters, ReadOnlySpan<ValueType> results) =>
        new(ImmutableArray.Create(parameters), ImmutableArray.Create(results));

    public bool Equals(FunctionType? other) => other is not null && Parameters.AsSpan().SequenceEqual(other.Parameters.AsSpan())
        && Results.AsSpan().SequenceEqual(other.Results.AsSpan());

    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var type in Parameters)
        {
            hash.Add(type);
        }

        hash.Add(-1);
        foreach (var type in Results)
        {
            hash.Add(type);
        }

        return hash.ToHashCode();
    }

    public override string ToString() => $"[{string.Join(' ', Parameters)}] -> [{string.Join(' ', Results)}]";
}

/// <summary>A field of a structure or the elements of an array; <paramref name="Storage"/> may be packed.</summary>
public readonly record struct FieldType(ValueType Storage, bool Mutable)
{
    /// <summary>The type that a value has on the stack: i32 for the packed types.</summary>
    public ValueType Unpacked => Storage.IsPacked ? ValueType.I32 : Storage;
}

public sealed record StructType(ImmutableArray<FieldType> Fields) : CompositeType
{
    public bool Equals(StructType? other) => other is not null && Fields.AsSpan().SequenceEqual(other.Fields.AsSpan());

    public override int GetHashCode() => Fields.Length == 0 ? 1 : HashCode.Combine(Fields.Length, Fields[0]);
}

public sealed record ArrayType(FieldType Element) : CompositeType;

/// <summary>A composite type with its place in the subtype hierarchy. A plain type is final and has no supertype.</summary>
public sealed record SubType(bool Final, ImmutableArray<uint> Supertypes, CompositeType Type)
{
    public static SubType Plain(CompositeType type) => new(true, [], type);

    public bool IsPlain => Final && Supertypes.IsEmpty;
}

/// <summary>One entry of the type section: types that may refer to each other. A single plain type is written without the rec form.</summary>
public sealed record RecursionGroup(ImmutableArray<SubType> Members)
{
    public static RecursionGroup Single(CompositeType type) => new([SubType.Plain(type)]);

    /// <summary>True where the binary used the explicit rec form.</summary>
    public bool Explicit { get; init; }
}

/// <summary>Bounds of a memory (in pages of 64 KiB) or table (in elements).</summary>
public readonly record struct SizeLimits(ulong Minimum, ulong? Maximum, bool Is64 = false, bool Shared = false)
{
    /// <summary>i32 or i64.</summary>
    public ValueType AddressType => Is64 ? ValueType.I64 : ValueType.I32;
}

/// <summary>The type of something that is imported or exported.</summary>
public abstract record ExternType(ExternKind Kind);

public sealed record FunctionExtern(uint TypeIndex) : ExternType(ExternKind.Function);

public sealed record TableType(ValueType Element, SizeLimits Limits) : ExternType(ExternKind.Table);

public sealed record MemoryType(SizeLimits Limits) : ExternType(ExternKind.Memory);

public sealed record GlobalType(ValueType Value, bool Mutable) : ExternType(ExternKind.Global);

public sealed record TagType(uint TypeIndex) : ExternType(ExternKind.Tag);

public enum ExternKind : byte { Function, Table, Memory, Global, Tag }
