using System.Collections.Immutable;
using Mewe.Wasm;

namespace Mewe.Linking;

/// <summary>Equality by content of the entries whose records hold arrays.</summary>
internal static class EntityEquality
{
    public static bool Same(ElementSegment a, ElementSegment b) =>
        a.Form == b.Form && a.Mode == b.Mode && a.Table == b.Table && Equals(a.Offset, b.Offset) && a.Type == b.Type
        && Same(a.Functions, b.Functions) && Same(a.Expressions, b.Expressions);

    public static bool Same(DataSegment a, DataSegment b) =>
        a.Form == b.Form && a.Mode == b.Mode && a.Memory == b.Memory && Equals(a.Offset, b.Offset) && a.Bytes.Span.SequenceEqual(b.Bytes.Span);

    public static bool Same(RecursionGroup a, RecursionGroup b) =>
        a.Explicit == b.Explicit && a.Members.Length == b.Members.Length && a.Members.Zip(b.Members).All(pair => Same(pair.First, pair.Second));

    private static bool Same(SubType a, SubType b) => a.Final == b.Final && Same(a.Supertypes, b.Supertypes) && a.Type.Equals(b.Type);

    private static bool Same<T>(ImmutableArray<T> a, ImmutableArray<T> b) =>
        a.IsDefault == b.IsDefault && (a.IsDefault || a.AsSpan().SequenceEqual(b.AsSpan(), EqualityComparer<T>.Default));
}
