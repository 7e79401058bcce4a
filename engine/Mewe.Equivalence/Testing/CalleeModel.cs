using Mewe.Wasm;
using static Mewe.Wasm.Opcode;

namespace Mewe.Equivalence.Testing;

/// <summary>
/// What a callee does to the run that calls it, as far as this does not depend on its type or on which globals a harness carries. A call out is, in this order: <see cref="Argument"/> for each
/// argument, <see cref="Enter"/>, the globals into the trace, <see cref="Act"/>, changes of globals, <see cref="Leave"/>; <see cref="CallStubs"/> puts it together.
/// </summary>
internal sealed class CalleeModel
{
    /// <summary>Bits of the mood beyond the favourite kind of value: calls may trap; calls leave memory alone.</summary>
    public const int MayTrap = 8, LeavesMemory = 16;

    private readonly HarnessModule module;
    private readonly HarnessState state;
    private readonly HarnessRuntime runtime;
    private readonly HarnessMemories memories;
    private readonly OriginalModule original;

    public CalleeModel(HarnessModule module, HarnessState state, HarnessRuntime runtime, HarnessMemories memories, BlindWord? blind, OriginalModule original)
    {
        (this.module, this.state, this.runtime, this.memories, this.original) = (module, state, runtime, memories, original);
        Argument = module.Declare(FunctionType.Of([ValueType.I64], []));
        Enter = module.Declare(FunctionType.Of([ValueType.I32], []));
        Act = module.Declare(FunctionType.Of([ValueType.I32], []));
        Leave = module.Declare(FunctionType.Of([], []));
        WriteArgument();
        module.Define(Enter, module.Code(Enter).Get(0).Op(I64ExtendI32U).Call(runtime.Absorb).Global(state.MemoryHash).Call(runtime.Absorb));
        WriteAct();
        var leave = module.Code(Leave);
        blind?.Draw(leave);
        module.Define(Leave, leave.Global(state.Stream).I64(-1).Call(runtime.Hash).SetGlobal(state.Random).I64(0L).SetGlobal(state.Pointer));
    }

    /// <summary>(i64 bits) -> (): mixes an argument into the trace; remembers it as an echo, and as a pointer where it could be one.</summary>
    public uint Argument { get; }

    /// <summary>(i32 callee) -> (): mixes callee and memory into the trace.</summary>
    public uint Enter { get; }

    /// <summary>(i32 callee) -> (): mixes sizes into the trace, burns fuel, then traps or writes to memory. Where the run is over, the outcome says so.</summary>
    public uint Act { get; }

    /// <summary>() -> (): what comes last, before the results are made.</summary>
    public uint Leave { get; }

    private void WriteArgument()
    {
        var code = module.Code(Argument);
        code.Get(0).Call(runtime.Absorb).Get(0).SetGlobal(state.Echo);
        if (memories.Count > 0)
        {
            code.Get(0).I64(16).Op(I64GtU).Get(0).I64(original.Bytes(0)).Op(I64LtU, I32And).If().Get(0).SetGlobal(state.Pointer).End();
        }

        module.Define(Argument, code);
    }

    private void WriteAct()
    {
        var code = module.Code(Act);
        var bits = code.Local(ValueType.I64);
        var count = code.Local(ValueType.I32);
        memories.AbsorbSizes(code);
        code.Global(state.Fuel).I32(4).Op(I32Sub).SetGlobal(state.Fuel).Global(state.Fuel).I32(0).Op(I32LtS)
            .If().I32((int)RunEnding.FuelExhausted).SetGlobal(state.Outcome).Op(Return).End();
        code.Global(state.Event).I32(1).Op(I32Add).SetGlobal(state.Event);
        code.Global(state.Seed).Global(state.Event).Op(I64ExtendI32U).I64(32).Op(I64Shl).Get(0).Op(I64ExtendI32U).Op(I64Or).Call(runtime.Hash).SetGlobal(state.Stream);
        code.Global(state.Stream).SetGlobal(state.Random).Call(runtime.Next).Set(bits);
        code.Global(state.Mood).I32(MayTrap).Op(I32And, I32Eqz).Op(I32Eqz).Get(bits).I64(15).Op(I64And, I64Eqz).Op(I32And)
            .If().I32((int)RunEnding.CallTrapped).SetGlobal(state.Outcome).Op(Return).End();
        if (memories.Count > 0)
        {
            code.Global(state.Mood).I32(LeavesMemory).Op(I32And, I32Eqz).If();
            WriteNearPointer(code, bits, count);
            for (var m = 1u; m < memories.Count; m++)
            {
                code.Get(bits).I64(20 + 3 * m).Op(I64ShrU).I64(7).Op(I64And, I64Eqz).If()
                    .Get(bits).I64(40).Op(I64ShrU).I64(0x1F8).Op(I64And).Call(runtime.Value).Call(memories.Poke(m)).End();
            }

            code.End();
        }

        module.Define(Act, code);
    }

    // Half of the time one to four cells near a pointer argument; one time in sixteen a cell of the arena.
    private void WriteNearPointer(CodeBuilder code, uint bits, uint count)
    {
        code.Global(state.Pointer).Op(I64Eqz, I32Eqz).Get(bits).I64(16).Op(I64And, I64Eqz).Op(I32And).If()
            .Global(state.Pointer).Get(bits).I64(6).Op(I64ShrU).I64(12).Op(I64And, I64Add).SetGlobal(state.Pointer)
            .Get(bits).I64(5).Op(I64ShrU, I32WrapI64).I32(3).Op(I32And).Set(count)
            .Loop()
            .Global(state.Pointer).Call(runtime.Value).Call(memories.Poke(0))
            .Global(state.Pointer).I64(8).Op(I64Add).SetGlobal(state.Pointer)
            .Get(count).I32(1).Op(I32Sub).Tee(count).I32(0).Op(I32GeS).BranchIf(0)
            .End().End();
        code.Get(bits).I64(10).Op(I64ShrU).I64(15).Op(I64And, I64Eqz).If()
            .Global(state.Arena).Get(bits).I64(14).Op(I64ShrU).I64(63 << 3).Op(I64And, I64Add).Call(runtime.Value).Call(memories.Poke(0)).End();
    }
}
