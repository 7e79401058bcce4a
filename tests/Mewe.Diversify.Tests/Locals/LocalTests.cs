using Mewe.Diversify.Tests.Running;
using Mewe.Diversify.Transforms.Locals;
using Mewe.Wasm;
using static Mewe.Diversify.Tests.Running.Code;
using static Mewe.Diversify.Tests.Running.TransformChecks;

namespace Mewe.Diversify.Tests.Locals;

public sealed class LocalTests(EngineFixture fixture)
{
    [Fact]
    public async Task Locals_of_different_types_are_renumbered()
    {
        var body = Body([ValueType.I64, ValueType.I32, ValueType.F64, ValueType.I32], Get(0), Set(4), Get(1), Set(3), Get(2), Set(6), Get(4), Get(3), Op(Opcode.I32WrapI64), Get(6), Op(Opcode.I32Mul), Op(Opcode.I32Add));
        Assert.True((await Right(fixture, new LocalRenumbering(), body)).Length > 2);
    }

    [Fact]
    public Task A_parameter_is_copied_with_its_writes() =>
        Right(fixture, new ParameterCopy(), Body([], Get(0), If(), I32(5), Set(0), End, Get(0), Get(2), Op(Opcode.I32Add)));

    [Fact]
    public async Task A_masked_local_starts_at_its_zero_or_its_argument()
    {
        // Local 3 is read before it is written on one of the ways.
        var body = Body([ValueType.I32, ValueType.I64], Get(2), If(), Get(0), Set(3), Get(1), Tee(4), Set(1), End, Get(3), Get(4), Op(Opcode.I32WrapI64), Op(Opcode.I32Add), Get(0), Op(Opcode.I32Xor));
        await Right(fixture, new MaskedLocal(), body, 16);
        await Right(fixture, new WidenedLocal(), body, 16);
    }

    [Fact]
    public Task Two_locals_share_an_i64_half_and_half() => Right(fixture, new LocalPacking(),
        Body([ValueType.I32, ValueType.I32], Get(0), Get(2), Tee(3), Set(4), Tee(2), Set(3), Get(2), If(), Get(0), Set(4), End, Get(3), Get(4), Op(Opcode.I32Rotl), Get(0), Op(Opcode.I32Xor), Get(2), Op(Opcode.I32Add)), 24);

    [Fact]
    public async Task A_local_with_two_lives_is_split()
    {
        var body = Body([ValueType.I32], Get(0), Set(3), Get(3), GlobalSet(0), Get(2), Set(3), Get(3), I32(1), Op(Opcode.I32Add));
        Assert.All(await Right(fixture, new LocalSplitting(), body), variant => Assert.True(variant.Code.Code.LocalCount > 1));
    }

    [Fact]
    public async Task The_web_of_the_first_zero_is_not_split_from_what_joins_it()
    {
        // Behind the if, local 3 is either zero or what the if wrote: one web. The write at the end is another.
        var body = Body([ValueType.I32], Get(0), If(), Get(2), Set(3), End, Get(3), GlobalSet(0), Get(2), Set(3), Get(3));
        await Right(fixture, new LocalSplitting(), body);
        Refuses(new LocalSplitting(), Body([ValueType.I32], Get(0), If(), Get(2), Set(3), Else, I32(4), Set(3), End, Get(3)));
    }

    [Fact]
    public async Task Locals_that_live_one_after_the_other_share_a_place()
    {
        var body = Body([ValueType.I32, ValueType.I32], Get(0), Set(3), Get(3), GlobalSet(0), Get(2), Set(4), Get(4));
        Assert.Contains(await Right(fixture, new LocalMerging(), body), variant => variant.Code.Code.LocalCount == 0);
    }

    [Fact]
    public async Task A_local_whose_zero_is_read_shares_no_place_that_is_written_before()
    {
        var body = Body([ValueType.I32, ValueType.I32], Get(0), Set(3), Get(3), GlobalSet(0), Get(4), Get(2), Op(Opcode.I32Add));
        var candidates = Candidates(body, new LocalMerging(), 8);
        Assert.All(candidates, variant => Assert.True(variant.Code.Code.LocalCount >= 1));
        Assert.Empty(await fixture.Compare(body, candidates, 32));
    }

    [Fact]
    public async Task A_write_that_nobody_reads_still_keeps_others_away()
    {
        // Local 4 is written in the middle of the life of local 3 and never read.
        var body = Body([ValueType.I32, ValueType.I32], Get(0), Set(3), Get(2), Set(4), Get(3), I32(3), Op(Opcode.I32Mul));
        var candidates = Candidates(body, new LocalMerging(), 8);
        Assert.Empty(await fixture.Compare(body, candidates, 32));
    }

    [Fact]
    public Task Operands_are_saved_in_their_order() =>
        Right(fixture, new SpillToLocal(), Body([], Get(0), Get(1), Call(TestBench.Log), Get(2), Get(1), Call(TestBench.Log), I32(1), Op(Opcode.I32Add), Op(Opcode.I32Sub)), 16);

    [Fact]
    public async Task A_tee_becomes_set_and_get_and_back()
    {
        Assert.All(await Right(fixture, new TeeSplitting(), Body([], Get(0), Tee(2), Get(2), Op(Opcode.I32Mul))), variant => Assert.Equal(0, variant.Count(Opcode.LocalTee)));
        Assert.All(await Right(fixture, new TeeSplitting(), Body([], Get(0), Set(2), Get(2))), variant => Assert.Equal(1, variant.Count(Opcode.LocalTee)));
    }

    [Fact]
    public async Task A_value_moves_to_its_only_use()
    {
        var body = Body([ValueType.I32], Get(0), Get(2), Op(Opcode.I32Xor), Set(3), Get(1), GlobalSet(1), Get(3), I32(1), Op(Opcode.I32ShrU));
        Assert.Equal(0, Assert.Single(await Right(fixture, new ForwardToUse(), body)).Count(Opcode.LocalSet));
    }

    [Fact]
    public void A_value_does_not_move_over_what_changes_it()
    {
        var forward = new ForwardToUse();
        Refuses(forward, Body([ValueType.I32], Get(0), Set(3), Get(2), Set(0), Get(3)));
        Refuses(forward, Body([ValueType.I32], GlobalGet(0), Set(3), Get(0), Get(1), Call(TestBench.Log), Drop, Get(3)));
        Refuses(forward, Body([ValueType.I32], I32(4), Load(Opcode.I32Load), Set(3), I32(4), Get(0), Load(Opcode.I32Store), Get(3)));
        Refuses(forward, Body([ValueType.I32], Get(0), Get(2), Op(Opcode.I32Add), Set(3), Loop(), Get(3), BrIf(0), End, I32(1)));
        Refuses(forward, Body([ValueType.I32], Get(0), Get(2), Op(Opcode.I32Add), Set(3), Get(3), GlobalSet(0), Get(3)));
    }

    [Fact]
    public Task Statements_read_a_copy_of_a_local() =>
        Right(fixture, new RegionCopy(), Body([], Block(), Get(0), BrIf(0), Get(2), GlobalSet(0), End, Get(0), GlobalSet(2), I32(1), Set(0), Get(0)), 24);

    [Fact]
    public async Task A_held_value_waits_in_a_local()
    {
        var body = Body([], Get(0), I32(2), Op(Opcode.I32Mul), Block(), Get(2), BrIf(0), I32(7), Set(0), End, Get(0), Op(Opcode.I32Sub));
        await Right(fixture, new HeldValueSpill(), body);
    }

    [Fact]
    public void A_held_value_that_a_branch_may_carry_stays()
    {
        var body = Body([], Block(ValueType.I32), Get(0), Get(2), BrIf(0), I32(3), Op(Opcode.I32Add), End);
        Refuses(new HeldValueSpill(), body);
    }
}
