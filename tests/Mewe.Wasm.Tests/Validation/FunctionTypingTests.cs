using System.Collections.Immutable;
using Mewe.Wasm.Validation;

namespace Mewe.Wasm.Tests.Validation;

public sealed class FunctionTypingTests
{
    private static readonly FunctionType Nothing = FunctionType.Of([], []), ToI32 = FunctionType.Of([], [ValueType.I32]),
        Swap = FunctionType.Of([ValueType.I32, ValueType.I64], [ValueType.I64, ValueType.I32]);

    [Fact]
    public void Straight_code_reports_heights_operands_and_results_in_the_order_they_were_pushed()
    {
        var typing = Analyze(ToI32, [Instruction.I32Const(1), Instruction.I64Const(2), Instruction.I64Const(3), Instruction.Of(Opcode.Select), Instruction.Of(Opcode.End)], fails: true);
        Assert.Null(typing);
        typing = Analyze(ToI32, [Instruction.I32Const(1), Instruction.I32Const(2), Instruction.Of(Opcode.I32Sub), Instruction.Of(Opcode.End)]);
        Assert.Equal([0, 1, 2, 1], Heights(typing!));
        Assert.Equal([ValueType.I32, ValueType.I32], typing!.Operands(2));
        Assert.Equal([ValueType.I32], typing.Results(2));
        Assert.Equal([ValueType.I32], typing.Operands(3));
        Assert.Equal([ValueType.I32], typing.Results(3));
        Assert.Equal(-1, typing.Matching(3));
        Assert.Equal(2, typing.MaxStackHeight);
    }

    [Fact]
    public void A_store_reports_address_before_value()
    {
        var typing = Analyze(Nothing, [Instruction.I32Const(1), Instruction.I64Const(2), Instruction.Memory(Opcode.I64Store, 0, 3), Instruction.Of(Opcode.End)])!;
        Assert.Equal([ValueType.I32, ValueType.I64], typing.Operands(2));
        Assert.True(typing.Results(2).IsEmpty);
    }

    [Fact]
    public void Blocks_know_their_ends_and_ends_and_elses_their_blocks()
    {
        var typing = Analyze(Nothing,
        [
            Instruction.I32Const(1), Instruction.Block(Opcode.If, BlockType.Of(ValueType.I32)), Instruction.I32Const(2), Instruction.Of(Opcode.Else),
            Instruction.Block(Opcode.Block, BlockType.Of(ValueType.I32)), Instruction.I32Const(3), Instruction.Of(Opcode.End), Instruction.Of(Opcode.End),
            Instruction.Of(Opcode.Drop), Instruction.Of(Opcode.End),
        ])!;
        Assert.Equal(7, typing.Matching(1));
        Assert.Equal(3, typing.Else(1));
        Assert.Equal(7, typing.Matching(3));
        Assert.Equal(1, typing.Matching(7));
        Assert.Equal(6, typing.Matching(4));
        Assert.Equal(4, typing.Matching(6));
        Assert.Equal(-1, typing.Else(4));
        Assert.Equal(-1, typing.Matching(2));
        Assert.Equal([0, 0, 1, 1, 1, 2, 2, 1, 0, 0], Enumerable.Range(0, typing.Count).Select(typing.Depth));
    }

    [Fact]
    public void An_if_with_parameters_takes_them_and_gives_them_to_both_branches()
    {
        var typing = Analyze(Nothing,
        [
            Instruction.I32Const(1), Instruction.I64Const(2), Instruction.I32Const(3), Instruction.Block(Opcode.If, BlockType.Index(2)),
            Instruction.Of(Opcode.Drop), Instruction.Of(Opcode.Drop), Instruction.I64Const(0), Instruction.I32Const(0), Instruction.Of(Opcode.Else),
            Instruction.Of(Opcode.Unreachable), Instruction.Of(Opcode.End), Instruction.Of(Opcode.Drop), Instruction.Of(Opcode.Drop), Instruction.Of(Opcode.End),
        ])!;
        Assert.Equal([ValueType.I32, ValueType.I64, ValueType.I32], typing.Operands(3));
        Assert.Equal([ValueType.I32, ValueType.I64], typing.Results(3));
        Assert.Equal([ValueType.I64, ValueType.I32], typing.Operands(8));
        Assert.Equal([ValueType.I32, ValueType.I64], typing.Results(8));
        Assert.Equal([ValueType.Bottom, ValueType.Bottom], typing.Operands(10));
        Assert.Equal([ValueType.I64, ValueType.I32], typing.Results(10));
        Assert.False(typing.IsReachable(10));
        Assert.True(typing.IsReachable(11));
    }

    [Fact]
    public void Code_behind_a_branch_is_unreachable_until_the_block_ends()
    {
        var typing = Analyze(Nothing,
        [
            Instruction.Block(Opcode.Block, BlockType.Empty), Instruction.I32Const(7), Instruction.Of(Opcode.Br, 0), Instruction.Of(Opcode.I32Add),
            Instruction.Block(Opcode.Loop, BlockType.Empty), Instruction.Of(Opcode.Nop), Instruction.Of(Opcode.End), Instruction.Of(Opcode.Drop),
            Instruction.Of(Opcode.End), Instruction.Of(Opcode.Nop), Instruction.Of(Opcode.End),
        ])!;
        Assert.Equal([true, true, true, false, false, false, false, false, false, true, true], Enumerable.Range(0, typing.Count).Select(typing.IsReachable));
        Assert.Equal([ValueType.Bottom, ValueType.Bottom], typing.Operands(3));
        Assert.Equal([ValueType.I32], typing.Results(3));
        Assert.Equal([0, 0, 1, 0, 1, 1, 1, 1, 0, 0, 0], Heights(typing));
    }

    [Fact]
    public void A_conditional_branch_takes_the_condition_and_what_it_passes_along()
    {
        var typing = Analyze(ToI32, [Instruction.I32Const(1), Instruction.I32Const(0), Instruction.Of(Opcode.BrIf, 0), Instruction.Of(Opcode.End)])!;
        Assert.Equal([ValueType.I32, ValueType.I32], typing.Operands(2));
        Assert.Equal([ValueType.I32], typing.Results(2));
    }

    [Fact]
    public void A_branch_table_is_checked_against_every_label_and_reports_the_default()
    {
        ImmutableArray<Instruction> code =
        [
            Instruction.Block(Opcode.Block, BlockType.Of(ValueType.I32)), Instruction.I32Const(1), Instruction.I32Const(0),
            Instruction.BranchTable([0, 1], 0), Instruction.Of(Opcode.End), Instruction.Of(Opcode.End),
        ];
        var typing = Analyze(ToI32, code)!;
        Assert.Equal([ValueType.I32, ValueType.I32], typing.Operands(3));
        Assert.Null(Analyze(FunctionType.Of([], [ValueType.I64]), code, fails: true));
    }

    [Fact]
    public void A_legacy_try_matches_its_delegate_and_its_catches_its_end()
    {
        var typing = Analyze(Nothing,
        [
            Instruction.Block(Opcode.Try, BlockType.Empty), Instruction.Block(Opcode.Try, BlockType.Empty), Instruction.Of(Opcode.Delegate, 0),
            Instruction.Of(Opcode.CatchAll), Instruction.Of(Opcode.Rethrow, 0), Instruction.Of(Opcode.End), Instruction.Of(Opcode.End),
        ])!;
        Assert.Equal(2, typing.Matching(1));
        Assert.Equal(1, typing.Matching(2));
        Assert.Equal(5, typing.Matching(0));
        Assert.Equal(5, typing.Matching(3));
    }

    [Fact]
    public void A_local_of_a_type_without_default_must_be_set_before_it_is_read()
    {
        var reference = ValueType.Ref(HeapType.Func, nullable: false);
        var context = Context();
        WasmError? Check(params Instruction[] code) =>
            FunctionValidator.Validate(context, FunctionType.Of([reference], []), new FunctionCode([new LocalGroup(1, reference)], [.. code, Instruction.Of(Opcode.End)]));

        var (get, drop) = (Instruction.LocalGet(1), Instruction.Of(Opcode.Drop));
        Instruction[] set = [Instruction.LocalGet(0), Instruction.LocalSet(1)];
        Assert.Equal((WasmErrorKind.Invalid, 0), (Check(get, drop)!.Kind, (int)Check(get, drop)!.Offset));
        Assert.Null(Check([.. set, get, drop]));
        Assert.Null(Check([.. set, Instruction.Block(Opcode.Block, BlockType.Empty), get, drop, Instruction.Of(Opcode.End), get, drop]));

        // What a block set does not outlive it.
        Assert.Equal(4, Check([Instruction.Block(Opcode.Block, BlockType.Empty), .. set, Instruction.Of(Opcode.End), get, drop])!.Offset);
    }

    [Fact]
    public void Errors_of_made_code_carry_the_index_of_the_instruction()
    {
        var error = FunctionValidator.Validate(Context(), ToI32, new FunctionCode([], [Instruction.I32Const(1), Instruction.Of(Opcode.F32Neg), Instruction.Of(Opcode.End)]));
        Assert.Equal((WasmErrorKind.Invalid, 1L), (error!.Kind, error.Offset));
        Assert.Contains("f32 expected, i32 found", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Opcode.Else)]
    [InlineData(Opcode.CatchAll)]
    [InlineData(Opcode.Delegate)]
    public void Made_code_that_does_not_nest_is_invalid(Opcode opcode) =>
        Assert.Equal(0, FunctionValidator.Validate(Context(), Nothing, new FunctionCode([], [Instruction.Of(opcode), Instruction.Of(Opcode.End)]))!.Offset);

    [Fact]
    public void Made_code_without_its_end_or_with_one_too_many_is_invalid()
    {
        Assert.NotNull(FunctionValidator.Validate(Context(), Nothing, new FunctionCode([], [])));
        Assert.NotNull(FunctionValidator.Validate(Context(), Nothing, new FunctionCode([], [Instruction.Of(Opcode.End), Instruction.Of(Opcode.End)])));
    }

    [Fact]
    public void Validating_a_body_again_allocates_nothing()
    {
        var context = Context();
        var code = new FunctionCode([new LocalGroup(3, ValueType.I32)],
            [.. Enumerable.Repeat<Instruction[]>([Instruction.LocalGet(0), Instruction.LocalGet(1), Instruction.Of(Opcode.I32Add), Instruction.LocalSet(2)], 100).SelectMany(x => x), Instruction.Of(Opcode.End)]);
        Assert.Null(FunctionValidator.Validate(context, Nothing, code));
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
        {
            FunctionValidator.Validate(context, Nothing, code);
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100);
    }

    private static ModuleContext Context()
    {
        var module = new WasmModule();
        module.TypeGroups.Add(RecursionGroup.Single(Nothing));
        module.TypeGroups.Add(RecursionGroup.Single(ToI32));
        module.TypeGroups.Add(RecursionGroup.Single(Swap));
        module.Memories.Add(new MemoryType(new SizeLimits(1, null)));
        return ModuleContext.Create(module);
    }

    private static FunctionTyping? Analyze(FunctionType type, ImmutableArray<Instruction> code, bool fails = false)
    {
        if (!fails)
        {
            return FunctionValidator.Analyze(Context(), type, new FunctionCode([], code));
        }

        Assert.Throws<WasmException>(() => FunctionValidator.Analyze(Context(), type, new FunctionCode([], code)));
        return null;
    }

    private static IEnumerable<int> Heights(FunctionTyping typing) => Enumerable.Range(0, typing.Count).Select(typing.StackHeight);
}
