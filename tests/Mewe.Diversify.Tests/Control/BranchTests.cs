using Mewe.Diversify.Tests.Running;
using Mewe.Diversify.Transforms.Control;
using Mewe.Wasm;
using static Mewe.Diversify.Tests.Running.Code;
using static Mewe.Diversify.Tests.Running.TransformChecks;

namespace Mewe.Diversify.Tests.Control;

public sealed class BranchTests(EngineFixture fixture)
{
    /// <summary>Loads may trap, so that evaluating both arms would show.</summary>
    private static readonly FunctionCode GuardedLoad = Body([], Get(0), I32(1000), Op(Opcode.I32LtU), If(ValueType.I32), Get(0), Load(Opcode.I32Load), Else, I32(-1), End);

    private static readonly FunctionCode PureChoice = Body([], Get(0), Get(2), Op(Opcode.I32LtS), If(ValueType.I32), Get(0), I32(3), Op(Opcode.I32Mul), Else, Get(2), End);

    private static readonly FunctionCode Table = Body([ValueType.I32],
        Block(), Block(), Block(), Get(0), BrTable(0, 1, 2, 2, 1, 0), End, I32(10), Set(3), End, Get(3), I32(5), Op(Opcode.I32Add), Set(3), End, Get(3));

    [Fact]
    public async Task An_if_is_inverted_with_a_negated_comparison()
    {
        var variant = Assert.Single(await Right(fixture, new IfInversion(), PureChoice));
        Assert.Equal(1, variant.Count(Opcode.I32GeS));
        Assert.Equal(0, variant.Count(Opcode.I32Eqz));
    }

    [Fact]
    public async Task An_ordered_float_comparison_is_inverted_only_through_eqz()
    {
        var body = Body([], Get(0), Op(Opcode.F32ReinterpretI32), Instruction.F32Const(0x3F80_0000), Op(Opcode.F32Lt), If(ValueType.I32), I32(1), Else, I32(2), End);
        var variant = Assert.Single(await Right(fixture, new IfInversion(), body));
        Assert.Equal((1, 1), (variant.Count(Opcode.F32Lt), variant.Count(Opcode.I32Eqz)));
    }

    [Fact]
    public async Task An_if_becomes_branches_and_back()
    {
        var variants = await Right(fixture, new IfToBranches(), GuardedLoad);
        Assert.All(variants, variant => Assert.Equal(0, variant.Count(Opcode.If)));
        var body = Body([], Block(), Get(0), BrIf(0), Get(2), GlobalSet(0), Get(2), BrIf(0), I32(4), GlobalSet(2), End, GlobalGet(0));
        await Right(fixture, new BranchesToIf(), body);
    }

    [Fact]
    public Task A_branch_is_inverted_around_another() =>
        Right(fixture, new BrIfInversion(), Body([], Block(), Block(), Get(0), BrIf(1), Get(2), BrIf(0), I32(3), GlobalSet(0), End, I32(4), GlobalSet(2), End, GlobalGet(0)));

    [Fact]
    public void A_branch_with_a_value_is_not_inverted() => Refuses(new BrIfInversion(), Body([], Block(ValueType.I32), Get(0), Get(2), BrIf(0), End));

    [Fact]
    public async Task Pure_arms_become_a_select_and_back()
    {
        Assert.All(await Right(fixture, new IfToSelect(), PureChoice), variant => Assert.Equal((0, 1), (variant.Count(Opcode.If), variant.Count(Opcode.Select))));
        await Right(fixture, new SelectToIf(), Body([], Get(0), Get(2), Get(0), I32(1), Op(Opcode.I32And), Op(Opcode.Select)));
    }

    [Fact]
    public void An_arm_that_may_trap_does_not_become_a_select() => Refuses(new IfToSelect(), GuardedLoad);

    [Fact]
    public async Task A_select_whose_value_calls_still_evaluates_it_first_and_always()
    {
        var body = Body([], Get(0), Get(1), Call(TestBench.Log), Get(2), I64(9), Call(TestBench.Log), GlobalGet(0), Op(Opcode.Select));
        Assert.All(await Right(fixture, new SelectToIf(), body), variant => Assert.Equal(2, variant.Count(Opcode.Call)));
    }

    [Fact]
    public async Task A_conditional_set_whose_condition_writes_the_local_reads_the_new_value()
    {
        // The condition sets local 3, and where it is false the select must give that value, not the older one.
        var body = Body([ValueType.I32], Get(0), Tee(3), I32(1), Op(Opcode.I32And), If(), I32(77), Set(3), End, Get(3));
        var candidates = Candidates(body, new IfToSelect(), 4);
        var wrong = await fixture.Compare(body, candidates, 64);
        Assert.True(wrong.Count == 0, wrong.FirstOrDefault());
    }

    [Fact]
    public async Task A_branch_table_keeps_its_default_and_compares_unsigned()
    {
        // Half of the arguments are negative: signed comparisons would take them for small indices.
        Assert.All(await Right(fixture, new BrTableToTree(), Table, 12), variant => Assert.Equal(0, variant.Count(Opcode.BrTable)));
        Assert.All(await Right(fixture, new BrTableToTree(), Body([], Block(), Get(0), BrTable(0), End, GlobalGet(0))), variant => Assert.Equal(0, variant.Count(Opcode.BrTable)));
    }

    [Fact]
    public Task A_branch_table_with_values_becomes_a_chain() => Right(fixture, new BrTableToTree(),
        Body([], Block(ValueType.I32), Block(ValueType.I32), Get(2), Get(0), I32(3), Op(Opcode.I32And), BrTable(1, 0, 1, 0), End, I32(100), Op(Opcode.I32Add), End));

    [Fact]
    public async Task A_chain_of_comparisons_becomes_a_table_with_gaps()
    {
        var body = Body([], Block(), Block(), Get(0), I32(-2), Op(Opcode.I32Eq), BrIf(0), Get(0), I32(1), Op(Opcode.I32Eq), BrIf(1),
            Get(0), I32(-2), Op(Opcode.I32Eq), BrIf(1), Get(0), I32(3), Op(Opcode.I32Eq), BrIf(0), I32(6), GlobalSet(0), End, I32(5), GlobalSet(2), End,
            GlobalGet(0), GlobalGet(2), Op(Opcode.I32Sub));
        var variants = await Right(fixture, new BranchesToTable(), body, 16);
        Assert.Contains(variants, variant => variant.Code.Code.Instructions.Any(item => item.Opcode == Opcode.BrTable && item.Labels.Length == 6));
    }

    [Fact]
    public async Task Returns_and_branches_to_the_body_are_the_same()
    {
        var body = Body([], Get(0), If(), I32(1), Get(2), Return, End, Block(), Get(2), BrIf(0), I32(9), Br(1), End, I32(4));
        await Right(fixture, new ReturnToBranch(), body);
    }

    [Fact]
    public async Task A_tail_is_copied_to_its_branches_with_its_labels_raised()
    {
        var body = Body([], Block(), Block(), Block(), Get(0), BrIf(0), Get(2), BrIf(1), I32(6), GlobalSet(0), Br(0), End, I32(1), Get(1), Call(TestBench.Log), GlobalSet(0), Br(1), End,
            I32(8), GlobalSet(2), End, GlobalGet(0), GlobalGet(2), Op(Opcode.I32Xor));
        Assert.Contains(await Right(fixture, new TailDuplication(), body, 12), variant => variant.Count(Opcode.Call) > 1);
    }

    [Fact]
    public void A_tail_is_not_copied_into_a_try_whose_handler_would_catch_it()
    {
        var body = Body([], Block(), Instruction.Block(Opcode.Try, BlockType.Empty), Br(1), Op(Opcode.CatchAll), End, End, I32(0), Get(1), Call(TestBench.Log), Return);
        Refuses(new TailDuplication(), new FunctionCode(body.Locals, [.. body.Instructions[..^1], Op(Opcode.Unreachable), End]));
    }

    [Fact]
    public async Task A_statement_moves_into_both_arms_but_not_past_a_branch_to_the_if()
    {
        var body = Body([], Get(0), If(), I32(1), GlobalSet(0), Else, I32(2), GlobalSet(2), End, Get(2), GlobalGet(0), Op(Opcode.I32Add), GlobalSet(2), GlobalGet(2));
        Assert.All(await Right(fixture, new TailDuplication(), body), variant => Assert.Equal(4, variant.Count(Opcode.GlobalSet)));
        Refuses(new TailDuplication(), Body([], Get(0), If(), Get(2), BrIf(0), I32(1), GlobalSet(0), End, I32(3), GlobalSet(2), GlobalGet(2)));
    }
}
