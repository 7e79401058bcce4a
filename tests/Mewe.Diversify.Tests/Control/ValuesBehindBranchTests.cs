using Mewe.Diversify.Tests.Running;
using Mewe.Diversify.Transforms;
using Mewe.Diversify.Transforms.Control;
using Mewe.Wasm;
using static Mewe.Diversify.Tests.Running.Code;

namespace Mewe.Diversify.Tests.Control;

/// <summary>
/// Code behind a branch never runs, but it is validated, and may push the results of its block. Found by the official suite (br.wast, function 18; unreachable.wast,
/// function 16): these transforms put such code into a block without results, which is not valid.
/// </summary>
public sealed class ValuesBehindBranchTests
{
    private static readonly FunctionCode Straight = new([], [I32(1), Return, I32(2), End]);

    private static readonly FunctionCode Looping = new([], [Loop(ValueType.I32), Get(0), BrIf(0), I32(1), Br(1), I32(2), End, End]);

    [Fact]
    public void A_range_that_is_wrapped_in_a_block_may_end_behind_a_branch_with_values() => AllValid(Straight, new BlockNesting());

    [Fact]
    public void A_loop_that_is_peeled_may_end_behind_a_branch_with_values() => AllValid(Looping, new LoopPeeling());

    [Fact]
    public void A_loop_that_is_unrolled_may_end_behind_a_branch_with_values() => AllValid(Looping, new LoopUnrolling());

    private static void AllValid(FunctionCode body, ITransform transform) => Assert.NotEmpty(TransformChecks.Candidates(body, transform, 8));
}
