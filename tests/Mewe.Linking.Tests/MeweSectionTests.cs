using System.Collections.Immutable;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Linking.Tests;

public sealed class MeweSectionTests
{
    private static LinkResult Link(out WasmModule original)
    {
        original = EverythingModule.Make();
        return MultivariantLinker.Link(original,
            [Variants.Padded(original, EverythingModule.First, 3), new FunctionVariants(EverythingModule.Second, []) { Reason = "only 2 instructions" }],
            new LinkOptions { Policy = DispatchPolicy.Entry, ToolVersion = "1.2.3", Seed = 77, RecordedOptions = "variants=3" });
    }

    private static WasmModule With(byte[] section)
    {
        var module = new WasmModule();
        module.SetCustom("mewe", section);
        return module;
    }

    [Fact]
    public void It_says_where_the_module_came_from_and_what_is_in_it()
    {
        var linked = Link(out var original);

        var section = MeweSection.TryRead(ModuleReader.Read(linked.Module), out var error);

        Assert.Null(error);
        Assert.Equal("1.2.3", section!.ToolVersion);
        Assert.Equal(77UL, section.Seed);
        Assert.Equal("variants=3", section.Options);
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(original.Source.Span)), section.SourceSha256);
        Assert.Equal(DispatchPolicy.Entry, section.Map.Policy);
        Assert.Equal(RandomnessMode.Wasi, section.Map.Randomness);
        Assert.Equal(linked.Map.Wrappers, section.Map.Wrappers);
        Assert.Equal(linked.Map.Generated, section.Map.Generated);
        Assert.Equal("only 2 instructions", section.Map.Functions[1].Reason);
        Assert.Null(section.Map.Functions[1].Original);
        var variant = section.Map.Functions[0].Variants[1];
        Assert.Equal(["pad", "outline"], variant.Transforms);
        Assert.Equal(Variants.Evidence, variant.Evidence);
        Assert.Equal(linked.Map.Functions[0].Variants[1].Index, variant.Index);
        Assert.Equal(linked.Map.Functions[0].Variants[1].Outlined, variant.Outlined);
    }

    [Fact]
    public void Bytes_that_make_no_sense_are_an_error_and_never_an_exception()
    {
        var bytes = MeweSection.TryRead(ModuleReader.Read(Link(out _).Module), out _)!.Write();
        Assert.NotNull(MeweSection.TryRead(With(bytes), out _));
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.Null(MeweSection.TryRead(With(bytes[..length]), out var error));
            Assert.NotNull(error);
        }

        Assert.Null(MeweSection.TryRead(With([.. bytes, 0]), out _));
        Assert.Null(MeweSection.TryRead(With([9, .. bytes[1..]]), out var unknown));
        Assert.Equal(WasmErrorKind.Unsupported, unknown!.Kind);
    }

    [Fact]
    public void Steps_with_their_rules_and_what_is_not_proved_come_back()
    {
        var original = EverythingModule.Make();
        var padded = Variants.Padded(original, EverythingModule.First, 2);
        ImmutableArray<VariantStep> steps = [new("commute*3", []), new("egraph*1", ["mba/add-xor@32", "commute/add@32"])];
        var proved = padded.Variants[0] with { Steps = steps, Evidence = Variants.Evidence with { Kind = EvidenceKind.Proved } };
        var tested = padded.Variants[1] with { Evidence = Variants.Evidence with { NotProved = "traps" } };

        var linked = MultivariantLinker.Link(original, [padded with { Variants = [proved, tested] }], new LinkOptions());

        var variants = MeweSection.TryRead(ModuleReader.Read(linked.Module), out _)!.Map.Functions[0].Variants;
        Assert.Equal<VariantStep>(steps, variants[0].Steps);
        Assert.Equal(proved.Evidence, variants[0].Evidence);
        Assert.Equal(tested.Evidence, variants[1].Evidence);
        Assert.Empty(StructureCheck.Compare(original, ModuleReader.Read(linked.Module)));
    }

    [Theory]
    [InlineData(1, "older release")]
    [InlineData(2, "older release")]
    [InlineData(3, "older release")]
    [InlineData(4, "older release")]
    [InlineData(5, "older release")]
    [InlineData(7, "not known")]
    public void Another_layout_is_refused_with_a_reason(byte version, string reason)
    {
        var module = ModuleReader.Read(Link(out var original).Module);
        var bytes = module.CustomSections.Single(custom => custom.Name == "mewe").Bytes.ToArray();
        bytes[0] = version;
        module.SetCustom("mewe", bytes);

        Assert.Null(MeweSection.TryRead(module, out var error));
        Assert.Contains(reason, error!.Message, StringComparison.Ordinal);
        Assert.Contains(StructureCheck.Compare(original, module), difference => difference.Message.Contains(reason, StringComparison.Ordinal));
    }

    [Fact]
    public void The_same_parts_give_the_same_bytes_in_whatever_order_they_come()
    {
        var original = EverythingModule.Make();
        var functions = Variants.PaddedAll(original, 4);
        byte[] Link(IEnumerable<FunctionVariants> parts) => MultivariantLinker.Link(original, [.. parts], new LinkOptions { Policy = DispatchPolicy.Entry }).Module;

        Assert.Equal(Link(functions), Link(functions));
        Assert.Equal(Link(functions), Link(functions.Reverse()));
        Assert.Equal(Link(functions), MultivariantLinker.Link(EverythingModule.Make(), functions, new LinkOptions { Policy = DispatchPolicy.Entry }).Module);
    }

    [Fact]
    public void The_original_is_not_changed()
    {
        Link(out var original);

        Assert.Equal(original.Source.ToArray(), ModuleWriter.Write(original));
    }

    [Fact]
    public void Without_variants_the_module_gets_nothing_but_the_section()
    {
        var original = EverythingModule.Make();
        var linked = MultivariantLinker.Link(original, [new FunctionVariants(EverythingModule.First, []) { Reason = "excluded" }], new LinkOptions());
        var module = ModuleReader.Read(linked.Module);
        Assert.Empty(StructureCheck.Compare(original, module));
        Assert.Empty(linked.Notes);

        module.SetCustom("mewe", null);

        Assert.Equal(original.Source.ToArray(), ModuleWriter.Write(module));
    }
}
