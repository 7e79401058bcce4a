using System.Buffers.Binary;
using Mewe.Equivalence.Testing;
using Mewe.Execution;
using Mewe.Wasm;
using Mewe.Wasm.Binary;
using static Mewe.Equivalence.Tests.TestModule;

namespace Mewe.Equivalence.Tests;

public sealed class LeafInliningTests(EngineFixture fixture)
{
    private static readonly FunctionType Difference = FunctionType.Of([ValueType.I32, ValueType.I32], [ValueType.I32]);

    // 4 * (first - second), by a local.
    private static readonly FunctionCode Leaf = new([new LocalGroup(1, ValueType.I32)],
    [
        Get(0), Get(1), Op(Opcode.I32Sub), Instruction.LocalTee(2), Get(2), Op(Opcode.I32Add), Get(2), Op(Opcode.I32Add), Get(2), Op(Opcode.I32Add), Op(Opcode.End),
    ]);

    [Fact]
    public async Task WhatCallsALeafDoesTheSameWithItsBodyInside()
    {
        // f(a, b): leaf(leaf(b, a), leaf(a, 7)) - b, with a local of its own; written to memory where nobody calls it.
        var caller = new FunctionCode([new LocalGroup(1, ValueType.I32)],
        [
            Get(1), Get(0), Instruction.Call(0), Instruction.LocalSet(2), Get(2), Get(0), Const(7), Instruction.Call(0), Instruction.Call(0), Get(1), Op(Opcode.I32Sub), Op(Opcode.End),
        ]);
        var inlined = LeafInlining.Inline(Difference, caller, function => function == 0 ? (Difference, Leaf) : null);

        Assert.True(LeafInlining.IsLeaf(Difference, Leaf));
        Assert.DoesNotContain(inlined.Instructions, instruction => instruction.Opcode == Opcode.Call);
        const int A = 1000, B = 33;
        Assert.Equal(4 * (4 * (B - A) - 4 * (A - 7)) - B, await RunAsync(caller, A, B));
        Assert.Equal(await RunAsync(caller, A, B), await RunAsync(inlined, A, B));
    }

    [Fact]
    public void ControlFlowCallsAndLocalsThatAreReadFirstStayFunctions()
    {
        Assert.False(LeafInlining.IsLeaf(Difference, Code(Get(0), Op(Opcode.Return))));
        Assert.False(LeafInlining.IsLeaf(Difference, Code(Get(0), Instruction.Block(Opcode.If, BlockType.Empty), Op(Opcode.End), Get(1))));
        Assert.False(LeafInlining.IsLeaf(Difference, Code(Get(0), Get(1), Instruction.Call(0))));
        Assert.False(LeafInlining.IsLeaf(Difference, Code(Op(Opcode.Unreachable))));

        // It is zero at every call of the function, and would not be at a second place of its body.
        var first = new FunctionCode([new LocalGroup(1, ValueType.I32)], [Get(2), Get(0), Instruction.LocalSet(2), Op(Opcode.End)]);
        Assert.False(LeafInlining.IsLeaf(Difference, first));
    }

    private async Task<int> RunAsync(FunctionCode code, int a, int b)
    {
        var module = new WasmModule();
        module.Memories.Add(new MemoryType(new SizeLimits(1, 1)));
        module.AddFunction(module.IndexOfType(Difference), new FunctionBody(Leaf));
        var function = module.AddFunction(module.IndexOfType(Difference), new FunctionBody(code));
        var start = module.AddFunction(module.IndexOfType(FunctionType.Of([], [])), new FunctionBody(Code(Const(8), Const(a), Const(b), Instruction.Call(function), Store())));
        module.Exports.Add(new Export("start", ExternKind.Function, start));
        module.Exports.Add(new Export("memory", ExternKind.Memory, 0));
        var run = new ModuleRun(ModuleWriter.Write(module), new ExportCallsWorkload([new ExportCall("start", [])])) { ReadBack = [new MemoryRange("memory", 8, 4)] };
        var outcome = (await fixture.Engine.RunAsync(run, TestContext.Current.CancellationToken)).Value[0];
        return BinaryPrimitives.ReadInt32LittleEndian(outcome.ReadBack[0].Span);
    }
}
