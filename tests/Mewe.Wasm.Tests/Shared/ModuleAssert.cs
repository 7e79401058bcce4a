using System.Collections.Immutable;

namespace Mewe.Wasm.Tests.Shared;

/// <summary>Compares modules by what they mean, not by their bytes.</summary>
internal static class ModuleAssert
{
    public static void Same(string name, WasmModule expected, WasmModule actual)
    {
        Assert.True(expected.Types.SequenceEqual(actual.Types, SubTypeComparer.Instance), $"{name}: types");
        Assert.True(expected.Imports.SequenceEqual(actual.Imports), $"{name}: imports");
        Assert.True(expected.FunctionTypes.SequenceEqual(actual.FunctionTypes), $"{name}: functions");
        Assert.True(expected.Tables.SequenceEqual(actual.Tables), $"{name}: tables");
        Assert.True(expected.Memories.SequenceEqual(actual.Memories), $"{name}: memories");
        Assert.True(expected.Tags.SequenceEqual(actual.Tags), $"{name}: tags");
        Assert.True(expected.Globals.SequenceEqual(actual.Globals), $"{name}: globals");
        Assert.True(expected.Exports.SequenceEqual(actual.Exports), $"{name}: exports");
        Assert.Equal(expected.Start, actual.Start);
        Assert.Equal(expected.DataCount, actual.DataCount);
        Assert.Equal(expected.Elements.Count, actual.Elements.Count);
        for (var i = 0; i < expected.Elements.Count; i++)
        {
            var (a, b) = (expected.Elements[i], actual.Elements[i]);
            Assert.True(a with { Functions = default, Expressions = default } == b with { Functions = default, Expressions = default }, $"{name}: elements {i}");
            Assert.True(SameEntries(a.Functions, b.Functions) && SameEntries(a.Expressions, b.Expressions), $"{name}: elements {i}");
        }

        for (var i = 0; i < expected.Data.Count; i++)
        {
            var (a, b) = (expected.Data[i], actual.Data[i]);
            Assert.True(a with { Bytes = default } == b with { Bytes = default } && a.Bytes.Span.SequenceEqual(b.Bytes.Span), $"{name}: data {i}");
        }

        for (var i = 0; i < expected.Bodies.Count; i++)
        {
            var (a, b) = (expected.Bodies[i].Decode(), actual.Bodies[i].Decode());
            Assert.True(a.Locals.SequenceEqual(b.Locals) && a.Instructions.SequenceEqual(b.Instructions), $"{name}: body {i}");
        }

        Assert.True(expected.CustomSections.Select(custom => custom.Name).SequenceEqual(actual.CustomSections.Select(custom => custom.Name)), name);
    }

    private static bool SameEntries<T>(ImmutableArray<T> a, ImmutableArray<T> b) => a.IsDefault ? b.IsDefault : !b.IsDefault && a.SequenceEqual(b);

    private sealed class SubTypeComparer : IEqualityComparer<SubType>
    {
        public static readonly SubTypeComparer Instance = new();

        public bool Equals(SubType? x, SubType? y) => x!.Final == y!.Final && x.Supertypes.SequenceEqual(y.Supertypes) && x.Type.Equals(y.Type);

        public int GetHashCode(SubType type) => type.Type.GetHashCode();
    }
}
