using System.Collections.Immutable;
using Mewe.Diversify;
using Mewe.Execution;
using Mewe.Linking.Dispatch;
using Mewe.Wasm;
using Mewe.Wasm.Binary;
using Mewe.Wasm.Validation;

namespace Mewe.Linking.Tests;

/// <summary>Calls in whose place a body of the callee stands.</summary>
public sealed class InlinedCallTests(EngineFixture fixture) : IClassFixture<EngineFixture>
{
    private const int Count = 7;

    private static readonly ValueType I32 = ValueType.I32, I64 = ValueType.I64;

    private static LinkResult Link(WasmModule module, DispatchPolicy policy, params ImmutableArray<FunctionVariants> functions) =>
        MultivariantLinker.Link(module, Variants.Inlining(module, functions), new LinkOptions { Policy = policy });

    /// <summary>
    /// hard(i32) calls, in a loop, a function of two parameters of different types whose other locals must be zero each time, and which leaves by a return in a nested block, by a branch to its outermost
    /// label, by a br_table, or at its end. That calls a third function, from inside of a block.
    /// </summary>
    private static WasmModule Hard(out uint inner, out uint middle, out uint outer)
    {
        var module = new ModuleBuilder();
        var deepest = module.Function([I32, I32], [I32], code =>
        {
            var local = code.Local(I32);
            code.Get(0).Get(1).Op(Opcode.I32Sub).Get(local).Op(Opcode.I32Add).Set(local).Open(Opcode.Block).Get(0).I32(3).Op(Opcode.I32RemU).Op(Opcode.BrIf, 0).Get(local).Op(Opcode.Return).End()
                .Get(local).I32(1000).Op(Opcode.I32Add);
        });
        var called = module.Function([I64, I32], [I32], code =>
        {
            var (sum, wide, real) = (code.Local(I32), code.Local(I64), code.Local(ValueType.F64));
            code.Get(sum).I32(7).Op(Opcode.I32Add).Set(sum).Get(wide).Get(0).Op(Opcode.I64Add).Set(wide);
            code.Get(real).Add(Instruction.F64Const((ulong)BitConverter.DoubleToInt64Bits(2.5))).Op(Opcode.F64Add).Set(real);
            code.Open(Opcode.Block).Open(Opcode.Block).Open(Opcode.Block).Get(1).I32(4).Op(Opcode.I32RemU)
                .Add(Instruction.BranchTable([0, 1, 2], 2)).End()
                .Get(sum).Get(1).Call(deepest).Op(Opcode.Return).End()
                .Get(wide).Op(Opcode.I32WrapI64).Get(real).Op(Opcode.I32TruncSatF64S).Op(Opcode.I32Add).Op(Opcode.Br, 1).End()
                .Get(sum).Get(wide).Op(Opcode.I32WrapI64).Op(Opcode.I32Mul).Get(1).Call(deepest);
        });
        (inner, middle) = (deepest, called);
        outer = module.Function([I32], [I32], code =>
        {
            var (total, i) = (code.Local(I32), code.Local(I32));
            code.Open(Opcode.Loop)
                .Get(total).I32(31).Op(Opcode.I32Mul).Get(i).Op(Opcode.I64ExtendI32U).I64(3).Op(Opcode.I64Mul).Get(i).Call(called).Op(Opcode.I32Add).Set(total)
                .Get(total).Get(i).Get(total).Call(deepest).Op(Opcode.I32Xor).Set(total)
                .Get(i).I32(1).Op(Opcode.I32Add).Tee(i).Get(0).Op(Opcode.I32LtU).Op(Opcode.BrIf, 0).End().Get(total);
        }, "hard");
        return module.Read();
    }

    [Theory]
    [InlineData(DispatchPolicy.Call)]
    [InlineData(DispatchPolicy.Entry)]
    [InlineData(DispatchPolicy.Instance)]
    [InlineData(DispatchPolicy.Auto)]
    public async Task A_body_does_in_the_place_of_a_call_what_the_call_did(DispatchPolicy policy)
    {
        var module = Hard(out _, out var middle, out var outer);
        var linked = Link(module, policy, Variants.PaddedAll(module, Count));
        Assert.Null(ModuleValidator.Validate(ModuleReader.Read(linked.Module), TestContext.Current.CancellationToken));
        Assert.Empty(StructureCheck.Compare(module, ModuleReader.Read(linked.Module)));

        // No body of the caller calls either of the others any more, nor does what stands in it.
        var map = linked.Map.Functions.Single(function => function.Index == linked.Map.Shift.Apply(outer));
        var others = linked.Map.Functions.Where(function => function.Index != map.Index).SelectMany(function => Enumerable.Range(0, function.ChoiceCount).Select(function.FunctionOf).Append(function.Index)).ToHashSet();
        var read = ModuleReader.Read(linked.Module);
        Assert.All(Enumerable.Range(0, map.ChoiceCount).Select(map.FunctionOf), index => Assert.DoesNotContain(
            read.Bodies[(int)index - read.ImportedFunctionCount].Decode().Instructions, instruction => instruction.Opcode == Opcode.Call && others.Contains(instruction.Index)));
        Assert.NotEqual(0u, middle);

        await using var original = await EngineInstance.OpenAsync(fixture, module.Source.ToArray());
        await using var instance = await EngineInstance.OpenAsync(fixture, linked.Module);
        for (var i = 1; i < 60; i++)
        {
            Assert.Equal(await original.NumberAsync("hard", WasmValue.I32(i)), await instance.NumberAsync("hard", WasmValue.I32(i)));
        }
    }

    /// <summary>Three bodies, one in the other, that all hold parameters and locals of one type across the call that they make.</summary>
    [Fact]
    public async Task A_body_in_a_body_leaves_the_locals_of_those_around_it_alone()
    {
        var module = new ModuleBuilder();
        uint Around(int factor, uint? called, string? export = null) => module.Function([I32], [I32], code =>
        {
            var own = code.Local(I32);
            code.Get(0).I32(factor).Op(Opcode.I32Mul).Set(own);
            code.Get(0).I32(factor + 2).Op(Opcode.I32Add);
            code = called is { } callee ? code.Call(callee) : code;
            code.Get(own).Op(Opcode.I32Xor).Get(0).Op(Opcode.I32Add);
        }, export);
        Around(11, Around(7, Around(5, null)), "nested");
        var original = module.Read();
        await using var expected = await EngineInstance.OpenAsync(fixture, original.Source.ToArray());
        await using var instance = await EngineInstance.OpenAsync(fixture, Link(original, DispatchPolicy.Call, Variants.PaddedAll(original, Count)).Module);
        for (var i = 0; i < 40; i++)
        {
            Assert.Equal(await expected.NumberAsync("nested", WasmValue.I32(i * 1234567)), await instance.NumberAsync("nested", WasmValue.I32(i * 1234567)));
        }
    }

    [Fact]
    public async Task A_caller_s_choice_decides_which_body_stands_in_it_and_each_of_the_shortest_does_somewhere()
    {
        var module = new ModuleBuilder();
        var inner = module.Constant(0, "inner");
        var caller = module.Function([], [I32], code => code.Call(inner).I32(100).Op(Opcode.I32Mul).Call(inner).Op(Opcode.I32Add), "which");
        var original = module.Read();
        await using var instance = await EngineInstance.OpenAsync(fixture, Link(original, DispatchPolicy.Call, [Variants.Numbered(inner, Count), Variants.Padded(original, caller, 15)]).Module);

        var pairs = await instance.NumbersAsync("which", 2000);

        // All bodies of the callee are equally short, so the first ones are taken.
        Assert.Equal(Enumerable.Range(0, MultivariantLinker.MostInlinedBodies), pairs.Select(pair => pair / 100).Distinct().Order());
        Assert.Equal(Enumerable.Range(0, MultivariantLinker.MostInlinedBodies), pairs.Select(pair => pair % 100).Distinct().Order());
        Assert.Equal(Count + 1, (await instance.NumbersAsync("inner", 500)).Distinct().Count());
    }

    [Theory]
    [InlineData("a recursion")]
    [InlineData("a tail call in the callee")]
    [InlineData("several results")]
    [InlineData("an import")]
    [InlineData("no variants")]
    public async Task What_cannot_be_inlined_is_called(string what)
    {
        var module = new ModuleBuilder();
        var import = what == "an import" ? module.Import("host", "five", [], [I32]) : 0;
        var callee = what switch
        {
            "a tail call in the callee" => TailCaller(module),
            "several results" => module.Function([], [I32, I32], code => code.I32(4).I32(1)),
            "a recursion" => (uint)module.Module.FunctionCount,
            "an import" => import,
            _ => module.Constant(5),
        };
        var caller = what switch
        {
            "several results" => module.Function([], [I32], code => code.Call(callee).Op(Opcode.I32Add), "five"),
            "a recursion" => module.Function([I32], [I32], code => code.Get(0).Op(Opcode.I32Eqz).Open(Opcode.If, I32).I32(5).Op(Opcode.Else).Get(0).I32(1).Op(Opcode.I32Sub).Call(callee).End(), "five"),
            _ => module.Function([], [I32], code => code.Call(callee), "five"),
        };
        var original = module.Read();
        var functions = Variants.PaddedAll(original, 3).Where(function => what != "no variants" || function.Function == caller).Select(function => function with { Inlines = what == "an import" ? [] : [callee] });
        var linked = MultivariantLinker.Link(original, [.. functions], new LinkOptions { Policy = DispatchPolicy.Call, Randomness = RandomnessMode.Export });
        Assert.Empty(StructureCheck.Compare(original, ModuleReader.Read(linked.Module)));
        Assert.All(linked.Map.Functions, function => Assert.True(function.Index != caller || (function.Inlined.IsNone && function.Variants.All(variant => variant.Inlined.IsNone))));

        await using var instance = await EngineInstance.OpenAsync(fixture, linked.Module, new ImportBinding("host", null, new ImportSource.Stub([WasmValue.I32(5)])));
        Assert.Equal(5, await instance.NumberAsync("five", what == "a recursion" ? [WasmValue.I32(9)] : []));
    }

    private static uint TailCaller(ModuleBuilder module)
    {
        var five = module.Constant(5);
        return module.Function([], [I32], code => code.Op(Opcode.ReturnCall, five));
    }

    [Fact]
    public void A_function_that_does_not_exist_cannot_be_inlined()
    {
        var module = Hard(out _, out _, out var outer);

        Assert.Null(MultivariantLinker.TryLink(module, [Variants.Padded(module, outer, 2) with { Inlines = [99] }], new LinkOptions(), out var error));
        Assert.Equal(LinkErrorKind.UnfitVariant, error!.Kind);
        Assert.Contains("99", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(DispatchPolicy.Forced)]
    [InlineData(DispatchPolicy.Steered)]
    public void Where_choices_are_forced_every_call_goes_through_its_dispatcher(DispatchPolicy policy)
    {
        var module = Hard(out _, out _, out _);

        Assert.All(Link(module, policy, Variants.PaddedAll(module, 2)).Map.Functions, function => Assert.True(function.Inlined.IsNone && function.Inlines.IsEmpty && function.Variants.All(variant => variant.Inlined.IsNone)));
    }

    [Fact]
    public void What_is_read_out_again_is_what_was_linked()
    {
        var module = Hard(out var inner, out var middle, out var outer);
        var functions = Variants.PaddedAll(module, Count);

        var contents = MultivariantReader.TryRead(ModuleReader.Read(Link(module, DispatchPolicy.Call, functions).Module), out _)!;

        Assert.Equal([inner, middle], contents.Functions.Single(function => function.Function == outer).Inlines);
        foreach (var (before, after) in functions.SelectMany(function => function.Variants).Zip(contents.Functions.SelectMany(function => function.Variants)))
        {
            Assert.Equal(before.Code.Code.Locals, after.Code.Code.Locals);
            Assert.Equal(before.Code.Code.Instructions, after.Code.Code.Instructions);
        }
    }

    [Theory]
    [InlineData("original")]
    [InlineData("variant")]
    public void An_inlined_body_that_is_not_the_callee_s_is_reported(string where)
    {
        var module = Hard(out _, out _, out var outer);
        var linked = Link(module, DispatchPolicy.Call, Variants.PaddedAll(module, Count));
        Assert.Empty(StructureCheck.Compare(module, ModuleReader.Read(linked.Module)));
        var place = linked.Map.Functions.Single(function => function.Index == linked.Map.Shift.Apply(outer));
        var tampered = ModuleReader.Read(linked.Module);
        var body = (int)(where == "original" ? place.Original!.Value : place.Variants[4].Index) - tampered.ImportedFunctionCount;
        var sites = where == "original" ? place.Inlined : place.Variants[4].Inlined;
        var code = tampered.Bodies[body].Decode();
        var at = Enumerable.Range((int)sites.Sites[0].Position, (int)sites.Sites[0].Length).First(i => code.Instructions[i] == Instruction.I32Const(1000));
        tampered.Bodies[body] = new FunctionBody(new FunctionCode(code.Locals, code.Instructions.SetItem(at, Instruction.I32Const(1001))));

        Assert.NotEmpty(StructureCheck.Compare(module, ModuleReader.Read(ModuleWriter.Write(tampered))));
    }

    public static TheoryData<string, InlinedSites> FalseClaims() => new()
    {
        { "nothing was inlined", InlinedSites.None },
        { "a site that is shorter", new InlinedSites(3, [new InlinedSite(10, 2, 0)]) },
        { "a site behind the end", new InlinedSites(0, [new InlinedSite(5, uint.MaxValue, 0)]) },
        { "the end itself", new InlinedSites(0, [new InlinedSite(0, 100_000, 0)]) },
        { "more locals than there are", new InlinedSites(99, [new InlinedSite(0, 1, 0)]) },
        { "a function that does not exist", new InlinedSites(0, [new InlinedSite(0, 1, 4_000_000)]) },
    };

    [Theory]
    [MemberData(nameof(FalseClaims))]
    public void A_false_claim_about_what_was_inlined_is_reported(string claim, InlinedSites sites)
    {
        Assert.NotNull(claim);
        var module = Hard(out _, out _, out var outer);
        var linked = Link(module, DispatchPolicy.Call, Variants.PaddedAll(module, 2));

        // A variant of which nothing is said to have been inlined is a variant that has these instructions of its own, and is proved as such.
        foreach (var inOriginal in sites.IsNone ? [true] : new[] { false, true })
        {
            var claimed = ModuleReader.Read(linked.Module);
            var section = MeweSection.TryRead(claimed, out _)!;
            var functions = section.Map.Functions.Select(function => function.Index != section.Map.Shift.Apply(outer) ? function
                : inOriginal ? function with { Inlined = sites } : function with { Variants = function.Variants.SetItem(1, function.Variants[1] with { Inlined = sites }) });
            claimed.SetCustom(MeweSection.Name, (section with { Map = section.Map with { Functions = [.. functions] } }).Write());

            Assert.NotEmpty(StructureCheck.Compare(module, ModuleReader.Read(ModuleWriter.Write(claimed))));
        }
    }

    [Fact]
    public void Instructions_behind_an_inlined_call_are_found_where_they_stand_now()
    {
        var sites = new InlinedSites(1, [new InlinedSite(2, 5, 0), new InlinedSite(8, 3, 0)]);

        // Before: a b call c call d; now: a b x x x x x c y y y d.
        Assert.Equal([0, 1, 2, 7, 8, 11], Enumerable.Range(0, 6).Select(sites.PositionOf));
    }

    [Fact]
    public async Task A_trace_records_the_calls_that_are_left()
    {
        var module = Hard(out _, out _, out var outer);
        var linked = Link(module, DispatchPolicy.Call, Variants.PaddedAll(module, Count));
        var traced = Tracing.EntryTrace.Instrument(ModuleReader.Read(linked.Module), linked.Map, 128);
        await using var instance = await EngineInstance.OpenAsync(fixture, traced.Module);

        await instance.CallAsync("hard", WasmValue.I32(20));

        var trace = Tracing.EntryTrace.Decode(await instance.MemoryAsync(traced.MemoryExport, 0, (int)traced.MemoryBytes), traced.Capacity, linked.Map);
        Assert.Equal(linked.Map.Shift.Apply(outer), Assert.Single(trace.Choices).Function);
    }
}
