using Mewe.Diversify.Tests.Evaluation;
using Mewe.Diversify.Views;
using Mewe.Wasm;
using Mewe.Wasm.Validation;

namespace Mewe.Diversify.Tests;

public sealed class FunctionViewTests
{
    private static readonly FunctionType TwoToOne = FunctionType.Of([ValueType.I32, ValueType.I32], [ValueType.I32]);

    private static FunctionView View(params Instruction[] code) => FunctionView.Of(TestModule.Function(TwoToOne, [], code));

    [Fact]
    public void An_expression_is_the_range_of_its_operands_and_its_root()
    {
        var view = View(Instruction.LocalGet(0), Instruction.LocalGet(1), Instruction.I32Const(3), Instruction.Of(Opcode.I32Mul), Instruction.Of(Opcode.I32Add));
        var tree = view.TreeAt(4);
        Assert.Equal((0, 4), (tree.Start, tree.End));
        Assert.Equal((1, 3), (tree.Operand(1).Start, tree.Operand(1).End));
        Assert.Equal((0, 0), (tree.Operand(0).Start, tree.Operand(0).End));
        Assert.Equal(4, view.Consumer(3));
    }

    [Fact]
    public void A_statement_between_the_operands_ends_the_expression()
    {
        var view = View(Instruction.LocalGet(0), Instruction.I32Const(3), Instruction.LocalSet(0), Instruction.LocalGet(1), Instruction.Of(Opcode.I32Add));
        Assert.False(view.IsTree(4));
        Assert.True(view.IsTree(3));
        Assert.Equal(1, view.OperandsStart(2));
    }

    [Fact]
    public void Code_behind_a_branch_is_unreachable_up_to_the_end_of_its_block()
    {
        var view = View(Instruction.Block(Opcode.Block, BlockType.Empty), Instruction.Of(Opcode.Br, 0), Instruction.I32Const(1), Instruction.Of(Opcode.Drop),
            Instruction.Of(Opcode.End), Instruction.LocalGet(0));
        Assert.True(view.IsReachable(1));
        Assert.False(view.IsReachable(2));
        Assert.False(view.IsTree(2));
        Assert.True(view.IsReachable(5));
        Assert.Equal(4, view.MatchingEnd(0));
        Assert.Equal(0, view.Opener(4));
    }

    [Fact]
    public void Blocks_know_their_else_their_end_and_their_loops()
    {
        var view = View(Instruction.Block(Opcode.Loop, BlockType.Empty), Instruction.LocalGet(0), Instruction.Block(Opcode.If, BlockType.Empty), Instruction.Of(Opcode.Nop),
            Instruction.Of(Opcode.Else), Instruction.Of(Opcode.Nop), Instruction.Of(Opcode.End), Instruction.Of(Opcode.End), Instruction.LocalGet(0));
        Assert.Equal((4, 6), (view.MatchingElse(2), view.MatchingEnd(2)));
        Assert.Equal((2, 6), (view.Opener(4), view.MatchingEnd(4)));
        Assert.Equal(-1, view.MatchingElse(0));
        Assert.Equal((0, 1, 1, 0), (view.LoopDepth(0), view.LoopDepth(1), view.LoopDepth(5), view.LoopDepth(8)));
        Assert.Equal((-1, 0, 2, 0), (view.Enclosing(0), view.Enclosing(2), view.Enclosing(3), view.Enclosing(4)));
    }

    /// <summary>The validator and the view walk the same stack: heights, reachability and block ends agree on every function of the corpus sample.</summary>
    [Fact]
    public void The_view_agrees_with_the_validator()
    {
        for (var i = 0; i < 200; i++)
        {
            Agree(BodyGenerator.Generate(SeededRandom.For((ulong)i, [], 0, "views")));
        }

        foreach (var (_, module) in Corpus.Modules())
        {
            var facts = new ModuleFacts(module);
            foreach (var index in Enumerable.Range(facts.ImportedFunctionCount, Math.Min(10, module.Bodies.Count)))
            {
                Agree(FunctionInput.Of(facts, (uint)index));
            }
        }
    }

    private static void Agree(FunctionInput function)
    {
        var view = FunctionView.Of(function);
        var typing = FunctionValidator.Analyze(function.Module.Context, function.Type, function.Code);
        Assert.Null(view.Unsupported);
        for (var i = 0; i < view.Count; i++)
        {
            if (typing.IsReachable(i))
            {
                Assert.True(view.IsReachable(i), $"instruction {i} is reachable");
                Assert.Equal(typing.StackHeight(i), view.HeightBefore(i));
            }
        }
    }
}
