using System.Runtime.InteropServices;
using Mewe.Diversify;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Equivalence.Tests;

/// <summary>Harnesses share instances of a library in the engine's processes; what one leaves behind must not show in the report on another function.</summary>
public sealed class LeftoverTests(EngineFixture fixture)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("paper/encrypt.command.wasm")]
    [InlineData("more/as_program.wasm")]
    [InlineData("more/zlib.reactor.wasm")]
    [InlineData("more/lua.command.wasm")]
    [InlineData("more/simd.command.wasm")]
    public async Task ReportsDoNotDependOnWhatWasTestedBefore(string name)
    {
        var module = Corpus.Load(name);
        var functions = Enumerable.Range(0, module.Bodies.Count).Where(i => module.Bodies[i].Decode().Instructions.Length >= 8).Take(16).Select(i => (uint)(module.ImportedFunctionCount + i)).ToList();
        var tester = new DifferentialTester(fixture.Engine, module, new TestOptions { DataBudget = 4096 }); // too little for all data: each function has its own in memory

        var forwards = await Test(functions);
        var backwards = await Test(Enumerable.Reverse(functions));

        Assert.Contains(forwards.Values, texts => texts.Contains("Refuted", StringComparison.Ordinal));
        foreach (var function in functions)
        {
            Assert.Equal(forwards[function], backwards[function]);
        }

        // Digests of what is refuted say more than verdicts: they tell all that a run left in memory.
        async Task<Dictionary<uint, string>> Test(IEnumerable<uint> order)
        {
            var reports = new Dictionary<uint, string>();
            foreach (var function in order)
            {
                var code = module.Bodies[(int)function - module.ImportedFunctionCount].Decode();
                VariantCode[] candidates = [new VariantCode(code), .. Mutants(code).Take(24)];
                var report = await tester.TestAsync(function, candidates, null, Cancellation);
                reports.Add(function, $"{report.BranchesCovered} of {report.BranchesTotal}, {report.Executions} runs: "
                    + string.Join(Environment.NewLine, report.Verdicts.Select(verdict => verdict is Refuted { Counterexample: var found } ? $"Refuted {found.Input.Number}: {found}" : verdict.ToString())));

                // A replay has one input, as the next one has.
                for (var i = 0; i < candidates.Length; i++)
                {
                    if (report.Verdicts[i] is Refuted { Counterexample: var found })
                    {
                        Assert.Equal(found.ToString(), (await tester.ReplayAsync(found, candidates[i], null, Cancellation)).Value?.ToString());
                    }
                }
            }

            return reports;
        }
    }

    // Where data is more than the budget, a function has those parts in memory that it names. What another one named is in its place, then, only where somebody left it there.
    [Fact]
    public async Task DataOfOneFunctionIsNotInMemoryForTheNext()
    {
        const int Start = 0x8000, Mark = 0x55AA55AA;
        var load = Instruction.Memory(Opcode.I32Load, 0, 0);
        var module = TestModule.Of(TestModule.Unary, TestModule.Get(0), load);
        var naming = module.AddFunction(module.IndexOfType(TestModule.Unary),
            new FunctionBody(TestModule.Code(TestModule.Const(Start), load, TestModule.Get(0), TestModule.Op(Opcode.I32Add))));
        var data = new byte[4096];
        MemoryMarshal.Cast<byte, int>(data.AsSpan()).Fill(Mark);
        module.Data.Add(new DataSegment(0, SegmentMode.Active, 0, ConstantExpression.Of(TestModule.Const(Start)), data));
        var tester = new DifferentialTester(fixture.Engine, ModuleReader.Read(ModuleWriter.Write(module)), new TestOptions { DataBudget = 2048 });
        VariantCode Marked(params ReadOnlySpan<Instruction> body) => new(TestModule.Code([.. body, load, TestModule.Const(Mark), TestModule.Op(Opcode.I32Eq), TestModule.Get(0), TestModule.Op(Opcode.I32Add)]));
        var plain = TestModule.Code(TestModule.Get(0), load);
        var differsOnData = new VariantCode(TestModule.Code(
            TestModule.Get(0), load, TestModule.Get(0), load, TestModule.Const(Mark), TestModule.Op(Opcode.I32Eq), TestModule.Op(Opcode.I32Sub)));

        for (var i = 0; i < 4; i++)
        {
            var there = await tester.TestAsync(naming, [Marked(TestModule.Const(Start))], null, Cancellation);
            var here = await tester.TestAsync(TestModule.Function, [new VariantCode(plain), differsOnData], null, Cancellation);

            Assert.IsType<Refuted>(Assert.Single(there.Verdicts)); // 1 instead of the mark: the data is there
            Assert.All(here.Verdicts, verdict => Assert.IsType<Tested>(verdict));
        }
    }

    // Constants and offsets, each changed alone.
    private static IEnumerable<VariantCode> Mutants(FunctionCode code) =>
        from i in Enumerable.Range(0, code.Instructions.Length)
        let instruction = code.Instructions[i]
        where instruction.Opcode == Opcode.I32Const || instruction.Info.Immediate == ImmediateKind.Memory
        let changed = instruction.Opcode == Opcode.I32Const ? Instruction.I32Const((int)instruction.Bits + 1) : Instruction.Memory(instruction.Opcode, instruction.Bits + 8, 0, instruction.Index)
        select new VariantCode(new FunctionCode(code.Locals, code.Instructions.SetItem(i, changed)));
}
