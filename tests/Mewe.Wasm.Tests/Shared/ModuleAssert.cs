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

    /// <summary>
    /// Equal up to what the text format does not say: which of several binary forms a block type, a segment or a local group has, the data count, and
    /// custom sections.
    /// </summary>
    public static void SameCode(string name, WasmModule expected, WasmModule actual)
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
        Assert.True(expected.Elements.Select(Meaning).SequenceEqual(actual.Elements.Select(Meaning)), $"{name}: elements");
        Assert.True(expected.Data.Select(Meaning).SequenceEqual(actual.Data.Select(Meaning)), $"{name}: data");
        Assert.Equal(expected.Bodies.Count, actual.Bodies.Count);
        for (var i = 0; i < expected.Bodies.Count; i++)
        {
            var (a, b) = (expected.Bodies[i].Decode(), actual.Bodies[i].Decode());
            Assert.True(a.LocalTypes().SequenceEqual(b.LocalTypes()), $"{name}: locals of body {i}");
            Assert.True(a.Instructions.Length == b.Instructions.Length, $"{name}: length of body {i}");
            for (var at = 0; at < a.Instructions.Length; at++)
            {
                var (x, y) = (Meaning(expected, a.Instructions[at]), Meaning(actual, b.Instructions[at]));
                Assert.True(x == y, $"{name}: instruction {at} of body {i}: {x} became {y}");
            }
        }
    }

    private static string Meaning(ElementSegment element) =>
        $"{element.Mode} {element.Table} {string.Join(',', element.Offset?.Code ?? [])} {(element.Expressions.IsDefault ? "funcs" : element.Type)}: "
        + (element.Expressions.IsDefault ? string.Join(' ', element.Functions) : string.Join(';', element.Expressions.Select(expression => string.Join(',', expression.Code))));

    private static string Meaning(DataSegment data) =>
        $"{data.Mode} {data.Memory} {string.Join(',', data.Offset?.Code ?? [])} {Convert.ToHexString(data.Bytes.Span)}";

    /// <summary>A block type that names a function type without parameters and with at most one result means the same as the short form.</summary>
    private static Instruction Meaning(WasmModule module, Instruction instruction) =>
        instruction.OpensBlock && instruction.BlockType is { IsIndex: true } block && module.Types[(int)block.TypeIndex].Type is FunctionType { Parameters.IsEmpty: true, Results.Length: <= 1 } type
            ? instruction.Payload is TryTablePayload table ? instruction.WithPayload(table with { Type = Short(type) }) : instruction.WithPayload(new BlockTypePayload(Short(type)))
            : instruction;

    private static BlockType Short(FunctionType type) => type.Results.IsEmpty ? BlockType.Empty : BlockType.Of(type.Results[0]);

    private static bool SameEntries<T>(ImmutableArray<T> a, ImmutableArray<T> b) => a.IsDefault ? b.IsDefault : !b.IsDefault && a.SequenceEqual(b);

    private sealed class SubTypeComparer : IEqualityComparer<SubType>
    {
        public static readonly SubTypeComparer Instance = new();

        public bool Equals(SubType? x, SubType? y) => x!.Final == y!.Final && x.Supertypes.SequenceEqual(y.Supertypes) && x.Type.Equals(y.Type);

        public int GetHashCode(SubType type) => type.Type.GetHashCode();
    }
}
