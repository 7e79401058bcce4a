using System.Collections.Concurrent;
using Mewe.Conformance.Tests.Multivariant;
using Mewe.Conformance.Tests.Oracle;
using Mewe.Conformance.Tests.Suite;
using Mewe.Diversify;
using Mewe.Linking;
using Mewe.Wasm;

namespace Mewe.Conformance.Tests;

/// <summary>The oracle can fail: wrong variants are noticed where the suite exercises what is wrong with them.</summary>
[Collection(EngineFixture.OneAfterTheOther)]
public sealed class PlantedFaultTests(V8 fixture)
{
    [Theory]
    [InlineData(Opcode.I32Add, Opcode.I32Sub, "i32")]
    [InlineData(Opcode.I64ShrS, Opcode.I64ShrU, "i64")]
    [InlineData(Opcode.I32LtS, Opcode.I32LtU, "i32")]
    [InlineData(Opcode.F32Min, Opcode.F32Max, "f32")]
    [InlineData(Opcode.F64Le, Opcode.F64Lt, "f64_cmp")]
    [InlineData(Opcode.I32Load16S, Opcode.I32Load16U, "endianness")]
    [InlineData(Opcode.I64Mul, Opcode.I64Add, "fac")]
    [InlineData(Opcode.I8x16AddSatU, Opcode.I8x16Add, "simd_i8x16_sat_arith")]
    [InlineData(Opcode.Unreachable, Opcode.Nop, "unreachable")]
    public async Task A_variant_with_another_instruction_gives_another_verdict(Opcode right, Opcode wrong, string script)
    {
        var suite = SpecSuite.Require();
        var originals = await fixture.OriginalsAsync(suite);
        var before = originals.Scripts.Single(run => run.File.Name == script);
        var multivariant = await MultivariantSuite.PrepareAsync(suite, new Replaced(right, wrong), TestContext.Current.CancellationToken, [before.File]);
        var form = multivariant.Linked(new LinkOptions { Policy = DispatchPolicy.Forced, ForcedChoice = 1 }, new ConcurrentDictionary<string, string>());

        var run = await SuiteRun.RunAsync(fixture.Engine, suite, form, TestContext.Current.CancellationToken, [before.File]);

        Assert.NotEmpty(run.DifferencesTo(new SuiteRun([before])));
    }

    [Fact]
    public async Task An_untouched_original_gives_the_same_verdicts_beside_a_wrong_variant()
    {
        var suite = SpecSuite.Require();
        var originals = await fixture.OriginalsAsync(suite);
        var before = originals.Scripts.Single(run => run.File.Name == "i32");
        var multivariant = await MultivariantSuite.PrepareAsync(
            suite, new Replaced(Opcode.I32Add, Opcode.I32Sub), TestContext.Current.CancellationToken, [before.File]);
        var form = multivariant.Linked(new LinkOptions { Policy = DispatchPolicy.Forced, ForcedChoice = 0 }, new ConcurrentDictionary<string, string>());

        var run = await SuiteRun.RunAsync(fixture.Engine, suite, form, TestContext.Current.CancellationToken, [before.File]);

        Assert.Empty(run.DifferencesTo(new SuiteRun([before])));
    }

    /// <summary>Variants with one instruction in the place of another.</summary>
    private sealed class Replaced(Opcode right, Opcode wrong) : VariantSource
    {
        public override Func<FunctionInput, CancellationToken, Task<SourcedVariants>> Begin(WasmModule module) => (function, _) =>
        {
            var code = new FunctionCode(function.Code.Locals, [.. function.Code.Instructions.Select(Replace)]);
            return Task.FromResult(new SourcedVariants([new LinkedVariant(new VariantCode(code), ["planted"], new Evidence(EvidenceKind.Tested, 0, 0, 0))], null, []));
        };

        private Instruction Replace(Instruction instruction) => instruction.Opcode != right ? instruction
            : instruction.Info.Immediate == ImmediateKind.Memory ? Instruction.Memory(wrong, instruction.Bits, instruction.Index2, instruction.Index)
            : Instruction.Of(wrong);
    }
}
