using Mewe.Execution;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Linking.Tests;

/// <summary>Calls that go straight to a choice of the callee, which follows from the choice that was made for the caller.</summary>
public sealed class BoundCallTests(EngineFixture fixture)
{
    private const int CalleeVariants = 7;

    /// <summary>which() gives what the callee's version says, times 100, plus the same of a second call site.</summary>
    private static WasmModule Program(out uint callee, out uint caller)
    {
        var module = new ModuleBuilder();
        var inner = module.Constant(0, "inner");
        callee = inner;
        caller = module.Function([], [ValueType.I32], code => code.Call(inner).I32(100).Op(Opcode.I32Mul).Call(inner).Op(Opcode.I32Add), "which");
        return module.Read();
    }

    private static LinkResult Link(WasmModule module, uint callee, uint caller, DispatchMode mode, DispatchMode callerMode = DispatchMode.Call) =>
        MultivariantLinker.Link(module,
            [
                Variants.Numbered(callee, CalleeVariants) with { Dispatch = new FunctionDispatch(mode) { Bound = true } },
                Variants.Padded(module, caller, CalleeVariants) with { Dispatch = new FunctionDispatch(callerMode) },
            ],
            new LinkOptions { Policy = DispatchPolicy.Auto });

    [Fact]
    public async Task The_caller_s_choice_decides_the_callee_s_and_every_choice_of_the_callee_occurs()
    {
        var module = Program(out var callee, out var caller);
        await using var instance = await EngineInstance.OpenAsync(fixture, Link(module, callee, caller, DispatchMode.Direct).Module);

        var pairs = await instance.NumbersAsync("which", 2000);

        Assert.Equal(CalleeVariants + 1, pairs.Distinct().Count());
        Assert.Equal(Enumerable.Range(0, CalleeVariants + 1), pairs.Select(pair => pair / 100).Distinct().Order());
        Assert.Equal(Enumerable.Range(0, CalleeVariants + 1), pairs.Select(pair => pair % 100).Distinct().Order());
        ChoiceDistribution.AssertUniform(ChoiceDistribution.Count(pairs.Select(pair => pair / 100), CalleeVariants + 1));
    }

    [Fact]
    public async Task Calls_from_elsewhere_go_through_the_dispatcher_or_to_the_original_where_there_is_none()
    {
        var module = Program(out var callee, out var caller);
        await using var direct = await EngineInstance.OpenAsync(fixture, Link(module, callee, caller, DispatchMode.Direct).Module);
        await using var fresh = await EngineInstance.OpenAsync(fixture, Link(module, callee, caller, DispatchMode.Call).Module);

        Assert.Equal([0], (await direct.NumbersAsync("inner", 50)).Distinct());
        Assert.Equal(CalleeVariants + 1, (await fresh.NumbersAsync("inner", 400)).Distinct().Count());
    }

    [Theory]
    [InlineData(DispatchPolicy.Entry, 1)]
    [InlineData(DispatchPolicy.Instance, 1)]
    [InlineData(DispatchPolicy.Call, CalleeVariants + 1)]
    public async Task Policies_that_keep_choices_bind_calls_and_the_one_that_does_not_ignores_it(DispatchPolicy policy, int calleesOfOneCaller)
    {
        var module = Program(out var callee, out var caller);
        FunctionVariants[] functions =
            [Variants.Numbered(callee, CalleeVariants) with { Dispatch = new FunctionDispatch(DispatchMode.Call) { Bound = true } }, Variants.Padded(module, caller, CalleeVariants)];
        var linked = MultivariantLinker.Link(module, functions, new LinkOptions { Policy = policy });
        Assert.Empty(StructureCheck.Compare(module, ModuleReader.Read(linked.Module)));

        // What the first call site reaches tells which body of the caller ran; where calls are bound, what the second one reaches follows from that.
        await using var instance = await EngineInstance.OpenAsync(fixture, linked.Module);
        var pairs = await instance.NumbersAsync("which", 2000);
        Assert.All(pairs.GroupBy(pair => pair / 100), same => Assert.Equal(calleesOfOneCaller, same.Select(pair => pair % 100).Distinct().Count()));
        Assert.Equal(policy == DispatchPolicy.Instance ? 1 : CalleeVariants + 1, pairs.Select(pair => pair / 100).Distinct().Count());
    }

    [Fact]
    public void A_module_in_which_nothing_is_drawn_gets_no_generator()
    {
        var module = Program(out var callee, out var caller);
        var linked = Link(module, callee, caller, DispatchMode.Direct, DispatchMode.Direct);

        Assert.Empty(linked.Map.Generated);
        Assert.Equal(RandomnessMode.None, linked.Map.Randomness);
        Assert.Empty(StructureCheck.Compare(module, ModuleReader.Read(linked.Module)));
    }

    [Theory]
    [InlineData("in an original")]
    [InlineData("in a variant")]
    [InlineData("in a function without variants")]
    public void A_call_that_is_bound_to_another_choice_than_the_drawn_one_is_reported(string where)
    {
        var module = Program(out var callee, out var caller);
        var linked = Link(module, callee, caller, DispatchMode.Call);
        var (calleeMap, callerMap) = (linked.Map.Functions.Single(f => f.Index == callee), linked.Map.Functions.Single(f => f.Index == caller));
        var tampered = ModuleReader.Read(linked.Module);
        var body = where switch
        {
            "in an original" => callerMap.Original!.Value,
            "in a variant" => callerMap.Variants[2].Index,
            _ => callerMap.Index,
        };
        var code = tampered.Bodies[(int)body].Decode();
        var at = code.Instructions.Select((instruction, i) => (instruction, i)).Where(pair => pair.instruction.Opcode == Opcode.Call).Select(pair => pair.i).First();
        var other = Enumerable.Range(0, calleeMap.ChoiceCount).Select(calleeMap.FunctionOf).First(choice => choice != code.Instructions[at].Index);
        tampered.Bodies[(int)body] = new FunctionBody(new FunctionCode(code.Locals, code.Instructions.SetItem(at, Instruction.Call(other))));

        Assert.Empty(StructureCheck.Compare(module, ModuleReader.Read(linked.Module)));
        Assert.NotEmpty(StructureCheck.Compare(module, ModuleReader.Read(ModuleWriter.Write(tampered))));
    }

    [Fact]
    public void What_is_read_out_again_is_what_was_linked()
    {
        var module = Program(out var callee, out var caller);
        var linked = Link(module, callee, caller, DispatchMode.Direct);

        var contents = MultivariantReader.TryRead(ModuleReader.Read(linked.Module), out _)!;

        Assert.Equal(new FunctionDispatch(DispatchMode.Direct) { Bound = true }, contents.Functions[0].Dispatch);
        var variant = contents.Functions[1].Variants[0].Code.Code;
        Assert.Equal(2, variant.Instructions.Count(instruction => instruction == Instruction.Call(callee)));
    }

    [Theory]
    [InlineData(DispatchMode.Periodic, 0u)]
    [InlineData(DispatchMode.Call, 4u)]
    [InlineData(DispatchMode.Forced, 0u)]
    [InlineData((DispatchMode)99, 0u)]
    public void A_dispatch_that_makes_no_sense_is_an_error(DispatchMode mode, uint period)
    {
        var module = Program(out var callee, out _);
        var function = Variants.Numbered(callee, 2) with { Dispatch = new FunctionDispatch(mode) { Period = period } };

        Assert.Null(MultivariantLinker.TryLink(module, [function], new LinkOptions { Policy = DispatchPolicy.Auto }, out var error));
        Assert.Equal(LinkErrorKind.UnfitVariant, error!.Kind);
    }
}
