using Mewe.Execution;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Linking.Tests;

/// <summary>Where the random bits come from, and what that leaves behind.</summary>
public sealed class RandomnessTests(EngineFixture fixture)
{
    private static readonly byte[] Pattern = [.. Enumerable.Range(0, 4096).Select(i => (byte)((i * 31) + 5))];

    private static ModuleBuilder WasiModule(out uint draw, ulong pages = 1, Action<ModuleBuilder>? imports = null)
    {
        var module = new ModuleBuilder();
        imports?.Invoke(module);
        module.Import("wasi_snapshot_preview1", "sched_yield", [], [ValueType.I32]);
        module.Memory(pages);
        if (pages > 0)
        {
            module.Module.Data.Add(new DataSegment(0, SegmentMode.Active, 0, ConstantExpression.Of(Instruction.I32Const(0)), Pattern));
        }

        draw = module.Constant(0, "draw");
        return module;
    }

    private static LinkResult Link(WasmModule module, uint function, RandomnessMode randomness, DispatchPolicy policy = DispatchPolicy.Call) =>
        MultivariantLinker.Link(module, [Variants.Numbered(function, 15)], new LinkOptions { Randomness = randomness, Policy = policy });

    private static LinkError? ErrorOf(WasmModule module, uint function, RandomnessMode randomness)
    {
        Assert.Null(MultivariantLinker.TryLink(module, [Variants.Numbered(function, 1)], new LinkOptions { Randomness = randomness }, out var error));
        return error;
    }

    [Fact]
    public async Task Seeding_from_WASI_leaves_the_memory_as_it_was()
    {
        var module = WasiModule(out var draw).Read();
        await using var instance = await EngineInstance.OpenAsync(fixture, Link(module, draw, RandomnessMode.Wasi).Module, EngineInstance.WasiHost(3));

        Assert.True((await instance.NumbersAsync("draw", 50)).Distinct().Count() > 8);

        Assert.Equal(Pattern, await instance.MemoryAsync("memory", 0, Pattern.Length));
    }

    [Fact]
    public async Task An_error_of_WASI_leaves_the_constant_and_the_memory()
    {
        var module = WasiModule(out var draw).Read();
        var linked = Link(module, draw, RandomnessMode.Wasi).Module;
        var host = new ImportBinding("wasi_snapshot_preview1", null, new ImportSource.Stub([WasmValue.I32(52)]));
        await using var one = await EngineInstance.OpenAsync(fixture, linked, host);
        await using var two = await EngineInstance.OpenAsync(fixture, linked, host);

        var choices = await one.NumbersAsync("draw", 50);

        Assert.True(choices.Distinct().Count() > 8);
        Assert.Equal(choices, await two.NumbersAsync("draw", 50));
        Assert.Equal(Pattern, await one.MemoryAsync("memory", 0, Pattern.Length));
    }

    [Fact]
    public async Task A_memory_without_pages_leaves_the_constant()
    {
        var module = WasiModule(out var draw, pages: 0).Read();
        await using var instance = await EngineInstance.OpenAsync(fixture, Link(module, draw, RandomnessMode.Wasi).Module, EngineInstance.WasiHost(3));

        Assert.True((await instance.NumbersAsync("draw", 50)).Distinct().Count() > 8);
    }

    [Theory]
    [InlineData(DispatchPolicy.Call)]
    [InlineData(DispatchPolicy.Entry)]
    [InlineData(DispatchPolicy.Instance)]
    public async Task The_start_function_does_not_ask_WASI_and_what_it_chose_is_forgotten(DispatchPolicy policy)
    {
        var module = WasiModule(out var draw);
        var drawn = module.Global(-1, "drawn");
        module.Module.Start = module.Function([], [], code => code.Call(draw).SetGlobal(drawn));
        var linked = Link(module.Read(), draw, RandomnessMode.Wasi, policy);
        var firstAtStart = new HashSet<int>();
        var firstAfter = new HashSet<int>();
        for (var seed = 0UL; seed < 12; seed++)
        {
            await using var instance = await EngineInstance.OpenAsync(fixture, linked.Module, EngineInstance.WasiHost(seed));
            firstAtStart.Add(Assert.IsType<SessionReply.Returned>(Assert.Single(await instance.RunAsync(new SessionCommand.GetGlobal(0, "drawn")))).Values[0].AsI32);
            firstAfter.Add(await instance.NumberAsync("draw"));
        }

        Assert.Single(firstAtStart);
        Assert.True(firstAfter.Count > 4);
    }

    [Fact]
    public async Task A_host_that_fails_random_get_until_the_module_has_started_can_start_it()
    {
        var module = WasiModule(out var draw);
        module.Module.Start = module.Function([], [], code => code.Call(draw).Op(Opcode.Drop));
        var unreachable = new ModuleBuilder();
        unreachable.Function([ValueType.I32, ValueType.I32], [ValueType.I32], code => code.Op(Opcode.Unreachable), "random_get");
        await using var instance = await EngineInstance.OpenAsync(fixture);
        await instance.AddAsync(1, unreachable.Read().Source.ToArray());

        await instance.AddAsync(0, Link(module.Read(), draw, RandomnessMode.Wasi).Module,
            new ImportBinding("wasi_snapshot_preview1", "random_get", new ImportSource.Instance(1)), EngineInstance.WasiHost(1));
    }

    [Fact]
    public void Random_get_is_imported_once()
    {
        var without = WasiModule(out var draw).Read();
        var linked = Link(without, draw, RandomnessMode.Auto);
        Assert.Equal(RandomnessMode.Wasi, linked.Map.Randomness);
        Assert.Equal(1u, linked.Map.AddedImport);
        Assert.Equal(new Import("wasi_snapshot_preview1", "random_get", new FunctionExtern(ModuleReader.Read(linked.Module).IndexOfType(
            FunctionType.Of([ValueType.I32, ValueType.I32], [ValueType.I32])))), ModuleReader.Read(linked.Module).Imports[^1]);

        var with = WasiModule(out draw, imports: module => module.Import("wasi_snapshot_preview1", "random_get", [ValueType.I32, ValueType.I32], [ValueType.I32])).Read();
        linked = Link(with, draw, RandomnessMode.Auto);
        Assert.Equal(RandomnessMode.Wasi, linked.Map.Randomness);
        Assert.Null(linked.Map.AddedImport);
        Assert.Equal(with.Imports.Count, ModuleReader.Read(linked.Module).Imports.Count);
    }

    [Fact]
    public void Auto_takes_the_export_where_WASI_cannot_be_had()
    {
        var plain = new ModuleBuilder();
        var draw = plain.Constant(0, "draw");
        Assert.Equal(RandomnessMode.Export, Link(plain.Read(), draw, RandomnessMode.Auto).Map.Randomness);

        var hidden = new ModuleBuilder();
        hidden.Import("wasi_snapshot_preview1", "sched_yield", [], [ValueType.I32]);
        hidden.Memory(name: "other");
        draw = hidden.Constant(0, "draw");
        Assert.Equal(RandomnessMode.Export, Link(hidden.Read(), draw, RandomnessMode.Auto).Map.Randomness);
    }

    [Fact]
    public void WASI_that_was_asked_for_and_cannot_be_had_is_an_error_that_says_why()
    {
        Assert.Contains("no memory", Reason(new ModuleBuilder()), StringComparison.Ordinal);

        var shared = new ModuleBuilder();
        shared.Module.Memories.Add(new MemoryType(new SizeLimits(1, 1, Shared: true)));
        Assert.Contains("shared", Reason(shared), StringComparison.Ordinal);

        Assert.Contains("64-bit", Reason(new ModuleBuilder().Memory(is64: true)), StringComparison.Ordinal);
        Assert.Contains("not exported", Reason(new ModuleBuilder().Memory(name: "other")), StringComparison.Ordinal);

        var odd = new ModuleBuilder();
        odd.Import("wasi_snapshot_preview1", "random_get", [], []);
        Assert.Contains("another type", Reason(odd.Memory()), StringComparison.Ordinal);

        static string Reason(ModuleBuilder module)
        {
            var function = module.Constant(0);
            var error = ErrorOf(module.Read(), function, RandomnessMode.Wasi);
            Assert.Equal(LinkErrorKind.RandomnessUnavailable, error!.Kind);
            return error.Message;
        }
    }

    [Fact]
    public void A_module_that_exports_mewe_seed_already_is_an_error()
    {
        var module = new ModuleBuilder();
        var function = module.Constant(0, "mewe_seed");

        Assert.Equal(LinkErrorKind.NameTaken, ErrorOf(module.Read(), function, RandomnessMode.Export)!.Kind);
    }

    [Theory]
    [InlineData(RandomnessMode.Wasi, null)]
    [InlineData(RandomnessMode.Export, "mewe_seed")]
    [InlineData(RandomnessMode.Import, null)]
    public void Nothing_is_exported_but_what_the_mode_says(RandomnessMode randomness, string? added)
    {
        var module = WasiModule(out var draw).Read();

        var exports = ModuleReader.Read(Link(module, draw, randomness).Module).Exports.Select(export => export.Name).ToList();

        Assert.Equal(module.Exports.Select(export => export.Name).Concat(added is null ? [] : [added]), exports);
    }

    [Fact]
    public async Task The_seed_of_the_job_decides_what_an_instance_chooses_that_nobody_seeds()
    {
        var module = WasiModule(out var draw).Read();
        async Task<int[]> With(ulong seed)
        {
            var options = new LinkOptions { Seed = seed, Randomness = RandomnessMode.Export };
            var linked = MultivariantLinker.Link(module, [Variants.Numbered(draw, 15)], options).Module;
            await using var instance = await EngineInstance.OpenAsync(fixture, linked, EngineInstance.WasiHost(1));
            return await instance.NumbersAsync("draw", 40);
        }

        Assert.Equal(await With(1), await With(1));
        Assert.NotEqual(await With(1), await With(2));
    }
}
