using System.Text.Json;
using Mewe.Wasm.Binary;
using Mewe.Wasm.Tests.Shared;
using Mewe.Wasm.Validation;

namespace Mewe.Wasm.Tests.Conformance;

public sealed class FeatureDetectionTests
{
    [Fact]
    public void The_paper_services_need_nothing_beyond_the_first_version_but_what_their_manifest_says()
    {
        var manifest = SharedFolder.Require("features of the corpus", "corpus", "paper", "manifest.json");
        using var document = JsonDocument.Parse(File.ReadAllBytes(manifest));
        foreach (var entry in document.RootElement.GetProperty("modules").EnumerateArray())
        {
            var file = entry.GetProperty("file").GetString()!;
            var module = ModuleReader.Read(File.ReadAllBytes(Path.Combine(Path.GetDirectoryName(manifest)!, file)));
            var expected = entry.GetProperty("features").EnumerateArray().Select(feature => feature.GetString()).ToList();
            Assert.True(expected.Count == ModuleFeatures.Of(module).Length, $"{file}: {string.Join(' ', expected)}; {string.Join(' ', ModuleFeatures.Of(module))}");
        }
    }

    [Theory]
    [InlineData("simd_lane", Feature.Simd)]
    [InlineData("relaxed_madd_nmadd", Feature.RelaxedSimd)]
    [InlineData("memory64", Feature.Memory64)]
    [InlineData("try_table", Feature.Exceptions)]
    [InlineData("legacy/try_catch", Feature.LegacyExceptions)]
    [InlineData("return_call", Feature.TailCall)]
    [InlineData("call_ref", Feature.FunctionReferences)]
    [InlineData("struct", Feature.Gc)]
    [InlineData("memory_copy0", Feature.MultiMemory)]
    [InlineData("memory_fill", Feature.BulkMemory)]
    [InlineData("proposals/threads/atomic", Feature.Threads)]
    [InlineData("br_table", Feature.FunctionReferences)]
    [InlineData("conversions", Feature.SaturatingFloatToInt)]
    [InlineData("i32", Feature.SignExtension)]
    public void The_suite_script_of_a_proposal_needs_that_proposal(string script, Feature feature)
    {
        var modules = SpecSuite.InScope("features of the official suite").Where(module => module.Script == script && module.Type == "module").ToList();
        Assert.NotEmpty(modules);
        Assert.Contains(modules, module => ModuleFeatures.Of(ModuleReader.Read(module.Bytes)).Contains(feature));
    }
}
