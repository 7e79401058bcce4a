using System.Collections.Immutable;
using Mewe.Diversify;
using Mewe.Linking.Dispatch;
using Mewe.Linking.Preservation;
using Mewe.Wasm;

namespace Mewe.Linking.Tests;

/// <summary>Which variants the engine's optimizing compiler keeps apart.</summary>
public sealed class PreservationTests(EngineFixture fixture)
{
    private static readonly ValueType I32 = ValueType.I32;

    private static readonly VariantCode Sum = Code(code => code.Get(0).Get(1).Op(Opcode.I32Add));

    // What every compiler takes for the sum, and what none does: compilers differ in what they fold. V8's exchanges the operands of an addition, and Cranelift's finds the sum in mixed boolean-arithmetic.
    private static readonly VariantCode Padded = Code(code => code.Op(Opcode.Nop).Get(0).Get(1).Op(Opcode.I32Add));
    private static readonly VariantCode Mixed = Code(code => code.Get(0).Get(1).Op(Opcode.I32Mul).Get(0).Op(Opcode.I32Xor));

    // And what they differ in.
    private static readonly VariantCode Commuted = Code(code => code.Get(1).Get(0).Op(Opcode.I32Add));
    private static readonly VariantCode MixedBooleanArithmetic = Code(code =>
        code.Get(0).Get(1).Op(Opcode.I32Xor).Get(0).Get(1).Op(Opcode.I32And).I32(1).Op(Opcode.I32Shl).Op(Opcode.I32Add));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string> AllPrograms => [.. Programs.Names];

    [Fact]
    public async Task Variants_that_fold_into_the_original_or_a_sibling_have_no_code_of_their_own()
    {
        var report = await Measure([(Padded, ["nop"]), (Mixed, ["mba*2"]), (Mixed, ["mba", "nop*3"]), (Outlined(Sum), ["outlining"]), (Outlined(Padded), ["outlining"])]);

        Assert.Equal([0, 0, 1, 1, 2, 2], report.Functions.Single().Groups);
        Assert.Equal((5, 2), (report.Variants, report.Own));
        Assert.Equal(0.4, report.Share);
        Assert.Equal([false, true, false, true, false], Enumerable.Range(1, 5).Select(report.Functions[0].IsOwn));
        Assert.Equal(
            [
                new TransformPreservation("mba", 2, 1, 1, 1),
                new TransformPreservation("nop", 2, 0, 1, 0),
                new TransformPreservation("outlining", 2, 1, 2, 1),
            ],
            report.Transforms);
    }

    [Fact]
    public async Task V8_exchanges_the_operands_of_a_sum_and_Cranelift_finds_it_in_mixed_boolean_arithmetic()
    {
        var report = await Measure([(Commuted, ["commute"]), (MixedBooleanArithmetic, ["mba*2"]), (MixedBooleanArithmetic, ["mba", "commute*3"]), (Outlined(Sum), ["outlining"]), (Outlined(Commuted), ["outlining"])]);

        Assert.Equal(fixture.Engine.Info.Name == "v8" ? [0, 0, 1, 1, 2, 2] : [0, 1, 0, 0, 2, 3], report.Functions.Single().Groups);
    }

    [Fact]
    public async Task Outlined_functions_with_other_code_make_another_variant()
    {
        var report = await Measure([(Outlined(Sum), ["a"]), (Outlined(Mixed), ["b"])]);

        Assert.Equal([0, 1, 2], report.Functions.Single().Groups);
    }

    [Fact]
    public async Task A_module_without_dispatchers_has_nothing_to_lose()
    {
        var report = await Measure([]);

        Assert.Equal((0, 1.0), (report.Variants, report.Share));
    }

    [Theory]
    [MemberData(nameof(AllPrograms))]
    public async Task Candidates_are_grouped_before_linking_as_they_are_measured_afterwards(string name)
    {
        var module = Programs.Make(name, wasi: true).Module;
        var functions = Variants.PaddedAll(module, 4);
        var linked = MultivariantLinker.Link(module, functions, new LinkOptions { Policy = DispatchPolicy.Entry, Randomness = RandomnessMode.Wasi });
        var measured = (await PreservationReport.MeasureAsync(fixture.Engine, linked.Module, linked.Map, Cancellation)).Value;
        var compiled = new CompiledVariants(module);
        foreach (var (variants, preservation) in functions.Zip(measured.Functions))
        {
            var original = new VariantCode(module.Bodies[(int)variants.Function - module.ImportedFunctionCount].Decode());
            var groups = (await compiled.GroupAsync(fixture.Engine, variants.Function, [original, .. variants.Variants.Select(variant => variant.Code)], Cancellation)).Value;

            Assert.Equal(preservation.Groups, groups);
            Assert.Equal([0, 0, 1, 0, 2], groups); // nops vanish; two and four calls of an outlined function stay
        }
    }

    [Fact]
    public async Task A_candidate_that_is_not_valid_is_the_callers_mistake()
    {
        var (module, function) = Adding();
        await Assert.ThrowsAsync<ArgumentException>(() =>
            new CompiledVariants(module).GroupAsync(fixture.Engine, function, [Sum, Code(code => code.Op(Opcode.I32Add))], Cancellation));
    }

    private static VariantCode Code(Action<CodeBuilder> write)
    {
        var code = new CodeBuilder(2);
        write(code);
        return new VariantCode(code.Body().Decode());
    }

    /// <summary>A version that calls an outlined function with the code of another.</summary>
    private static VariantCode Outlined(VariantCode version) =>
        Code(code => code.Parameters().Call(VariantCode.OutlinedBase)) with { Outlined = [new OutlinedFunction(FunctionType.Of([I32, I32], [I32]), version.Code)] };

    private static (WasmModule Module, uint Function) Adding()
    {
        var builder = new ModuleBuilder();
        builder.Import("env", "unused", [], []);
        var function = builder.Function([I32, I32], [I32], code => code.Get(0).Get(1).Op(Opcode.I32Add), "add");
        return (builder.Read(), function);
    }

    private async Task<PreservationReport> Measure(ImmutableArray<(VariantCode Code, string[] Transforms)> variants)
    {
        var (module, function) = Adding();
        var linked = MultivariantLinker.Link(
            module, [new FunctionVariants(function, [.. variants.Select(variant => Variants.Of(variant.Code, variant.Transforms))])], new LinkOptions { Policy = DispatchPolicy.Call, Randomness = RandomnessMode.Export });
        return (await PreservationReport.MeasureAsync(fixture.Engine, linked.Module, linked.Map, Cancellation)).Value;
    }
}
