using Mewe.Diversify;
using Mewe.Equivalence.Proof;
using Mewe.Equivalence.Proof.Solving;
using Mewe.Wasm;
using static Mewe.Equivalence.Tests.TestModule;

namespace Mewe.Equivalence.Tests;

/// <summary>Variants with the blind word: right ones are tested and proved, and where anything shows that depends on the word, they are refuted and never proved.</summary>
public sealed class BlindedVariantTests(EngineFixture fixture, ITestOutputHelper output)
{
    private static readonly Instruction Read = Instruction.Of(Opcode.GlobalGet, VariantCode.BlindGlobal);
    private static readonly Instruction Write64 = Instruction.Of(Opcode.GlobalSet, VariantCode.BlindGlobal);

    /// <summary>Two parameters; local 2 is the word, 3 and 4 are for i32.</summary>
    private const uint Word = 2, First = 3, Second = 4;

    private static Instruction[] Entry => [Read, Instruction.LocalTee(Word), .. Step, Write64];

    private static Instruction[] Step => [Instruction.I64Const(0x5DEE_CE66D), Op(Opcode.I64Mul), Instruction.I64Const(11), Op(Opcode.I64Add)];

    /// <summary>The word as an i32.</summary>
    private static Instruction[] Mask => [Get(Word), Instruction.I64Const(29), Op(Opcode.I64ShrU), Op(Opcode.I32WrapI64)];

    private static Instruction[] StepAgain => [Get(Word), .. Step, Write64, Read, Instruction.LocalSet(Word)];

    private static readonly Instruction Ask = Instruction.Call(0), Tell = Instruction.Call(1), Load = Instruction.Memory(Opcode.I32Load, 0, 0);

    private static readonly Instruction[] Sum = [Get(0), Get(1), Op(Opcode.I32Add)];
    private static readonly Instruction[] Stored = [Const(16), Get(0), Store(), Get(1)];
    private static readonly Instruction[] AcrossCall = [Get(0), Ask, Get(1), Op(Opcode.I32Xor)];
    private static readonly Instruction[] Chosen =
        [Get(0), Instruction.Block(Opcode.If, BlockType.Of(ValueType.I32)), Get(1), Op(Opcode.Else), Get(1), Const(3), Op(Opcode.I32Add), Op(Opcode.End)];

    private static readonly Instruction[] Counted =
    [
        Instruction.Block(Opcode.Loop, BlockType.Empty),
        Get(1), Const(7), Op(Opcode.I32Xor), Instruction.LocalSet(1),
        Get(0), Const(1), Op(Opcode.I32ShrU), Instruction.LocalTee(0), Instruction.Of(Opcode.BrIf, 0),
        Op(Opcode.End), Get(1),
    ];

    /// <summary>The counted loop with its sum under a mask that <paramref name="around"/> may spoil in the loop.</summary>
    private static Instruction[] MaskedCount(params Instruction[] around) =>
    [
        .. Entry, Get(1), .. Mask, Op(Opcode.I32Xor), Instruction.LocalSet(First),
        Instruction.Block(Opcode.Loop, BlockType.Empty),
        Get(First), .. Mask, Op(Opcode.I32Xor), Const(7), Op(Opcode.I32Xor), .. Mask, Op(Opcode.I32Xor), Instruction.LocalSet(First), .. around,
        Get(0), Const(1), Op(Opcode.I32ShrU), Instruction.LocalTee(0), Instruction.Of(Opcode.BrIf, 0),
        Op(Opcode.End), Get(First), .. Mask, Op(Opcode.I32Xor),
    ];

    private static readonly Dictionary<string, (Instruction[] Original, Instruction[] Variant)> Right = new()
    {
        ["a sum under a mask"] = (Sum, [.. Entry, Get(0), .. Mask, Op(Opcode.I32Add), Get(1), Op(Opcode.I32Add), .. Mask, Op(Opcode.I32Sub)]),
        ["a conjunction under a mask"] = ([Get(0), Get(1), Op(Opcode.I32And)],
            [.. Entry, Get(0), .. Mask, Op(Opcode.I32Xor), Get(1), Op(Opcode.I32And), .. Mask, Get(1), Op(Opcode.I32And), Op(Opcode.I32Xor)]),
        ["a constant under a mask"] = ([Get(0), Const(0x1234567), Op(Opcode.I32Add)],
            [.. Entry, Get(0), .. Mask, Const(0x1234567), Op(Opcode.I32Xor), .. Mask, Op(Opcode.I32Xor), Op(Opcode.I32Add)]),
        ["a local under a mask across a call"] = (AcrossCall,
            [.. Entry, Get(1), .. Mask, Op(Opcode.I32Add), Instruction.LocalSet(First), Get(0), Ask, Get(First), .. Mask, Op(Opcode.I32Sub), Op(Opcode.I32Xor)]),
        ["a local under a mask in a loop"] = (Counted, MaskedCount()),
        ["two words"] = (Sum,
            [.. Entry, Get(0), .. Mask, Op(Opcode.I32Xor), Instruction.LocalSet(First), .. Mask, Instruction.LocalSet(Second), .. StepAgain,
             Get(First), Get(Second), Op(Opcode.I32Xor), .. Mask, Op(Opcode.I32Add), Get(1), Op(Opcode.I32Add), .. Mask, Op(Opcode.I32Sub)]),
        ["a branch on the word with the same on both ways"] = (Sum,
            [.. Entry, .. Mask, Instruction.Block(Opcode.If, BlockType.Of(ValueType.I32)), .. Sum, Op(Opcode.Else), Get(1), Get(0), Op(Opcode.I32Add), Op(Opcode.End)]),
    };

    private static readonly Dictionary<string, (Instruction[] Original, Instruction[] Variant)> Wrong = new()
    {
        ["unmasked with another word"] = (Sum,
            [.. Entry, Get(0), .. Mask, Op(Opcode.I32Add), .. StepAgain, Get(1), Op(Opcode.I32Add), .. Mask, Op(Opcode.I32Sub)]),
        ["unmasked with what a callee left"] = (AcrossCall,
            [.. Entry, Get(1), .. Mask, Op(Opcode.I32Add), Instruction.LocalSet(First), Get(0), Ask, Read, Instruction.LocalSet(Word), Get(First), .. Mask, Op(Opcode.I32Sub), Op(Opcode.I32Xor)]),
        ["forgotten on one branch"] = (Chosen,
            [.. Entry, Get(1), .. Mask, Op(Opcode.I32Xor), Instruction.LocalSet(First), Get(0), Instruction.Block(Opcode.If, BlockType.Of(ValueType.I32)),
             Get(First), .. Mask, Op(Opcode.I32Xor), Op(Opcode.Else), Get(First), Const(3), Op(Opcode.I32Add), Op(Opcode.End)]),
        ["masked twice"] = (Sum,
            [.. Entry, Get(0), .. Mask, Op(Opcode.I32Add), .. Mask, Op(Opcode.I32Add), Get(1), Op(Opcode.I32Add), .. Mask, Op(Opcode.I32Sub)]),
        ["unmasked the other way round"] = (Sum, [.. Entry, Get(0), .. Mask, Op(Opcode.I32Xor), Get(1), Op(Opcode.I32Add), .. Mask, Op(Opcode.I32Sub)]),
        ["stored under the mask"] = (Stored, [.. Entry, Const(16), Get(0), .. Mask, Op(Opcode.I32Xor), Store(), Get(1)]),
        ["stored under the mask and put right behind a call"] = ([Const(16), Get(0), Store(), Tell, Get(1)],
            [.. Entry, Const(16), Get(0), .. Mask, Op(Opcode.I32Xor), Store(), Tell, Const(16), Get(0), Store(), Get(1)]),
        ["stored at a masked address"] = (Stored, [.. Entry, Const(16), .. Mask, Const(64), Op(Opcode.I32And), Op(Opcode.I32Add), Get(0), Store(), Get(1)]),
        ["loaded from a masked address"] = ([Const(16), Load], [.. Entry, Const(16), .. Mask, Const(8), Op(Opcode.I32And), Op(Opcode.I32Add), Load]),
        ["given to a callee under the mask"] = ([Get(0), Ask], [.. Entry, Get(0), .. Mask, Op(Opcode.I32Xor), Ask, .. Mask, Op(Opcode.I32Xor)]),
        ["kept in a global under the mask"] = ([Get(0), Instruction.Of(Opcode.GlobalSet, 0), Get(1)], [.. Entry, Get(0), .. Mask, Op(Opcode.I32Xor), Instruction.Of(Opcode.GlobalSet, 0), Get(1)]),
        ["a result that is a bit of the word"] = (Sum, [.. Entry, .. Sum, .. Mask, Const(1), Op(Opcode.I32And), Op(Opcode.I32Xor)]),
        ["right for all words but zero"] = (Sum, [.. Entry, .. Sum, Get(Word), Op(Opcode.I64Eqz), Op(Opcode.I32Add)]),
        ["right for all words but minus one"] = (Sum, [.. Entry, .. Sum, Get(Word), Instruction.I64Const(-1), Op(Opcode.I64Eq), Op(Opcode.I32Add)]),
        ["a trap that the word decides"] = (Sum, [.. Entry, Get(0), .. Mask, Const(3), Op(Opcode.I32And), Op(Opcode.I32DivU), Op(Opcode.Drop), .. Sum]),
        ["a loop that the word decides"] = (Sum, [.. Entry, Instruction.Block(Opcode.Loop, BlockType.Empty), .. Mask, Const(7), Op(Opcode.I32And), Op(Opcode.I32Eqz), Instruction.Of(Opcode.BrIf, 0), Op(Opcode.End), .. Sum]),
        ["another word in each turn of a loop"] = (Counted, MaskedCount(StepAgain)),
        ["a comparison of order under a mask"] = ([Get(0), Get(1), Op(Opcode.I32LtU)],
            [.. Entry, Get(0), .. Mask, Op(Opcode.I32Add), Get(1), .. Mask, Op(Opcode.I32Add), Op(Opcode.I32LtU)]),
    };

    public static TheoryData<string> RightOnes => [.. Right.Keys];

    public static TheoryData<string> WrongOnes => [.. Wrong.Keys];

    private static VariantCode Variant(Instruction[] code) =>
        new(new FunctionCode(FunctionCode.Group([ValueType.I64, ValueType.I32, ValueType.I32]), [.. code, Op(Opcode.End)]));

    private async Task<Verdict> TestAsync((Instruction[] Original, Instruction[] Variant) pair)
    {
        var tester = new DifferentialTester(fixture.Engine, TestModule.Of(Binary, pair.Original), new TestOptions());
        return (await tester.TestAsync(Function, [Variant(pair.Variant)], null, TestContext.Current.CancellationToken)).Verdicts[0];
    }

    private static ProofResult Prove((Instruction[] Original, Instruction[] Variant) pair, bool askSolver) =>
        new TranslationValidator(FunctionInput.Of(new ModuleFacts(TestModule.Of(Binary, pair.Original)), Function), Z3Solver.Create(), null).Prove(Variant(pair.Variant), askSolver, propose: askSolver);

    [Theory]
    [MemberData(nameof(RightOnes))]
    public async Task What_is_the_same_for_every_word_is_tested_and_proved(string name)
    {
        Assert.IsType<Tested>(await TestAsync(Right[name]));
        Assert.IsType<ProvedEqual>(Prove(Right[name], askSolver: false));
    }

    [Theory]
    [MemberData(nameof(WrongOnes))]
    public async Task What_depends_on_the_word_is_refuted_and_never_proved(string name)
    {
        var proof = Prove(Wrong[name], askSolver: true);
        output.WriteLine($"{name}: {proof}");
        Assert.IsType<NotProved>(proof);
        Assert.IsType<Refuted>(await TestAsync(Wrong[name]));
    }

    [Fact]
    public void A_read_that_may_run_twice_is_not_reasoned_about()
    {
        var proof = Prove((Counted, [Instruction.Block(Opcode.Loop, BlockType.Empty), Read, Op(Opcode.Drop), .. Counted[1..]]), askSolver: true);

        Assert.Equal("unsupported", Assert.IsType<NotProved>(proof).Category);
    }

    [Fact]
    public void Two_reads_are_two_unknowns_even_if_nothing_stands_between_them()
    {
        var proof = Prove((Sum, [.. Sum, Read, Read, Op(Opcode.I64Ne), Op(Opcode.I32Add)]), askSolver: true);

        Assert.IsType<NotProved>(proof);
    }

    [Fact]
    public async Task The_word_differs_between_inputs_and_behind_calls()
    {
        // Each of these is wrong if the word is ever another one than a certain constant, or the same in front of a call and behind it.
        foreach (var word in new[] { 0L, -1L, 1L })
        {
            Assert.IsType<Refuted>(await TestAsync((Sum, [.. Sum, Read, Instruction.I64Const(word), Op(Opcode.I64Ne), Op(Opcode.I32Add)])));
        }

        Assert.IsType<Refuted>(await TestAsync(([Get(0), Ask], [Read, Get(0), Ask, Instruction.LocalSet(First), Read, Op(Opcode.I64Ne), Get(First), Op(Opcode.I32Add)])));
    }

    [Fact]
    public async Task A_replay_sees_the_same_word()
    {
        var tester = new DifferentialTester(fixture.Engine, TestModule.Of(Binary, Sum), new TestOptions()).Of(Function, null);
        var candidate = Variant(Wrong["masked twice"].Variant);
        var report = await tester.TestAsync([candidate], TestContext.Current.CancellationToken);
        var counterexample = Assert.IsType<Refuted>(report.Verdicts[0]).Counterexample;

        var again = (await tester.ReplayAsync(counterexample, candidate, TestContext.Current.CancellationToken)).Value;

        Assert.Equal(counterexample.Candidate, again!.Candidate);
    }
}
