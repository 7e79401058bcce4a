using System.Collections.Immutable;
using Mewe.Wasm.Binary;
using Mewe.Wasm.Tests.Shared;
using Mewe.Wasm.Validation;

namespace Mewe.Wasm.Tests.Conformance;

/// <summary>Writing from the model instead of copying: the result means the same.</summary>
public sealed class ReencodingTests(ITestOutputHelper output)
{
    private const string NotRun = "re-encoding of the corpus and the official suite";

    [Fact]
    public void Every_corpus_module_validates_and_is_written_back_byte_for_byte()
    {
        var modules = Corpus.Modules("byte-identical round trip of the corpus");
        foreach (var (name, bytes) in modules)
        {
            var module = ModuleReader.Read(bytes);
            Assert.Null(ModuleValidator.Validate(module, TestContext.Current.CancellationToken));
            Assert.True(ModuleWriter.Write(module).AsSpan().SequenceEqual(bytes), name);
        }

        output.WriteLine($"corpus modules validated and written back identically: {modules.Count} of {modules.Count}");
    }

    [Fact]
    public void Every_corpus_module_encoded_anew_decodes_to_the_same_and_validates() =>
        EncodeAnew([.. Corpus.Modules(NotRun)]);

    [Fact]
    public void Every_valid_module_of_the_suite_encoded_anew_decodes_to_the_same_and_validates() =>
        EncodeAnew([.. SpecSuite.InScope(NotRun).Where(module => module.Type == "module").Select(module => (module.ToString(), module.Bytes))]);

    private void EncodeAnew(IReadOnlyList<(string Name, byte[] Bytes)> modules)
    {
        long before = 0, after = 0;
        foreach (var (name, bytes) in modules)
        {
            var original = ModuleReader.Read(bytes);
            var written = ModuleWriter.Write(Anew(original));
            var again = ModuleReader.TryRead(written, out var error);
            Assert.True(error is null, $"{name}: {error}");
            error = ModuleValidator.Validate(again!, TestContext.Current.CancellationToken);
            Assert.True(error is null, $"{name}: {error}");
            AssertSame(name, original, again!);

            // The shortest form is a fixed point.
            Assert.True(ModuleWriter.Write(Anew(again!)).AsSpan().SequenceEqual(written), name);
            before += bytes.Length;
            after += written.Length;
        }

        output.WriteLine($"modules encoded anew: {modules.Count} of {modules.Count}, {before} bytes before, {after} after");
    }

    /// <summary>A copy of which every section was touched and every body was made from its decoded code.</summary>
    internal static WasmModule Anew(WasmModule module)
    {
        var copy = module.Clone();
        Touch(copy.TypeGroups);
        Touch(copy.Imports);
        Touch(copy.FunctionTypes);
        Touch(copy.Tables);
        Touch(copy.Memories);
        Touch(copy.Tags);
        Touch(copy.Globals);
        Touch(copy.Exports);
        Touch(copy.Elements);
        Touch(copy.Data);
        copy.Start = module.Start;
        copy.DataCount = module.DataCount;
        for (var i = 0; i < copy.Bodies.Count; i++)
        {
            copy.Bodies[i] = new FunctionBody(copy.Bodies[i].Decode());
        }

        return copy;
    }

    private static void Touch<T>(Section<T> section)
    {
        for (var i = 0; i < section.Count; i++)
        {
            section[i] = section[i];
        }
    }

    private static void AssertSame(string name, WasmModule expected, WasmModule actual)
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
            Assert.True(Same(a.Functions, b.Functions) && Same(a.Expressions, b.Expressions), $"{name}: elements {i}");
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

    private static bool Same<T>(ImmutableArray<T> a, ImmutableArray<T> b) => a.IsDefault ? b.IsDefault : !b.IsDefault && a.SequenceEqual(b);

    private sealed class SubTypeComparer : IEqualityComparer<SubType>
    {
        public static readonly SubTypeComparer Instance = new();

        public bool Equals(SubType? x, SubType? y) => x!.Final == y!.Final && x.Supertypes.SequenceEqual(y.Supertypes) && x.Type.Equals(y.Type);

        public int GetHashCode(SubType type) => type.Type.GetHashCode();
    }
}
