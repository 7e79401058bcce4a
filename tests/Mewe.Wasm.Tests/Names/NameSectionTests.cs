using Mewe.Wasm.Binary;
using Mewe.Wasm.Names;
using Mewe.Wasm.Tests.Shared;

namespace Mewe.Wasm.Tests.Names;

public sealed class NameSectionTests(ITestOutputHelper output)
{
    [Fact]
    public void Names_that_were_written_are_read_back_in_ascending_order()
    {
        var section = new NameSection { Module = "service" };
        section.Functions[7] = "seven";
        section.Functions[2] = "two";
        section.Functions[300] = "";
        section.Locals[2][1] = "ü";
        section.Labels[2][0] = "top";
        section.Fields[4][3] = "next";
        section.Tags[0] = "oops";
        var read = Read(section.ToBytes());
        Assert.Equal("service", read.Module);
        Assert.Equal([(2u, "two"), (7u, "seven"), (300u, "")], read.Functions.Select(entry => (entry.Key, entry.Value)));
        Assert.Equal("ü", read.Locals[2][1]);
        Assert.Equal("top", read.Labels[2][0]);
        Assert.Equal("next", read.Fields[4][3]);
        Assert.Equal("oops", read[NameKind.Tag][0]);
        Assert.Null(read.Types[0]);
    }

    [Fact]
    public void Unchanged_and_unknown_subsections_are_kept_byte_for_byte_where_they_stood()
    {
        // Unknown 0x40, functions with a padded count, unknown 0x7F.
        byte[] content = [0x40, 2, 1, 2, 1, 5, 0x81, 0, 3, 1, (byte)'f', 0x7F, 1, 9];
        var section = Read(content);
        Assert.Equal(content, section.ToBytes());
        section.Functions[1] = "g";
        section.Types[0] = "t";
        section.Module = "m";
        Assert.Equal([0x40, 2, 1, 2, 0, 2, 1, (byte)'m', 1, 7, 2, 1, 1, (byte)'g', 3, 1, (byte)'f', 0x7F, 1, 9, 4, 4, 1, 0, 1, (byte)'t'], section.ToBytes());
    }

    [Fact]
    public void Removing_the_last_name_removes_the_subsection()
    {
        var section = Read([1, 4, 1, 3, 1, (byte)'f']);
        section.Functions[3] = null;
        Assert.Empty(section.ToBytes());
    }

    [Theory]
    [InlineData("01 05 01 03 01", "a cut name")]
    [InlineData("01 07 02 03 01 66 03 01 67", "a doubled index")]
    [InlineData("01 07 02 03 01 66 02 01 67", "a descending index")]
    [InlineData("01 01 00 01 01 00", "a doubled subsection")]
    [InlineData("02 01 00 01 01 00", "a descending subsection")]
    [InlineData("01 04 01 03 01 FF", "a name that is no UTF-8")]
    [InlineData("01 05 01 03 01 66 00", "bytes left over")]
    [InlineData("01 05 FF FF FF FF 0F", "four billion names")]
    [InlineData("00 FF FF FF FF 0F", "a subsection of four gigabytes")]
    public void A_malformed_section_is_a_value_with_an_offset(string hex, string what)
    {
        var bytes = Convert.FromHexString(hex.Replace(" ", ""));
        Assert.Null(NameSection.TryRead(bytes, 100, out var error));
        Assert.True(error is { Kind: WasmErrorKind.Malformed } && error.Offset >= 100 && error.Offset <= 100 + bytes.Length, what);
    }

    [Fact]
    public void A_malformed_section_leaves_the_module_readable_and_as_it_was()
    {
        var module = new WasmModule();
        module.SetCustom(NameSection.SectionName, new byte[] { 1, 9 });
        var bytes = ModuleWriter.Write(module);
        var read = ModuleReader.Read(bytes);
        Assert.Null(NameSection.Of(read, out var error));
        Assert.InRange(error!.Offset, bytes.Length - 2, bytes.Length);
        Assert.Equal(bytes, ModuleWriter.Write(read));
    }

    [Fact]
    public void Names_of_a_module_without_the_section_are_empty_and_are_stored_at_its_end()
    {
        var module = new WasmModule();
        module.SetCustom("other", new byte[] { 1 });
        var names = NameSection.Of(module, out var error)!;
        Assert.Null(error);
        Assert.Empty(names.Functions);
        names.Functions[0] = "f";
        names.Store(module);
        Assert.Equal(["other", "name"], module.CustomSections.Select(custom => custom.Name));
        Assert.Equal("f", NameSection.Of(module, out _)!.Functions[0]);
    }

    [Fact]
    public void Names_of_every_corpus_module_are_written_back_byte_for_byte_and_named_anew_the_same()
    {
        var named = 0;
        var modules = Corpus.Modules("name sections of the corpus");
        foreach (var (name, bytes) in modules)
        {
            var module = ModuleReader.Read(bytes);
            var section = NameSection.Of(module, out var error);
            Assert.True(error is null, $"{name}: {error}");
            if (module.CustomSections.FirstOrDefault(custom => custom.Name == NameSection.SectionName) is { } custom)
            {
                named++;
                Assert.True(section!.ToBytes().AsSpan().SequenceEqual(custom.Bytes.Span), name);
                var renamed = section.Functions.First();
                section.Functions[renamed.Key] = "other";
                section.Functions[renamed.Key] = renamed.Value;
                Assert.Equal(section.Functions, Read(section.ToBytes()).Functions);
            }
        }

        output.WriteLine($"name sections written back identically: {named} of {modules.Count} modules have one");
        Assert.True(named > 0);
    }

    private static NameSection Read(byte[] content)
    {
        var section = NameSection.TryRead(content, 0, out var error);
        Assert.True(error is null, error?.ToString());
        return section!;
    }
}
