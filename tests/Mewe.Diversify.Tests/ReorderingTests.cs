using Mewe.Diversify.Tests.Evaluation;
using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Tests;

/// <summary>What may be copied and what may change places, and above all what may not.</summary>
public sealed class ReorderingTests
{
    private static readonly Instruction[]
        Constant = [Instruction.I32Const(5)],
        ReadsLocal = [Instruction.LocalGet(0)],
        TeesLocal = [Instruction.I32Const(1), Instruction.LocalTee(0)],
        TeesOther = [Instruction.I32Const(1), Instruction.LocalTee(1)],
        ReadsGlobal = [Instruction.Of(Opcode.GlobalGet, 0)],
        Loads = [Instruction.LocalGet(1), Instruction.Memory(Opcode.I32Load, 0, 2)],
        Size = [Instruction.Of(Opcode.MemorySize)],
        Grows = [Instruction.I32Const(1), Instruction.Of(Opcode.MemoryGrow)],
        Divides = [Instruction.LocalGet(1), Instruction.LocalGet(0), Instruction.Of(Opcode.I32DivU)],
        DividesSigned = [Instruction.LocalGet(1), Instruction.LocalGet(0), Instruction.Of(Opcode.I32DivS)],
        DividesByThree = [Instruction.LocalGet(1), Instruction.I32Const(3), Instruction.Of(Opcode.I32DivS)],
        Calls = [Instruction.I32Const(1), Instruction.Call(TestModule.CallI32)],
        FloatSum = [Instruction.F32Const(0), Instruction.F32Const(0), Instruction.Of(Opcode.F32Add), Instruction.Of(Opcode.I32ReinterpretF32)],
        Atomic = [Instruction.I32Const(0), Instruction.Memory(Opcode.I32AtomicLoad, 0, 2)];

    private static TreeEffects EffectsOf(Instruction[] tree)
    {
        var view = FunctionView.Of(TestModule.Function(FunctionType.Of([ValueType.I32, ValueType.I32], [ValueType.I32]), [], tree));
        Assert.True(view.IsTree(tree.Length - 1));
        Assert.Equal(0, view.TreeAt(tree.Length - 1).Start);
        return view.EffectsOf(tree.Length - 1);
    }

    private static bool CanReorder(Instruction[] a, Instruction[] b)
    {
        var answer = TreeEffects.CanReorder(EffectsOf(a), EffectsOf(b));
        Assert.Equal(answer, TreeEffects.CanReorder(EffectsOf(b), EffectsOf(a)));
        return answer;
    }

    [Fact]
    public void Reads_change_places_with_reads()
    {
        Assert.True(CanReorder(ReadsLocal, ReadsGlobal));
        Assert.True(CanReorder(Loads, ReadsLocal));
        Assert.True(CanReorder(Loads, Size));
        Assert.True(CanReorder(Constant, Calls));
        Assert.True(CanReorder(ReadsLocal, Calls));
        Assert.True(CanReorder(FloatSum, Loads));
    }

    [Fact]
    public void A_tee_stays_before_or_behind_the_reads_of_its_local()
    {
        Assert.False(CanReorder(TeesLocal, ReadsLocal));
        Assert.False(CanReorder(TeesLocal, TeesLocal));
        Assert.False(CanReorder(TeesLocal, Divides));
        Assert.True(CanReorder(TeesLocal, TeesOther));
        Assert.True(CanReorder(TeesOther, ReadsLocal));
    }

    [Fact]
    public void Two_traps_change_places_only_if_they_are_the_same_trap()
    {
        Assert.True(CanReorder(Loads, Loads));
        Assert.True(CanReorder(Divides, Divides));
        Assert.False(CanReorder(Loads, Divides));
        Assert.False(CanReorder(DividesSigned, DividesSigned));
        Assert.True(CanReorder(Loads, DividesByThree));
    }

    [Fact]
    public void Calls_growing_and_atomics_stay_where_they_are()
    {
        Assert.False(CanReorder(Calls, Calls));
        Assert.False(CanReorder(Calls, Loads));
        Assert.False(CanReorder(Calls, Divides));
        Assert.False(CanReorder(Calls, ReadsGlobal));
        Assert.False(CanReorder(Calls, TeesLocal));
        Assert.False(CanReorder(Grows, Size));
        Assert.False(CanReorder(Grows, Loads));
        Assert.False(CanReorder(Grows, Divides));
        Assert.False(CanReorder(Atomic, Loads));
        Assert.False(CanReorder(Atomic, ReadsGlobal));
    }

    [Fact]
    public void Only_what_cannot_trap_or_change_anything_may_be_copied_or_dropped()
    {
        Assert.True(EffectsOf(Constant).IsPure);
        Assert.True(EffectsOf(ReadsLocal).IsPure);
        Assert.True(EffectsOf(ReadsGlobal).IsPure);
        Assert.True(EffectsOf(DividesByThree).IsPure);
        Assert.All<Instruction[]>([TeesLocal, Loads, Size, Grows, Divides, Calls, FloatSum, Atomic], tree => Assert.False(EffectsOf(tree).IsPure));
    }

    [Fact]
    public void In_a_shared_memory_no_access_is_moved()
    {
        var module = new WasmModule();
        module.Memories.Add(new MemoryType(new SizeLimits(1, 1, Shared: true)));
        var function = new FunctionInput(new ModuleFacts(module), 0, FunctionType.Of([ValueType.I32, ValueType.I32], [ValueType.I32]),
            new FunctionCode([], [.. Loads, Instruction.Of(Opcode.End)]));
        var effects = FunctionView.Of(function).EffectsOf(Loads.Length - 1);
        Assert.False(TreeEffects.CanReorder(effects, effects));
    }
}
