using System.Collections.Immutable;
using Mewe.Wasm;
using static Mewe.Wasm.Opcode;

namespace Mewe.Equivalence.Testing;

/// <summary>A global of the module under test inside a harness.</summary>
/// <param name="Global">Its index in the module under test.</param>
/// <param name="Index">Its index in the harness.</param>
/// <param name="Slot">Its place in an input record.</param>
internal sealed record HarnessGlobal(uint Global, uint Index, GlobalType Type, int Slot);

/// <summary>
/// What the bodies under test call instead of other functions. A stub mixes the callee, the bits of the arguments and all state into the trace; then it
/// behaves as the callee might, chosen by a pseudorandom function of (input, number of the call, callee): it writes near pointers that it was given, changes
/// globals, traps now and then where the input's mood allows it, and returns values.
/// </summary>
internal sealed class CallStubs
{
    /// <summary>Bits of the mood beyond the favourite kind of value: calls may trap; calls leave memory alone.</summary>
    public const int MayTrap = 8, LeavesMemory = 16;

    private readonly HarnessModule module;
    private readonly HarnessState state;
    private readonly HarnessRuntime runtime;
    private readonly HarnessMemories memories;
    private readonly ImmutableArray<HarnessGlobal> globals;
    private readonly BlindWord? blind;
    private readonly OriginalModule original;
    private readonly uint argument;
    private readonly uint call;
    private readonly Dictionary<FunctionType, uint> stubs = [];
    private readonly Dictionary<ValueType, uint> absorbers = [];

    public CallStubs(
        HarnessModule module, HarnessState state, HarnessRuntime runtime, HarnessMemories memories, ImmutableArray<HarnessGlobal> globals, BlindWord? blind, OriginalModule original)
    {
        (this.module, this.state, this.runtime, this.memories, this.globals, this.blind, this.original) = (module, state, runtime, memories, globals, blind, original);
        argument = module.Declare(FunctionType.Of([ValueType.I64], []));
        call = module.Declare(FunctionType.Of([ValueType.I32], []));
        WriteArgument();
        WriteCall();
    }

    /// <summary>A function (arguments of the type, i32 callee) -> results of the type.</summary>
    public uint Stub(FunctionType type)
    {
        if (stubs.TryGetValue(type, out var function))
        {
            return function;
        }

        function = module.Declare(FunctionType.Of([.. type.Parameters, ValueType.I32], type.Results.AsSpan()));
        stubs.Add(type, function);
        var code = module.Code(function);
        for (var i = 0; i < type.Parameters.Length; i++)
        {
            AsBits(code.Get((uint)i), type.Parameters[i], argument);
        }

        code.Get((uint)type.Parameters.Length).Call(call);
        for (var i = 0; i < type.Results.Length; i++)
        {
            Result(code, type.Results[i], i == 0 ? runtime.Answer : runtime.Value);
        }

        module.Define(function, code);
        return function;
    }

    /// <summary>(T) -> (): mixes a value into the trace.</summary>
    public uint Absorber(ValueType type)
    {
        if (!absorbers.TryGetValue(type, out var function))
        {
            function = module.Declare(FunctionType.Of([type], []));
            absorbers.Add(type, function);
            var code = module.Code(function);
            AsBits(code.Get(0), type, runtime.Absorb);
            module.Define(function, code);
        }

        return function;
    }

    /// <summary>Mixes memory, globals and sizes into the trace.</summary>
    public void AbsorbState(CodeBuilder code)
    {
        code.Global(state.MemoryHash).Call(runtime.Absorb);
        foreach (var global in globals)
        {
            if (global.Type.Mutable)
            {
                AsBits(code.Global(global.Index), global.Type.Value, runtime.Absorb);
            }
        }

        memories.AbsorbSizes(code);
    }

    /// <summary>Gives the value on the stack, as i64 bits, to a function; both halves of a vector.</summary>
    private void AsBits(CodeBuilder code, ValueType type, uint take)
    {
        if (type == ValueType.V128)
        {
            code.Call(SplitVector(take));
            return;
        }

        _ = type.IsReference ? code.Op(RefIsNull, I64ExtendI32U)
            : type == ValueType.I32 ? code.Op(I64ExtendI32U)
            : type == ValueType.F32 ? code.Op(I32ReinterpretF32, I64ExtendI32U)
            : type == ValueType.F64 ? code.Op(I64ReinterpretF64)
            : code;
        code.Call(take);
    }

    private readonly Dictionary<uint, uint> splitters = [];

    private uint SplitVector(uint take)
    {
        if (!splitters.TryGetValue(take, out var function))
        {
            function = module.Declare(FunctionType.Of([ValueType.V128], []));
            splitters.Add(take, function);
            module.Define(function, module.Code(function)
                .Get(0).Add(Instruction.Lane(I64x2ExtractLane, 0)).Call(take).Get(0).Add(Instruction.Lane(I64x2ExtractLane, 1)).Call(take));
        }

        return function;
    }

    private void Result(CodeBuilder code, ValueType type, uint value)
    {
        _ = type.IsReference ? code.Add(Instruction.Of(RefNull, new HeapTypePayload(type.Heap)))
            : type == ValueType.I32 ? code.Call(value).Op(I32WrapI64)
            : type == ValueType.I64 ? code.Call(value)
            : type == ValueType.F64 ? code.Call(runtime.Float)
            : type == ValueType.F32 ? code.Call(runtime.Float).Op(F32DemoteF64).Call(runtime.Canonicalize(ValueType.F32, false))
            : code.Call(runtime.Value).Op(I64x2Splat).Call(runtime.Value).Add(Instruction.Lane(I64x2ReplaceLane, 1));
    }

    // argument(bits): into the trace; remembers it as an echo, and as a pointer where it could be one.
    private void WriteArgument()
    {
        var code = module.Code(argument);
        code.Get(0).Call(runtime.Absorb).Get(0).SetGlobal(state.Echo);
        if (memories.Count > 0)
        {
            code.Get(0).I64(16).Op(I64GtU).Get(0).I64(original.Bytes(0)).Op(I64LtU, I32And).If().Get(0).SetGlobal(state.Pointer).End();
        }

        module.Define(argument, code);
    }

    private void WriteCall()
    {
        var code = module.Code(call);
        var bits = code.Local(ValueType.I64);
        var count = code.Local(ValueType.I32);
        var stream = code.Local(ValueType.I64);
        code.Get(0).Op(I64ExtendI32U).Call(runtime.Absorb);
        AbsorbState(code);
        code.Global(state.Fuel).I32(4).Op(I32Sub).SetGlobal(state.Fuel).Global(state.Fuel).I32(0).Op(I32LtS)
            .If().I32((int)RunEnding.FuelExhausted).SetGlobal(state.Outcome).Op(Return).End();
        code.Global(state.Event).I32(1).Op(I32Add).SetGlobal(state.Event);
        code.Global(state.Seed).Global(state.Event).Op(I64ExtendI32U).I64(32).Op(I64Shl).Get(0).Op(I64ExtendI32U).Op(I64Or).Call(runtime.Hash)
            .SetGlobal(state.Random);
        code.Global(state.Random).Set(stream).Call(runtime.Next).Set(bits);
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

        foreach (var global in globals)
        {
            // A stream of its own: which globals the harness carries must not change what happens to the others.
            code.Get(stream).I64(global.Global).Call(runtime.Hash).SetGlobal(state.Random);
            ChangeGlobal(code, global);
        }

        blind?.Draw(code);
        code.Get(stream).I64(-1).Call(runtime.Hash).SetGlobal(state.Random).I64(0L).SetGlobal(state.Pointer);
        module.Define(call, code);
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

    private void ChangeGlobal(CodeBuilder code, HarnessGlobal global)
    {
        var type = global.Type.Value;
        if (!global.Type.Mutable || type.IsReference)
        {
            return;
        }

        // A pointer, such as the stack pointer, moves seldom and by little, as if a callee had left a frame behind.
        var isPointer = original.LooksLikePointer(global.Global);
        code.Call(runtime.Next).I64(isPointer ? 15 : 7).Op(I64And, I64Eqz).If();
        if (isPointer)
        {
            code.Global(global.Index).Call(runtime.Next).I64(3).Op(I64And).I64(1).Op(I64Sub).I64(4).Op(I64Shl);
            _ = type == ValueType.I32 ? code.Op(I32WrapI64, I32Add) : code.Op(I64Add);
        }
        else
        {
            Result(code, type, runtime.Value);
        }

        code.SetGlobal(global.Index).End();
    }
}
