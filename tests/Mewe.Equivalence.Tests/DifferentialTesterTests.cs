using Mewe.Diversify;
using Mewe.Execution;
using Mewe.Wasm;
using static Mewe.Equivalence.Tests.TestModule;

namespace Mewe.Equivalence.Tests;

public sealed class DifferentialTesterTests(EngineFixture fixture)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private async Task<Verdict> VerdictAsync(FunctionType type, Instruction[] original, params Instruction[] candidate)
    {
        var tester = new DifferentialTester(fixture.Engine, TestModule.Of(type, original), new TestOptions());
        return (await tester.TestAsync(Function, [new VariantCode(Code(candidate))], null, Cancellation)).Verdicts[0];
    }

    [Fact]
    public async Task AnEqualCandidateIsTested()
    {
        var verdict = Assert.IsType<Tested>(await VerdictAsync(Binary, [Get(0), Get(1), Op(Opcode.I32Add)], Get(1), Get(0), Op(Opcode.I32Add)));

        Assert.Equal((256, 256, 256, 0, 1.0, TestedBasis.Completed),
            (verdict.Inputs, verdict.Conclusive, verdict.Completed, verdict.Trapped, verdict.BranchCoverage, verdict.Basis));
    }

    [Fact]
    public async Task AWrongResultIsRefuted() =>
        Assert.IsType<Refuted>(await VerdictAsync(Binary, [Get(0), Get(1), Op(Opcode.I32Add)], Get(0), Get(1), Op(Opcode.I32Or)));

    [Fact]
    public async Task AWriteToAnotherAddressIsRefuted() =>
        Assert.IsType<Refuted>(await VerdictAsync(Write, [Get(0), Get(1), Store()], Get(0), Get(1), Store(offset: 4)));

    [Fact]
    public async Task WritesInAnotherOrderAreEqualWhereNobodyLooksBetween() => Assert.IsType<Tested>(await VerdictAsync(
        Write,
        [Const(16), Get(1), Store(), Const(24), Get(1), Store()],
        Const(24), Get(1), Store(), Const(16), Get(1), Store()));

    [Fact]
    public async Task WritesInAnotherOrderDifferWhereTheFirstMayTrap() => Assert.IsType<Refuted>(await VerdictAsync(
        Write,
        [Get(0), Get(1), Store(), Const(24), Get(1), Store()],
        Const(24), Get(1), Store(), Get(0), Get(1), Store()));

    [Fact]
    public async Task AWriteMovedAcrossACallIsRefuted() => Assert.IsType<Refuted>(await VerdictAsync(
        Write,
        [Const(16), Get(1), Store(), Instruction.Call(1)],
        Instruction.Call(1), Const(16), Get(1), Store()));

    [Fact]
    public async Task ATrapThatTheHarnessSeesComingEqualsOneThatTheEngineRaises() => Assert.IsType<Tested>(await VerdictAsync(
        Unary,
        [Get(0), Instruction.Block(Opcode.If, BlockType.Empty), Op(Opcode.Unreachable), Op(Opcode.End), Get(0)],
        Get(0), Instruction.Block(Opcode.If, BlockType.Empty), Const(1), Const(0), Op(Opcode.I32DivS), Op(Opcode.Drop), Op(Opcode.End), Get(0)));

    [Fact]
    public async Task ALoadThatMayTrapMustNotBeDropped() => Assert.IsType<Refuted>(await VerdictAsync(
        Unary,
        [Get(0), Instruction.Memory(Opcode.I32Load, 0, 0), Op(Opcode.Drop), Get(0)],
        Get(0)));

    [Fact]
    public async Task ATrapWithinAnOutlinedFunctionEndsTheCandidate()
    {
        Instruction[] trap = [Get(0), Instruction.Memory(Opcode.I32Load, 0xFFFF_0000, 0), Op(Opcode.Drop)];
        var tester = new DifferentialTester(fixture.Engine, TestModule.Of(Unary, [.. trap, Const(8), Const(1), Store(), Get(0)]), new TestOptions());
        var outlined = new OutlinedFunction(FunctionType.Of([ValueType.I32], []), Code(trap));
        var equal = new VariantCode(Code(Get(0), Instruction.Call(VariantCode.OutlinedBase), Const(8), Const(1), Store(), Get(0)), [outlined]);
        var wrong = new VariantCode(Code(Const(8), Const(1), Store(), Get(0), Instruction.Call(VariantCode.OutlinedBase), Get(0)), [outlined]);

        var report = await tester.TestAsync(Function, [equal, wrong], null, Cancellation);

        Assert.IsType<Tested>(report.Verdicts[0]);
        Assert.IsType<Refuted>(report.Verdicts[1]);
    }

    [Fact]
    public async Task CandidatesOfOneFunctionShareTheirInputs()
    {
        var tester = new DifferentialTester(fixture.Engine, TestModule.Of(Binary, Get(0), Get(1), Op(Opcode.I32Add)), new TestOptions()).Of(Function, null);
        VariantCode[] candidates = [new(Code(Get(1), Get(0), Op(Opcode.I32Add))), new(Code(Get(0), Get(1), Op(Opcode.I32Or)))];

        var first = await tester.TestAsync(candidates, Cancellation);
        var second = await tester.TestAsync(candidates, Cancellation);

        Assert.Equal(first.Verdicts, second.Verdicts);
        Assert.True(second.Executions <= 3 * 256 && first.Executions > second.Executions, $"{first.Executions}, then {second.Executions}");
    }

    [Fact]
    public async Task AGlobalChangedAfterACallInsteadOfBeforeIsRefuted() => Assert.IsType<Refuted>(await VerdictAsync(
        Write,
        [Get(1), Instruction.Of(Opcode.GlobalSet, 0), Instruction.Call(1)],
        Instruction.Call(1), Get(1), Instruction.Of(Opcode.GlobalSet, 0)));

    [Fact]
    public async Task AnotherArgumentForACallIsRefuted() => Assert.IsType<Refuted>(await VerdictAsync(
        Unary, [Get(0), Instruction.Call(0)], Get(0), Const(1), Op(Opcode.I32Add), Instruction.Call(0)));

    [Fact]
    public async Task AnotherCalleeIsRefuted() => Assert.IsType<Refuted>(await VerdictAsync(
        Unary, [Get(0), Instruction.Call(0)], Get(0), Instruction.Call(Function)));

    [Fact]
    public async Task AUnalignedWriteAcrossTwoCellsIsSeenWhole() => Assert.IsType<Refuted>(await VerdictAsync(
        Write,
        [Const(20), Get(1), Op(Opcode.I64ExtendI32S), Store(Opcode.I64Store, 1)],
        Const(20), Get(1), Op(Opcode.I64ExtendI32U), Store(Opcode.I64Store, 1)));

    [Fact]
    public async Task AHangIsAnAnswer() => Assert.Equal(RunEnding.FuelExhausted, Assert.IsType<Refuted>(await VerdictAsync(
        Unary,
        [Get(0)],
        Instruction.Block(Opcode.Loop, BlockType.Empty), Instruction.Of(Opcode.Br, 0), Op(Opcode.End), Op(Opcode.Unreachable))).Counterexample.Candidate.Ending);

    [Fact]
    public async Task AnOriginalThatNeverEndsDecidesNothing()
    {
        Instruction[] hang = [Instruction.Block(Opcode.Loop, BlockType.Empty), Instruction.Of(Opcode.Br, 0), Op(Opcode.End), Op(Opcode.Unreachable)];

        var verdict = Assert.IsType<Inconclusive>(await VerdictAsync(Unary, hang, hang));

        Assert.Equal(InconclusiveKind.NeverEnds, verdict.Kind);
    }

    [Fact]
    public async Task CandidatesMayBurnSeveralTimesTheFuel()
    {
        // 1,500 iterations, and twice as many that do nothing.
        static Instruction[] Count(int times) =>
        [
            Instruction.Block(Opcode.Loop, BlockType.Empty),
            Get(1), Const(1), Op(Opcode.I32Add), Instruction.LocalTee(1), Const(times), Op(Opcode.I32LtU), Instruction.Of(Opcode.BrIf, 0),
            Op(Opcode.End), Get(0),
        ];

        Assert.IsType<Tested>(await VerdictAsync(
            Binary, [Const(0), Instruction.LocalSet(1), .. Count(1500)], [Const(0), Instruction.LocalSet(1), .. Count(3000)]));
    }

    [Fact]
    public async Task AFunctionThatAlwaysTrapsIsComparedByItsCallsOut()
    {
        Instruction[] exit = [Get(0), Instruction.Call(0), Op(Opcode.Drop), Op(Opcode.Unreachable)];

        var same = Assert.IsType<Tested>(await VerdictAsync(Unary, exit, exit));
        var other = await VerdictAsync(Unary, exit, Get(0), Op(Opcode.I32Eqz), Instruction.Call(0), Op(Opcode.Drop), Op(Opcode.Unreachable));

        Assert.Equal(TestedBasis.TrapsOnly, same.Basis);
        Assert.IsType<Refuted>(other);
    }

    [Fact]
    public async Task SomeCallsOutTrap()
    {
        var verdict = Assert.IsType<Tested>(await VerdictAsync(Unary, [Get(0), Instruction.Call(0)], Get(0), Instruction.Call(0)));

        Assert.InRange(verdict.Trapped, 1, 64);
    }

    [Fact]
    public async Task AnInvalidCandidateIsNotLinkedAndDoesNotSpoilItsBatch()
    {
        var tester = new DifferentialTester(fixture.Engine, TestModule.Of(Unary, Get(0)), new TestOptions());

        var report = await tester.TestAsync(
            Function, [new VariantCode(Code(Get(0))), new VariantCode(Code(Op(Opcode.Nop))), new VariantCode(Code(Get(9))), new VariantCode(Code(Get(0)))], null, Cancellation);

        Assert.Equal([typeof(Tested), typeof(Inconclusive), typeof(Inconclusive), typeof(Tested)], report.Verdicts.Select(verdict => verdict.GetType()));
    }

    [Fact]
    public async Task ABranchOnARareValueIsReached()
    {
        Instruction[] Rare(int result) =>
        [
            Get(0), Instruction.Memory(Opcode.I32Load, 12, 2), Const(0x12345), Op(Opcode.I32Eq), Instruction.Block(Opcode.If, BlockType.Of(ValueType.I32)),
            Const(result), Op(Opcode.Else), Const(0), Op(Opcode.End),
        ];

        Assert.IsType<Refuted>(await VerdictAsync(Unary, Rare(1), Rare(2)));
    }

    [Fact]
    public async Task ACounterexampleSurvivesJsonAndCanBeReplayed()
    {
        var tester = new DifferentialTester(fixture.Engine, TestModule.Of(Unary, Get(0), Instruction.Call(0)), new TestOptions());
        var candidate = new VariantCode(Code(Get(0), Const(1), Op(Opcode.I32Or), Instruction.Call(0)));
        var report = await tester.TestAsync(Function, [candidate], null, Cancellation);
        var found = Assert.IsType<Refuted>(report.Verdicts[0]).Counterexample;

        var copy = Counterexample.FromJson(found.ToJson());
        var replayed = await tester.ReplayAsync(copy, candidate, null, Cancellation);
        var onOriginal = await tester.ReplayAsync(copy, new VariantCode(Code(Get(0), Instruction.Call(0))), null, Cancellation);

        Assert.Equal(found.ToJson(), copy.ToJson());
        Assert.Equal((found.Original, found.Candidate), (replayed.Value!.Original, replayed.Value.Candidate));
        Assert.Null(onOriginal.Value);
    }

    [Fact]
    public async Task TwoTestersSayTheSame()
    {
        var module = Corpus.Load("paper/encrypt.command.wasm");
        var function = (uint)module.ImportedFunctionCount + 16;
        var code = module.Bodies[16].Decode();
        var wrong = new Planted.WrongConstant().Plant(code, module.TypeOfFunction(function), module).Take(8).Select(planted => new VariantCode(planted)).ToList();

        var first = await new DifferentialTester(fixture.Engine, module, new TestOptions()).TestAsync(function, wrong, null, Cancellation);
        var second = await new DifferentialTester(fixture.Engine, module, new TestOptions { BatchSize = 3 }).TestAsync(function, wrong, null, Cancellation);

        Assert.Equal(first.Verdicts.Select(Describe), second.Verdicts.Select(Describe));

        static string Describe(Verdict verdict) => verdict is Refuted refuted ? refuted.Counterexample.ToJson() : verdict.ToString();
    }

    [Fact]
    public async Task WhatTheHarnessDoesNotModelIsSaid()
    {
        var verdict = Assert.IsType<Untestable>(await VerdictAsync(
            Unary, [Get(0), Const(0), Instruction.Memory(Opcode.MemoryAtomicNotify, 0, 2)], Get(0), Const(0), Instruction.Memory(Opcode.MemoryAtomicNotify, 0, 2)));

        Assert.Contains("memory.atomic.notify", verdict.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OutlinedFunctionsRunWithTheirCandidate()
    {
        var tester = new DifferentialTester(fixture.Engine, TestModule.Of(Binary, Get(0), Get(1), Op(Opcode.I32Add)), new TestOptions());
        VariantCode Outlining(Opcode opcode) => new(
            Code(Get(0), Get(1), Instruction.Call(VariantCode.OutlinedBase)), [new OutlinedFunction(Binary, Code(Get(0), Get(1), Op(opcode)))]);

        var report = await tester.TestAsync(Function, [Outlining(Opcode.I32Add), Outlining(Opcode.I32Sub)], null, Cancellation);

        Assert.IsType<Tested>(report.Verdicts[0]);
        Assert.IsType<Refuted>(report.Verdicts[1]);
    }

    [Fact]
    public async Task MemorySizeIsObservedInOrder()
    {
        Instruction size = Instruction.Of(Opcode.MemorySize, 0), grow = Instruction.Of(Opcode.MemoryGrow, 0);

        Assert.IsType<Tested>(await VerdictAsync(Unary, [size, Get(0), grow, Op(Opcode.I32Add)], size, Get(0), grow, Op(Opcode.I32Add)));
        Assert.IsType<Refuted>(await VerdictAsync(Unary, [size, Get(0), grow, Op(Opcode.I32Add)], Get(0), grow, size, Op(Opcode.I32Add)));
    }
}
