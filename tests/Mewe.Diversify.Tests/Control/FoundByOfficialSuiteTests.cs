using Mewe.Diversify.Tests.Running;
using Mewe.Diversify.Transforms;
using Mewe.Diversify.Transforms.Control;
using Mewe.Wasm;
using static Mewe.Diversify.Tests.Running.Code;

namespace Mewe.Diversify.Tests.Control;

/// <summary>What went wrong on the functions of the official suite.</summary>
public sealed class FoundByOfficialSuiteTests
{
    // Code behind a branch never runs, but it is validated, and may push the results of its block (br.wast, function 18; unreachable.wast, function 16; if.wast, function 40):
    // such code was put into a block without results, which is not valid.
    private static readonly FunctionCode Straight = new([], [I32(1), Return, I32(2), End]);

    private static readonly FunctionCode Looping = new([], [Loop(ValueType.I32), Get(0), BrIf(0), I32(1), Br(1), I32(2), End, End]);

    private static readonly FunctionCode Choosing = new([], [Get(0), If(ValueType.I32), I32(1), Return, I32(2), Else, I32(3), End, End]);

    [Fact]
    public void An_if_that_becomes_branches_may_have_an_arm_that_ends_behind_a_branch_with_values() => AllValid(Choosing, new IfToBranches());

    [Fact]
    public void A_range_that_is_wrapped_in_a_block_may_end_behind_a_branch_with_values() => AllValid(Straight, new BlockNesting());

    [Fact]
    public void A_loop_that_is_peeled_may_end_behind_a_branch_with_values() => AllValid(Looping, new LoopPeeling());

    [Fact]
    public void A_loop_that_is_unrolled_may_end_behind_a_branch_with_values() => AllValid(Looping, new LoopUnrolling());

    /// <summary>br_if leaves a reference with the type of its label, here funcref, and the next label wants a narrower one (br_table.wast, function 72).</summary>
    [Fact]
    public void A_branch_table_with_references_is_left_alone()
    {
        var narrow = new FunctionCode([],
        [
            Block(ValueType.FuncRef), Block(ValueType.Ref(HeapType.Index(0), true)), Instruction.Of(Opcode.RefNull, new HeapTypePayload(HeapType.Index(0))),
            Get(0), BrTable(0, 1), End, End, Drop, I32(1), End,
        ]);

        Assert.Empty(TransformChecks.Candidates(narrow, new BrTableToTree(), 8));
    }

    private static void AllValid(FunctionCode body, ITransform transform) => Assert.NotEmpty(TransformChecks.Candidates(body, transform, 8));
}
