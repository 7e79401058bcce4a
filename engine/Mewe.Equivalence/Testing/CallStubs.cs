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
    private readonly HarnessModule module;
    private readonly HarnessState state;
    private readonly HarnessRuntime runtime;
    private readonly CalleeModel callees;
    private readonly ImmutableArray<HarnessGlobal> globals;
    private readonly OriginalModule original;
    private readonly uint call;
    private readonly Dictionary<FunctionType, uint> stubs = [];
    private readonly Dictionary<ValueType, uint> absorbers = [];

    public CallStubs(HarnessModule module, HarnessLibrary library, ImmutableArray<HarnessGlobal> globals, OriginalModule original)
    {
        (this.module, this.globals, this.original) = (module, globals, original);
        (state, runtime, callees) = (library.State, library.Runtime, library.Callees);
        call = module.Declare(FunctionType.Of([ValueType.I32], []));
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
            AsBits(code.Get((uint)i), type.Parameters[i], callees.Argument);
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

    /// <summary>Mixes the globals into the trace.</summary>
    public void AbsorbGlobals(CodeBuilder code)
    {
        foreach (var global in globals)
        {
            if (global.Type.Mutable)
            {
                AsBits(code.Global(global.Index), global.Type.Value, runtime.Absorb);
            }
        }
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
            : type == ValueType.F32 ? code.Call(runtime.Float).Op(F32DemoteF64).CanonicalNan(ValueType.F32)
            : code.Call(runtime.Value).Op(I64x2Splat).Call(runtime.Value).Add(Instruction.Lane(I64x2ReplaceLane, 1));
    }

    // call(callee)
    private void WriteCall()
    {
        var code = module.Code(call);
        code.Get(0).Call(callees.Enter);
        AbsorbGlobals(code);
        code.Get(0).Call(callees.Act).Global(state.Outcome).If().Op(Return).End();
        foreach (var global in globals)
        {
            // A stream of its own: which globals the harness carries must not change what happens to the others.
            code.Global(state.Stream).I64(global.Global).Call(runtime.Hash).SetGlobal(state.Random);
            ChangeGlobal(code, global);
        }

        module.Define(call, code.Call(callees.Leave));
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
