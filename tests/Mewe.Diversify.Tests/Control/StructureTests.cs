using Mewe.Diversify.Tests.Running;
using Mewe.Diversify.Transforms.Control;
using Mewe.Wasm;
using static Mewe.Diversify.Tests.Running.Code;
using static Mewe.Diversify.Tests.Running.TransformChecks;

namespace Mewe.Diversify.Tests.Control;

public sealed class StructureTests(EngineFixture fixture)
{
    [Fact]
    public async Task Every_kind_of_label_is_raised_by_a_new_block()
    {
        // br, br_if, br_table with its default, a clause of try_table, and labels in unreachable code.
        var clause = new TryTablePayload(BlockType.Empty, [new CatchClause(CatchKind.CatchAll, 0, 0)]);
        var body = Body([], Block(), Block(), Instruction.Of(Opcode.TryTable, clause), Get(0), BrIf(2), Get(2), BrTable(1, 0, 2), Br(2), End, I32(7), GlobalSet(0), End,
            I32(3), GlobalSet(2), Br(0), I32(2), BrIf(0), End, GlobalGet(0), GlobalGet(2), Op(Opcode.I32Add));
        await Right(fixture, new BlockNesting(), body, 24);
    }

    [Fact]
    public async Task Labels_of_the_legacy_exceptions_are_raised_by_a_new_block()
    {
        var body = Body([], Block(), Instruction.Block(Opcode.Try, BlockType.Empty), Instruction.Block(Opcode.Try, BlockType.Empty), Get(0), BrIf(2), Instruction.Of(Opcode.Delegate, 0),
            Op(Opcode.CatchAll), Instruction.Of(Opcode.Rethrow, 0), End, I32(5), GlobalSet(0), End, GlobalGet(0));
        await Right(fixture, new BlockNesting(), body, 24);
    }

    [Fact]
    public void The_clauses_of_a_try_table_count_from_outside_of_it()
    {
        List<Instruction> moved = [];
        var clause = new TryTablePayload(BlockType.Empty, [new CatchClause(CatchKind.CatchAll, 0, 0), new CatchClause(CatchKind.CatchAll, 0, 1)]);
        Labels.Copy([Block(), Instruction.Of(Opcode.TryTable, clause), Br(0), Br(1), Br(2), End, End], moved, deeper: 5);

        Assert.Equal([0u, 6u], ((TryTablePayload)moved[1].Payload!).Clauses.Select(item => item.Label));
        Assert.Equal([0u, 1u, 7u], moved[2..5].Select(item => item.Index));
    }

    [Fact]
    public async Task Borders_of_blocks_move()
    {
        var body = Body([], I32(3), GlobalSet(0), Block(), Get(0), GlobalSet(2), Get(2), If(), Get(0), BrIf(1), I32(6), GlobalSet(0), End, End, Block(ValueType.I32), GlobalGet(0), End,
            GlobalGet(2), Op(Opcode.I32Sub));
        var variants = await Right(fixture, new BlockSplitting(), body, 16);
        Assert.Contains(variants, variant => variant.Count(Opcode.Block) == 1);
    }

    [Fact]
    public async Task Both_arms_of_a_duplicated_statement_do_the_same()
    {
        var body = Body([], Block(), Get(0), BrIf(0), Get(2), Get(1), Call(TestBench.Log), GlobalSet(0), End, GlobalGet(0));
        Assert.Contains(await Right(fixture, new ArmDuplication(), body, 16), variant => variant.Count(Opcode.Call) == 2);
    }

    [Fact]
    public async Task Flattened_statements_run_in_their_order_and_leave_by_their_labels()
    {
        var body = Body([], Block(), Get(0), Get(1), Call(TestBench.Log), GlobalSet(0), Get(2), BrIf(0), GlobalGet(0), GlobalSet(2), Loop(), I32(7), I64(1), Call(TestBench.Log), Drop, End,
            Get(0), I32(1), Op(Opcode.I32ShrS), Set(0), Get(0), I32(3), Op(Opcode.I32LtS), BrIf(0), I32(9), GlobalSet(0), End, GlobalGet(0));
        Assert.Contains(await Right(fixture, new Flattening(), body, 16), variant => variant.Count(Opcode.BrTable) == 1);
    }

    [Fact]
    public async Task Dead_code_never_runs()
    {
        var body = Body([ValueType.I64], Loop(), Get(0), GlobalSet(2), Get(0), I32(0xFF8), Op(Opcode.I32And), Get(1), Load(Opcode.I64Store), Get(1), Set(3), End, GlobalGet(2), Get(3), Op(Opcode.I32WrapI64), Op(Opcode.I32Add));
        await Right(fixture, new OpaqueInsertion(), body, 40);
    }

    [Fact]
    public async Task Independent_statements_change_places_and_others_do_not()
    {
        await Right(fixture, new StatementReordering(), Body([ValueType.I32], Get(0), Set(3), Get(2), GlobalSet(0), Get(1), GlobalSet(1), Get(3), GlobalGet(0), Op(Opcode.I32Sub)));

        // A store and a load, two calls, a trap before a write, a read and a write of the same local.
        Refuses(new StatementReordering(), Body([ValueType.I32], I32(8), Get(0), Load(Opcode.I32Store), I32(10), Load(Opcode.I32Load), Set(3), Get(3)));
        Refuses(new StatementReordering(), Body([], Get(0), Get(1), Call(TestBench.Log), Drop, Get(2), Get(1), Call(TestBench.Log), Drop, Get(0)));
        Refuses(new StatementReordering(), Body([ValueType.I32], Get(0), Get(2), Op(Opcode.I32DivU), Set(3), Get(0), GlobalSet(0), Get(3)));
        Refuses(new StatementReordering(), Body([ValueType.I32], Get(0), Set(3), Get(2), Set(0), Get(3)));
    }

    [Fact]
    public async Task An_outlined_region_gets_the_locals_it_reads_as_parameters()
    {
        var body = Body([], Get(2), I32(0xFF0), Op(Opcode.I32And), Get(0), Get(2), Op(Opcode.I32Xor), Get(1), Op(Opcode.I32WrapI64), Op(Opcode.I32Sub), Load(Opcode.I32Store), GlobalGet(0));
        var variants = await Right(fixture, new Outlining(), body);
        Assert.All(variants, variant => Assert.NotEmpty(variant.Code.Outlined));
        Assert.Contains(variants, variant => variant.Code.Outlined[0].Type.Results.IsEmpty && variant.Code.Outlined[0].Type.Parameters.Length == 3);
    }

    [Fact]
    public void A_region_that_writes_a_local_is_not_outlined() =>
        Refuses(new Outlining(), Body([], Get(0), Get(2), Op(Opcode.I32Add), Tee(0), Get(0), Op(Opcode.I32Mul)));

    [Fact]
    public void Bodies_with_locals_without_a_default_get_no_blocks()
    {
        var body = Body([ValueType.Ref(HeapType.Func, false)], Get(0), GlobalSet(0), Get(2), If(), I32(1), GlobalSet(2), End, GlobalGet(0));
        Refuses(new BlockNesting(), body);
        Refuses(new IfToBranches(), body);
        Refuses(new TailDuplication(), body);
    }
}
