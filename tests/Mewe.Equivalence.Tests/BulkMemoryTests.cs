using Mewe.Diversify;
using Mewe.Wasm;
using static Mewe.Equivalence.Tests.TestModule;

namespace Mewe.Equivalence.Tests;

/// <summary>memory.fill and memory.copy against loops over bytes: the harness models the former by cells, and the latter store by store, and both must come to the same.</summary>
public sealed class BulkMemoryTests(EngineFixture fixture)
{
    private const uint From = 2, Count = 3, At = 4, Step = 5, Left = 6;

    [Fact]
    public async Task ACopyEqualsALoopInTheRightDirection() => Assert.IsType<Tested>(await VerdictAsync(Copy, [.. ForwardsOrBackwards, .. CopyBytes]));

    [Fact]
    public async Task ACopyDiffersFromALoopThatAlwaysGoesForwards() =>
        Assert.IsType<Refuted>(await VerdictAsync(Copy, [Const(0), Set(At), Const(1), Set(Step), .. CopyBytes]));

    [Fact]
    public async Task ACopyDiffersFromOneOfAByteLess() => Assert.IsType<Refuted>(await VerdictAsync(Copy, [.. Bulk(Opcode.MemoryCopy, less: 1)]));

    [Fact]
    public async Task AFillEqualsALoop() => Assert.IsType<Tested>(await VerdictAsync(Fill, [.. FillBytes(Op(Opcode.Nop))]));

    [Theory]
    [InlineData(Opcode.I32Eqz)]
    [InlineData(Opcode.I32Clz)]
    public async Task AFillDiffersFromOneWithSomethingElse(Opcode change) => Assert.IsType<Refuted>(await VerdictAsync(Fill, [.. FillBytes(Op(change))]));

    [Fact]
    public async Task AFillDiffersFromOneOfAByteLess() => Assert.IsType<Refuted>(await VerdictAsync(Fill, [.. Bulk(Opcode.MemoryFill, less: 1)]));

    private static Instruction[] Copy => Bulk(Opcode.MemoryCopy, less: 0);

    private static Instruction[] Fill => Bulk(Opcode.MemoryFill, less: 0);

    private static Instruction Set(uint local) => Instruction.LocalSet(local);

    // At the first argument; what is copied lies up to 16 bytes beside it, so that ranges overlap; one to 64 bytes.
    private static Instruction[] Ranges =>
    [
        Get(0), Get(1), Const(31), Op(Opcode.I32And), Op(Opcode.I32Add), Const(16), Op(Opcode.I32Sub), Set(From),
        Get(1), Const(5), Op(Opcode.I32ShrU), Const(63), Op(Opcode.I32And), Const(1), Op(Opcode.I32Add), Instruction.LocalTee(Count), Set(Left),
    ];

    private static Instruction[] Bulk(Opcode opcode, int less) => [Get(0), Get(From), Get(Count), Const(less), Op(Opcode.I32Sub), Instruction.Of(opcode)];

    private static Instruction[] ForwardsOrBackwards =>
    [
        Const(0), Get(Count), Const(1), Op(Opcode.I32Sub), Get(0), Get(From), Op(Opcode.I32LeU), Op(Opcode.Select), Set(At),
        Const(1), Const(-1), Get(0), Get(From), Op(Opcode.I32LeU), Op(Opcode.Select), Set(Step),
    ];

    private static Instruction[] CopyBytes => [.. Reach(From), .. Loop(Get(From), Get(At), Op(Opcode.I32Add), Instruction.Memory(Opcode.I32Load8U, 0, 0))];

    private static Instruction[] FillBytes(Instruction change) => [Const(0), Set(At), Const(1), Set(Step), .. Loop(Get(From), change)];

    // Traps where the range does not lie inside, before anything is written.
    private static Instruction[] Reach(uint start) => [Get(start), Get(Count), Op(Opcode.I32Add), Const(1), Op(Opcode.I32Sub), Instruction.Memory(Opcode.I32Load8U, 0, 0), Op(Opcode.Drop)];

    private static Instruction[] Loop(params Instruction[] value) =>
    [
        .. Reach(0), Instruction.Block(Opcode.Loop, BlockType.Empty),
        Get(0), Get(At), Op(Opcode.I32Add), .. value, Instruction.Memory(Opcode.I32Store8, 0, 0),
        Get(At), Get(Step), Op(Opcode.I32Add), Set(At),
        Get(Left), Const(1), Op(Opcode.I32Sub), Instruction.LocalTee(Left), Instruction.Of(Opcode.BrIf, 0), Op(Opcode.End),
    ];

    private async Task<Verdict> VerdictAsync(Instruction[] original, Instruction[] candidate)
    {
        var module = Of(Write);
        var function = module.AddFunction(module.IndexOfType(Write), new FunctionBody(With(original)));
        var report = await new DifferentialTester(fixture.Engine, module, new TestOptions()).TestAsync(function, [new VariantCode(With(candidate))], null, TestContext.Current.CancellationToken);
        return Assert.Single(report.Verdicts);

        static FunctionCode With(Instruction[] body) => new([new LocalGroup(5, ValueType.I32)], [.. Ranges, .. body, Op(Opcode.End)]);
    }
}
