using System.Collections.Immutable;
using Mewe.Diversify;
using Mewe.Linking.Dispatch;
using Mewe.Linking.Tracing;
using Mewe.Wasm;
using Mewe.Wasm.Binary;
using Mewe.Wasm.Validation;

namespace Mewe.Linking.Tests;

/// <summary>Dispatchers that hold the bodies they choose from.</summary>
public sealed class InlinedBodiesTests(EngineFixture fixture) : IClassFixture<EngineFixture>
{
    private const int Count = 7;

    private static readonly FunctionDispatch Inlined = new(DispatchMode.Call) { Form = DispatchForm.Inlined };

    /// <summary>A function () -> i32 whose bodies give their number, each in its own way: they leave by a branch to the outermost label, by return, or at their end, and rely on locals that are zero.</summary>
    private static FunctionVariants Leaving(uint function) => new(function, [.. Enumerable.Range(1, Count).Select(i => new LinkedVariant(new VariantCode(Body(i).Decode()), [], new Evidence(EvidenceKind.Tested, 0, 0, 0)))])
    {
        Dispatch = Inlined,
    };

    private static FunctionBody Body(int number)
    {
        var code = new CodeBuilder(0);
        var wide = code.Local(ValueType.I64);
        var sum = code.Local(ValueType.I32);
        code.Get(wide).Op(Opcode.I32WrapI64).Get(sum).Op(Opcode.I32Add).I32(number).Op(Opcode.I32Add).Tee(sum).I64(99).Set(wide);
        return (number % 3) switch
        {
            0 => code.Op(Opcode.Br, 0).Body(),
            1 => code.Op(Opcode.Return).Body(),
            _ => code.Set(sum).Open(Opcode.Block).Get(sum).Op(Opcode.Br, 1).End().Op(Opcode.Unreachable).Body(),
        };
    }

    private static LinkResult Link(LinkOptions options, FunctionDispatch? dispatch = null)
    {
        var module = new ModuleBuilder();
        var function = module.Function([], [ValueType.I32], code => code.I32(0), "number");
        return MultivariantLinker.Link(module.Read(), [Leaving(function) with { Dispatch = dispatch ?? Inlined }], options);
    }

    [Theory]
    [InlineData(DispatchPolicy.Call)]
    [InlineData(DispatchPolicy.Entry)]
    [InlineData(DispatchPolicy.Auto)]
    public async Task Every_body_runs_as_it_would_in_a_function_of_its_own(DispatchPolicy policy)
    {
        await using var instance = await EngineInstance.OpenAsync(fixture, Link(new LinkOptions { Policy = policy }).Module);

        var numbers = await instance.NumbersAsync("number", 2000);

        Assert.Equal(Enumerable.Range(0, Count + 1), numbers.Distinct().Order());
        ChoiceDistribution.AssertUniform(ChoiceDistribution.Count(numbers, Count + 1));
    }

    [Fact]
    public async Task The_choices_are_those_of_a_dispatcher_that_calls()
    {
        await using var inlined = await EngineInstance.OpenAsync(fixture, Link(new LinkOptions { Seed = 5 }).Module);
        await using var calling = await EngineInstance.OpenAsync(fixture, Link(new LinkOptions { Seed = 5 }, new FunctionDispatch(DispatchMode.Call)).Module);

        Assert.Equal(await calling.NumbersAsync("number", 100), await inlined.NumbersAsync("number", 100));
    }

    [Fact]
    public async Task A_trace_records_them()
    {
        var linked = Link(new LinkOptions());
        var traced = EntryTrace.Instrument(ModuleReader.Read(linked.Module), linked.Map, 128);
        Assert.Null(ModuleValidator.Validate(ModuleReader.Read(traced.Module), TestContext.Current.CancellationToken));
        await using var instance = await EngineInstance.OpenAsync(fixture, traced.Module);

        var numbers = await instance.NumbersAsync("number", 100);
        var trace = EntryTrace.Decode(await instance.MemoryAsync(traced.MemoryExport, 0, (int)traced.MemoryBytes), traced.Capacity, linked.Map);

        Assert.Equal(numbers.Select(number => new TracedChoice(linked.Map.Functions[0].Index, number)), trace.Choices);
    }

    [Fact]
    public void A_body_in_a_dispatcher_that_is_not_the_variant_s_is_reported()
    {
        var original = new ModuleBuilder();
        var function = original.Function([], [ValueType.I32], code => code.I32(0), "number");
        var linked = MultivariantLinker.Link(original.Read(), [Leaving(function)], new LinkOptions());
        Assert.Empty(StructureCheck.Compare(original.Read(), ModuleReader.Read(linked.Module)));
        var tampered = ModuleReader.Read(linked.Module);
        var place = (int)linked.Map.Functions[0].Index - tampered.ImportedFunctionCount;
        var code = tampered.Bodies[place].Decode();
        var changed = false;
        tampered.Bodies[place] = new FunctionBody(new FunctionCode(code.Locals, [.. code.Instructions.Select(instruction =>
        {
            var isSeven = instruction.Opcode == Opcode.I32Const && instruction == Instruction.I32Const(Count);
            changed |= isSeven;
            return isSeven ? Instruction.I32Const(Count + 1) : instruction;
        })]));

        Assert.True(changed);
        Assert.NotEmpty(StructureCheck.Compare(original.Read(), ModuleReader.Read(ModuleWriter.Write(tampered))));
    }

    [Fact]
    public void Bodies_with_several_results_cannot_be_inlined()
    {
        var module = new ModuleBuilder();
        var pair = module.Function([], [ValueType.I32, ValueType.I32], code => code.I32(1).I32(2), "pair");
        var variants = Variants.Padded(module.Read(), pair, 2) with { Dispatch = Inlined };

        Assert.Null(MultivariantLinker.TryLink(module.Read(), [variants], new LinkOptions(), out var error));
        Assert.Contains("several results", error!.Message, StringComparison.Ordinal);
        Assert.False(MultivariantLinker.CanInline(module.Read().TypeOfFunction(pair)));
    }
}
