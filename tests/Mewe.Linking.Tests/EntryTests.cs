using Mewe.Execution;
using Mewe.Wasm;

namespace Mewe.Linking.Tests;

/// <summary>What counts as an outermost call from the host, and what it leaves behind.</summary>
public sealed class EntryTests(EngineFixture fixture)
{
    private const int Choices = 64;

    /// <summary>
    /// The module under test. Exports: draw() gives its choice; outer() gives its choice before and after a call of the imported function, which may come
    /// back into the module; fail() draws and traps.
    /// </summary>
    private static byte[] Link()
    {
        var module = new ModuleBuilder();
        var host = module.Import("host", "call_back", [], []);
        var drawn = module.Global(-1, "drawn");
        var choose = module.Constant(0);
        module.Function([], [ValueType.I32], code => code.Call(choose), "draw");
        module.Function([], [ValueType.I32, ValueType.I32], code => code.Call(choose).Call(host).Call(choose), "outer");
        module.Function([], [], code => code.Call(choose).SetGlobal(drawn), "inner");
        module.Function([], [], code => code.Call(choose).SetGlobal(drawn).Op(Opcode.Unreachable), "fail");
        module.Table(choose);
        var source = module.Read();
        return MultivariantLinker.Link(source, [Variants.Numbered(choose, Choices - 1)],
            new LinkOptions { Policy = DispatchPolicy.Entry, Randomness = RandomnessMode.Export }).Module;
    }

    /// <summary>Instance 0 is the module under test; its import calls the function that <paramref name="callBack"/> exports from it.</summary>
    private async Task<EngineInstance> OpenAsync(string? callBack = null)
    {
        var instance = await EngineInstance.OpenAsync(fixture);

        // The host: a function that calls what stands in its table, if anything does.
        var host = new ModuleBuilder();
        host.Table(host.Function([], [], _ => { }));
        var bare = host.Module.IndexOfType(FunctionType.Of([], []));
        host.Function([], [], code => code.I32(0).Add(Instruction.Of(Opcode.CallIndirect, bare, 0)), "call_back");
        await instance.AddAsync(1, host.Read().Source.ToArray());
        await instance.AddAsync(0, Link(), new ImportBinding("host", null, new ImportSource.Instance(1)));
        if (callBack is not null)
        {
            var patch = new ModuleBuilder();
            var function = patch.Import("module", callBack, [], []);
            patch.Module.Imports.Add(new Import("host", "table", new TableType(ValueType.FuncRef, new SizeLimits(1, null))));
            patch.Module.Elements.Add(new ElementSegment(0, SegmentMode.Active, 0, ConstantExpression.Of(Instruction.I32Const(0)),
                ValueType.Ref(HeapType.Func, false), [function], default));
            await instance.AddAsync(2, patch.Read().Source.ToArray(), new ImportBinding("host", null, new ImportSource.Instance(1)),
                new ImportBinding("module", null, new ImportSource.Instance(0)));
        }

        return instance;
    }

    private static async Task<int> DrawnAsync(EngineInstance instance) =>
        Assert.IsType<SessionReply.Returned>(Assert.Single(await instance.RunAsync(new SessionCommand.GetGlobal(0, "drawn")))).Values[0].AsI32;

    [Fact]
    public async Task The_outer_call_keeps_its_choice_when_the_host_calls_back_and_the_inner_one_has_its_own()
    {
        await using var instance = await OpenAsync("inner");
        var inner = new List<int>();
        var outer = new List<int>();
        for (var i = 0; i < 20; i++)
        {
            var values = await instance.CallAsync("outer");
            Assert.Equal(values[0], values[1]);
            outer.Add(values[0].AsI32);
            inner.Add(await DrawnAsync(instance));
        }

        Assert.True(outer.Distinct().Count() > 10);
        Assert.True(inner.Distinct().Count() > 10);
        Assert.NotEqual(outer, inner);
    }

    [Fact]
    public async Task A_trap_does_not_stop_later_entries_from_choosing_anew()
    {
        await using var instance = await OpenAsync();
        var drawn = new List<int>();
        for (var i = 0; i < 10; i++)
        {
            Assert.IsType<SessionReply.Trapped>(await instance.TryCallAsync("fail"));
            drawn.Add(await DrawnAsync(instance));
        }

        Assert.True(drawn.Distinct().Count() > 5);
        Assert.True((await instance.NumbersAsync("draw", 50)).Distinct().Count() > 20);
    }

    [Fact]
    public async Task A_function_that_is_reached_around_the_exports_chooses_on_every_call()
    {
        await using var instance = await OpenAsync();
        var caller = new ModuleBuilder();
        caller.Module.Imports.Add(new Import("module", "table", new TableType(ValueType.FuncRef, new SizeLimits(1, null))));
        var type = caller.Module.IndexOfType(FunctionType.Of([], [ValueType.I32]));
        caller.Function([], [ValueType.I32], code => code.I32(0).Add(Instruction.Of(Opcode.CallIndirect, type, 0)), "through_table");
        await instance.AddAsync(2, caller.Read().Source.ToArray(), new ImportBinding("module", null, new ImportSource.Instance(0)));

        var replies = await instance.RunAsync([.. Enumerable.Repeat(new SessionCommand.Invoke(2, "through_table", []), 100)]);

        Assert.True(replies.Select(reply => Assert.IsType<SessionReply.Returned>(reply).Values[0].AsI32).Distinct().Count() > 30);
    }

    [Fact]
    public void Two_exports_of_one_function_stay_one_function_and_what_is_imported_stays_itself()
    {
        var module = new ModuleBuilder();
        var imported = module.Import("host", "f", [], []);
        module.Module.Exports.Add(new Export("host_f", ExternKind.Function, imported));
        var function = module.Constant(1, "a");
        module.Module.Exports.Add(new Export("b", ExternKind.Function, function));
        var linked = MultivariantLinker.Link(module.Read(), [Variants.Numbered(function, 2)], new LinkOptions { Policy = DispatchPolicy.Entry });

        var result = Wasm.Binary.ModuleReader.Read(linked.Module);

        var exports = result.Exports.ToDictionary(export => export.Name, export => export.Index);
        Assert.Equal(imported, exports["host_f"]);
        Assert.Equal(exports["a"], exports["b"]);
        var wrapper = Assert.Single(linked.Map.Wrappers);
        Assert.Equal(new EntryWrapper(function, exports["a"], IsStart: false), wrapper);
    }
}
