using Mewe.Diversify.Tests.Running;
using Mewe.Diversify.Transforms.Control;
using Mewe.Wasm;
using static Mewe.Diversify.Tests.Running.Code;
using static Mewe.Diversify.Tests.Running.TransformChecks;

namespace Mewe.Diversify.Tests.Control;

public sealed class LoopTests(EngineFixture fixture)
{
    /// <summary>Two ways on, one way out to an outer label, and a result by falling off the end.</summary>
    private static readonly FunctionCode Search = Body([ValueType.I32, ValueType.I32],
        Get(0), I32(15), Op(Opcode.I32And), Set(3),
        Block(), Loop(ValueType.I32),
        Get(3), Op(Opcode.I32Eqz), BrIf(1),
        Get(3), I32(1), Op(Opcode.I32Sub), Tee(3), Get(1), Call(TestBench.Log), I32(1), Op(Opcode.I32And), BrIf(0),
        Get(4), I32(7), Op(Opcode.I32Add), Set(4),
        Get(3), Get(2), I32(7), Op(Opcode.I32And), Op(Opcode.I32Ne), BrIf(0),
        Get(4), I32(100), Op(Opcode.I32Add),
        End, Return, End, Get(4));

    private static readonly FunctionCode While = Body([ValueType.I32, ValueType.I32],
        Get(0), I32(7), Op(Opcode.I32And), Set(3),
        Block(), Loop(), Get(4), Get(3), Op(Opcode.I32GeU), BrIf(1), Get(4), Get(1), Call(TestBench.Log), GlobalSet(0), Get(4), I32(1), Op(Opcode.I32Add), Set(4), Br(0), End, End, GlobalGet(0));

    private static readonly FunctionCode DoWhile = Body([ValueType.I32],
        Loop(), Get(3), Get(1), Call(TestBench.Log), GlobalSet(0), Get(3), I32(1), Op(Opcode.I32Add), Set(3), Get(3), Get(0), I32(7), Op(Opcode.I32And), Op(Opcode.I32LtU), BrIf(0), End, GlobalGet(0));

    [Fact]
    public async Task A_peeled_loop_goes_on_leaves_and_falls_through_as_before()
    {
        Assert.All(await Right(fixture, new LoopPeeling(), Search), variant => Assert.Equal(2, variant.Count(Opcode.Call)));
        await Right(fixture, new LoopPeeling(), While);
        await Right(fixture, new LoopPeeling(), DoWhile);
    }

    [Fact]
    public async Task An_unrolled_loop_goes_on_leaves_and_falls_through_as_before()
    {
        Assert.All(await Right(fixture, new LoopUnrolling(), Search), variant => Assert.Equal((1, 2), (variant.Count(Opcode.Loop), variant.Count(Opcode.Call))));
        await Right(fixture, new LoopUnrolling(), While);
        await Right(fixture, new LoopUnrolling(), DoWhile);
    }

    [Fact]
    public async Task A_loop_is_rotated_by_its_first_statements()
    {
        Assert.All(await Right(fixture, new LoopRotation(), While), variant => Assert.Equal(1, variant.Count(Opcode.Loop)));
        Assert.All(await Right(fixture, new LoopRotation(), DoWhile), variant => Assert.Equal(2, variant.Count(Opcode.Call)));
    }

    [Fact]
    public void A_loop_with_a_second_way_on_is_not_rotated() => Refuses(new LoopRotation(), Search);

    [Fact]
    public void Loops_with_parameters_are_left_alone()
    {
        var body = Body([], Get(0), Get(1), Instruction.Block(Opcode.Loop, BlockType.Index(1)), Set(1), I32(1), Op(Opcode.I32Add), End);
        Refuses(new LoopPeeling(), body);
        Refuses(new LoopUnrolling(), body);
        Refuses(new LoopRotation(), body);
    }
}
