using Mewe.Execution;
using Mewe.Wasm;
using Mewe.Wasm.Binary;
using Mewe.Wasm.Names;
using Mewe.Wasm.Validation;

namespace Mewe.Linking.Tests;

/// <summary>An added import moves every function index; nothing may be forgotten.</summary>
public sealed class IndexShiftTests(EngineFixture fixture)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static LinkResult Link(WasmModule module, RandomnessMode randomness, DispatchPolicy policy = DispatchPolicy.Call) =>
        MultivariantLinker.Link(module, [Variants.Padded(module, EverythingModule.First, 2), Variants.Padded(module, EverythingModule.Branching, 3)],
            new LinkOptions { Randomness = randomness, Policy = policy });

    private static byte[] Custom(WasmModule module, string name) => module.CustomSections.Single(section => section.Name == name).Bytes.ToArray();

    [Theory]
    [InlineData(RandomnessMode.Wasi, DispatchPolicy.Call)]
    [InlineData(RandomnessMode.Wasi, DispatchPolicy.Entry)]
    [InlineData(RandomnessMode.Import, DispatchPolicy.Instance)]
    public async Task Functions_are_found_wherever_they_are_named(RandomnessMode randomness, DispatchPolicy policy)
    {
        var original = EverythingModule.Make();
        Assert.Null(ModuleValidator.Validate(original, Cancellation));
        var linked = Link(original, randomness, policy);
        Assert.Equal(1u, linked.Map.AddedImport);
        Assert.Null(ModuleValidator.Validate(ModuleReader.Read(linked.Module), Cancellation));
        Assert.Empty(StructureCheck.Compare(original, ModuleReader.Read(linked.Module)));

        await using var instance = await EngineInstance.OpenAsync(fixture, linked.Module, EngineInstance.WasiHost(1), EngineInstance.ChooseHost(2));

        Assert.Equal([100, 200, 100, 200], (await instance.CallAsync("all")).Select(value => value.AsI32));
        Assert.Equal(100, await instance.NumberAsync("branching", WasmValue.I32(0)));
        Assert.Equal(200, await instance.NumberAsync("second"));
        Assert.Equal(100, Assert.IsType<SessionReply.Returned>(Assert.Single(await instance.RunAsync(new SessionCommand.GetGlobal(0, "seen")))).Values[0].AsI32);
    }

    [Fact]
    public void A_body_keeps_the_encoding_of_everything_but_the_indices_that_move()
    {
        // i32.const 1 in two bytes; drop; call 200 in three; end.
        var body = FunctionBody.FromContent(new byte[] { 0, 0x41, 0x81, 0x00, 0x1A, 0x10, 0xC8, 0x81, 0x00, 0x0B });

        Assert.Equal([0, 0x41, 0x81, 0x00, 0x1A, 0x10, 0xC9, 0x01, 0x0B], new FunctionIndexShift(5, 1).Apply(body).Content.ToArray());
        Assert.Same(body, new FunctionIndexShift(201, 1).Apply(body));
        Assert.Same(body, FunctionIndexShift.None.Apply(body));
    }

    [Theory]
    [InlineData(0u, 0u)]
    [InlineData(4u, 4u)]
    [InlineData(5u, 6u)]
    public void A_shift_can_be_undone(uint before, uint after)
    {
        var shift = new FunctionIndexShift(5, 1);

        Assert.Equal(after, shift.Apply(before));
        Assert.Equal(before, shift.Undo(after));
        Assert.Null(shift.Undo(5));
    }

    [Fact]
    public void Names_follow_their_functions()
    {
        var linked = Link(EverythingModule.Make(), RandomnessMode.Wasi, DispatchPolicy.Entry);
        var module = ModuleReader.Read(linked.Module);
        var names = NameSection.Of(module, out _)!;
        var branching = linked.Map.Functions.Single(function => function.Index == EverythingModule.Branching + 1);

        Assert.Equal("wasi_snapshot_preview1.random_get", names.Functions[linked.Map.AddedImport!.Value]);
        Assert.Equal("first", names.Functions[EverythingModule.First + 1]);
        Assert.Equal("branching", names.Functions[branching.Index]);
        Assert.Equal("branching.mewe.original", names.Functions[branching.Original!.Value]);
        Assert.Equal(["branching.mewe.1", "branching.mewe.2", "branching.mewe.3"], branching.Variants.Select(variant => names.Functions[variant.Index]));
        Assert.Equal("branching.mewe.2.outlined.0", names.Functions[Assert.Single(branching.Variants[1].Outlined)]);
        Assert.Equal("all", names.Functions[EverythingModule.All + 1]);
        Assert.Equal("f3.mewe.entry", names.Functions[linked.Map.Wrappers.Single(wrapper => wrapper.Function == EverythingModule.Second + 1).Index]);
        Assert.Equal("f5.mewe.start", names.Functions[linked.Map.Wrappers.Single(wrapper => wrapper.IsStart).Index]);
        Assert.Equal("mewe.random", names.Functions[linked.Map.Generated.Single(generated => generated.Role == GeneratedRole.Random).Index]);
        Assert.Contains("mewe.state", System.Text.Encoding.UTF8.GetString(Custom(module, "name")), StringComparison.Ordinal);
        Assert.Contains("data that is not there", System.Text.Encoding.UTF8.GetString(Custom(module, "name")), StringComparison.Ordinal);
    }

    [Fact]
    public void The_names_of_locals_and_labels_go_with_the_code_and_parameters_keep_theirs_in_the_dispatcher()
    {
        var linked = Link(EverythingModule.Make(), RandomnessMode.Wasi);
        var names = NameSection.Of(ModuleReader.Read(linked.Module), out _)!;
        var branching = linked.Map.Functions.Single(function => function.Index == EverythingModule.Branching + 1);

        Assert.Equal([(branching.Index, "which"), (EverythingModule.All + 1, "held"), (branching.Original!.Value, "which")], FirstNames(names.Locals));
        Assert.Equal([(branching.Original.Value, "over")], FirstNames(names.Labels));

        static IEnumerable<(uint, string)> FirstNames(IndirectNameMap map) => map.Select(entry => (entry.Key, Assert.Single(entry.Value).Value));
    }

    [Theory]
    [InlineData(RandomnessMode.Wasi)]
    [InlineData(RandomnessMode.Export)]
    public void Branch_hints_go_with_the_code(RandomnessMode randomness)
    {
        var linked = Link(EverythingModule.Make(), randomness);
        var module = ModuleReader.Read(linked.Module);
        var decoder = new BinaryDecoder(Custom(module, "metadata.code.branch_hint"));
        Assert.Equal(1u, decoder.U32());
        var function = decoder.U32();
        Assert.Equal(1u, decoder.U32());
        var offset = decoder.U32();

        var branching = linked.Map.Functions.Single(candidate => candidate.Index == linked.Map.Shift.Apply(EverythingModule.Branching));
        Assert.Equal(branching.Original, function);
        var body = module.Bodies[(int)function - module.ImportedFunctionCount];
        var code = body.Decode(out var offsets);
        Assert.Equal(Opcode.BrIf, code.Instructions[offsets.IndexOf(body.Offset + offset)].Opcode);
    }

    [Fact]
    public void Custom_sections_that_would_mislead_are_left_out_and_the_user_is_told()
    {
        var linked = Link(EverythingModule.Make(), RandomnessMode.Wasi);
        var names = ModuleReader.Read(linked.Module).CustomSections.Select(section => section.Name).ToList();

        Assert.Equal(["producers", "metadata.code.branch_hint", "name", "unknown", "mewe"], names);
        Assert.Contains(linked.Notes, note => note.Contains(".debug_line", StringComparison.Ordinal));
        Assert.Contains(linked.Notes, note => note.Contains("unknown", StringComparison.Ordinal));
        Assert.DoesNotContain(Link(EverythingModule.Make(), RandomnessMode.Export).Notes, note => note.Contains("unknown", StringComparison.Ordinal));
    }

    [Fact]
    public void A_name_section_that_makes_no_sense_is_left_out_and_the_user_is_told()
    {
        var module = EverythingModule.Make();
        module.SetCustom("name", new byte[] { 1, 0x7F, 0 });

        var linked = Link(ModuleReader.Read(ModuleWriter.Write(module)), RandomnessMode.Wasi);

        Assert.DoesNotContain(ModuleReader.Read(linked.Module).CustomSections, section => section.Name == "name");
        Assert.Contains(linked.Notes, note => note.Contains("\"name\"", StringComparison.Ordinal));
    }

    [Fact]
    public void A_module_without_names_gets_none_unless_asked()
    {
        var module = new ModuleBuilder();
        var function = module.Constant(1);
        var original = module.Read();
        var functions = new[] { Variants.Numbered(function, 2) };

        Assert.Equal(["mewe"], ModuleReader.Read(MultivariantLinker.Link(original, functions, new LinkOptions()).Module).CustomSections.Select(section => section.Name));
        var named = ModuleReader.Read(MultivariantLinker.Link(original, functions, new LinkOptions { AddNames = true }).Module);
        Assert.Equal(["name", "mewe"], named.CustomSections.Select(section => section.Name));
        Assert.Empty(StructureCheck.Compare(original, named));
    }
}
