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
            ModuleAssert.Same(name, original, again!);

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
}
