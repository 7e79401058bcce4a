using System.Collections.Immutable;
using Mewe.Execution;
using Mewe.Wasm;
using static Mewe.Wasm.Opcode;

namespace Mewe.Equivalence.Testing;

/// <summary>
/// The harness's own small functions that everything else calls: hashing, pseudorandom values, fuel. Memory is in <see cref="HarnessMemories"/>,
/// calls out are in <see cref="CallStubs"/>.
/// </summary>
internal sealed class HarnessRuntime
{
    private static readonly FunctionType HashType = FunctionType.Of([ValueType.I64, ValueType.I64], [ValueType.I64]);
    private static readonly FunctionType Value64 = FunctionType.Of([], [ValueType.I64]);
    private static readonly FunctionType Take64 = FunctionType.Of([ValueType.I64], []);
    private static readonly FunctionType Nothing = FunctionType.Of([], []);

    private readonly HarnessModule module;
    private readonly HarnessState state;
    private readonly uint bookkeeping;
    private readonly bool wideAddresses;
    private readonly RunTracer? tracer;

    /// <param name="tracer">Notes the values that calls out give; null where nobody wants to know.</param>
    public HarnessRuntime(HarnessModule module, HarnessState state, uint bookkeeping, bool wideAddresses, RunTracer? tracer)
    {
        (this.module, this.state, this.bookkeeping, this.wideAddresses, this.tracer) = (module, state, bookkeeping, wideAddresses, tracer);
        Hash = module.Declare(HashType);
        Absorb = module.Declare(Take64);
        Next = module.Declare(Value64);
        Value = module.Declare(Value64);
        Answer = module.Declare(Value64);
        Float = module.Declare(FunctionType.Of([], [ValueType.F64]));
        Exhausted = module.Declare(Nothing);
        WriteHash();
        WriteAbsorb();
        WriteNext();
        WriteValue();
        WriteFloat();
        WriteAnswer();
        module.Define(Exhausted, module.Code(Exhausted).I32((int)RunEnding.FuelExhausted).SetGlobal(state.Outcome).Op(Unreachable));
    }

    /// <summary>(i64, i64) -> i64: a hash of the pair.</summary>
    public uint Hash { get; }

    /// <summary>(i64) -> (): mixes into the trace.</summary>
    public uint Absorb { get; }

    /// <summary>() -> i64: the next 64 random bits.</summary>
    public uint Next { get; }

    /// <summary>() -> i64: a value as programs use them: small, pointer, boundary, random, as the mood has it.</summary>
    public uint Value { get; }

    /// <summary>() -> i64: what the input prescribes for the call at hand, else a value.</summary>
    public uint Answer { get; }

    /// <summary>() -> f64, of the same kind.</summary>
    public uint Float { get; }

    /// <summary>() -> (): ends the run because its fuel is used up, where nothing may follow: it traps.</summary>
    public uint Exhausted { get; }

    /// <summary>Burns one unit of fuel, in line; where there is none left the outcome says so, and the body is left.</summary>
    public void Tick(ImmutableArray<Instruction>.Builder code, Leaving leaving)
    {
        code.Add(Instruction.Of(GlobalGet, state.Fuel));
        code.Add(Instruction.I32Const(1));
        code.Add(Instruction.Of(I32Sub));
        code.Add(Instruction.Of(GlobalSet, state.Fuel));
        code.Add(Instruction.Of(GlobalGet, state.Fuel));
        code.Add(Instruction.I32Const(0));
        code.Add(Instruction.Of(I32LtS));
        code.Add(Instruction.Block(If, BlockType.Empty));
        code.Add(Instruction.I32Const((int)RunEnding.FuelExhausted));
        code.Add(Instruction.Of(GlobalSet, state.Outcome));
        leaving.Leave(code);
        code.Add(Instruction.Of(End));
    }

    /// <summary>Leaves the body at hand where a call that it has just made ended the run.</summary>
    public void LeaveIfEnded(ImmutableArray<Instruction>.Builder code, Leaving leaving)
    {
        code.Add(Instruction.Of(GlobalGet, state.Outcome));
        code.Add(Instruction.Block(If, BlockType.Empty));
        leaving.Leave(code);
        code.Add(Instruction.Of(End));
    }

    /// <summary>Ends the run as a trap of that kind does.</summary>
    public void Trap(ImmutableArray<Instruction>.Builder code, TrapKind kind, Leaving leaving)
    {
        code.Add(Instruction.I32Const(SweepOutcome.Trapped + (int)kind));
        code.Add(Instruction.Of(GlobalSet, state.Outcome));
        leaving.Leave(code);
    }

    /// <summary>Burns as much fuel as the i32 on the stack says.</summary>
    public void Burn(CodeBuilder code, uint scratch) =>
        code.Set(scratch).Global(state.Fuel).Get(scratch).Op(I32Sub).SetGlobal(state.Fuel).Global(state.Fuel).I32(0).Op(I32LtS).If().Call(Exhausted).End();

    private void WriteHash() => module.Define(Hash, module.Code(Hash)
        .Get(0).Get(1).Op(I64Xor).I64(SplitMix.Increment).Op(I64Add).I64(SplitMix.First).Op(I64Mul).Tee(0)
        .Get(0).I64(29).Op(I64ShrU, I64Xor).I64(SplitMix.Second).Op(I64Mul).Tee(0)
        .Get(0).I64(32).Op(I64ShrU, I64Xor));

    // A multiplication and a shift per value, each a bijection of the trace and of the value: a single difference never gets lost, several cancel once in 2^64.
    private void WriteAbsorb() => module.Define(Absorb, module.Code(Absorb)
        .Global(state.Trace).Get(0).Op(I64Xor).I64(SplitMix.First).Op(I64Mul).Tee(0).Get(0).I64(32).Op(I64ShrU, I64Xor).SetGlobal(state.Trace));

    private void WriteNext()
    {
        var code = module.Code(Next);
        var z = code.Local(ValueType.I64);
        module.Define(Next, code
            .Global(state.Random).I64(SplitMix.Increment).Op(I64Add).Tee(z).SetGlobal(state.Random)
            .Get(z).Get(z).I64(30).Op(I64ShrU, I64Xor).I64(SplitMix.First).Op(I64Mul).Set(z)
            .Get(z).Get(z).I64(27).Op(I64ShrU, I64Xor).I64(SplitMix.Second).Op(I64Mul).Tee(z)
            .Get(z).I64(31).Op(I64ShrU, I64Xor));
    }

    // The kinds of value, in the order of the mood's favourites: 1 + kind in the low three bits of the mood makes three in four values be of that kind.
    private void WriteValue()
    {
        var code = module.Code(Value);
        var bits = code.Local(ValueType.I64);
        var kind = code.Local(ValueType.I32);
        code.Call(Next).Set(bits);
        code.Global(state.Mood).I32(7).Op(I32And).Tee(kind).Op(I32Eqz).Get(bits).I64(3).Op(I64And, I64Eqz).Op(I32Or)
            .If().Get(bits).I64(2).Op(I64ShrU, I32WrapI64).I32(7).Op(I32And).Set(kind)
            .Else().Get(kind).I32(1).Op(I32Sub).Set(kind).End();
        Case(0, () => code.I64(0L));
        Case(1, () => code.Get(bits).I64(8).Op(I64ShrU).I64(0x0000000F_0000000F).Op(I64And));
        Case(2, () => Pointers(code, bits));
        Case(3, () => code.Get(bits).I64(8).Op(I64ShrU).I64(7).Op(I64And).I64(-1).Op(I64Xor));
        Case(4, () => code.Get(bits).I64(8).Op(I64ShrU, I32WrapI64).I32(63).Op(I32And).I32(3).Op(I32Shl).Access(I64Load, bookkeeping, HarnessState.ValueTable));
        Case(5, () => code.Call(Next));
        Case(6, () => code.Get(bits).I64(4).Op(I64ShrU).I64(0x0F0F0F0F_0F0F0F0F).Op(I64And).I64(0x61616161_61616161).Op(I64Add));
        code.Global(state.Echo);
        module.Define(Value, code);

        void Case(int number, Action value)
        {
            code.Get(kind).I32(number).Op(I32Eq).If();
            value();
            code.Op(Return).End();
        }
    }

    /// <summary>Pointers into the arena made of the bits: two of 32 bits, or one of 64 where memory 0 has 64-bit addresses.</summary>
    public void Pointers(CodeBuilder code, uint bits)
    {
        code.Global(state.Arena).Get(bits).I64(5).Op(I64ShrU).I64(63 << 3).Op(I64And, I64Add);
        if (!wideAddresses)
        {
            code.Global(state.Arena).Get(bits).I64(12).Op(I64ShrU).I64(63 << 3).Op(I64And, I64Add).I64(32).Op(I64Shl, I64Or);
        }
    }

    private void WriteFloat()
    {
        var code = module.Code(Float);
        var kind = code.Local(ValueType.I32);
        code.Call(Next).Op(I32WrapI64).I32(7).Op(I32And).Set(kind);
        code.Get(kind).Op(I32Eqz).If().Add(Instruction.F64Const(0x8000000000000000)).Op(Return).End();
        code.Get(kind).I32(1).Op(I32Eq).If().Call(Value).Op(F64ReinterpretI64).Op(Return).End();
        code.Get(kind).I32(2).Op(I32Eq).If().Call(Next).Op(F64ReinterpretI64).Op(Return).End();
        code.Call(Value).Op(I64Extend32S, F64ConvertI64S).Add(Instruction.F64Const(BitConverter.DoubleToUInt64Bits(0.5))).Op(F64Mul);
        module.Define(Float, code);
    }

    private void WriteAnswer()
    {
        var code = module.Code(Answer);
        var left = code.Local(ValueType.I32);
        var at = code.Local(ValueType.I32);
        code.Global(state.Record).Access(I32Load, bookkeeping, HarnessState.AnswersAt).Set(at)
            .Global(state.Record).Access(I32Load, bookkeeping, HarnessState.AnswerCountAt).Set(left)
            .Block().Loop().Get(left).Op(I32Eqz).BranchIf(1)
            .Get(at).Access(I32Load, bookkeeping).Global(state.Event).Op(I32Eq).If().Get(at).Access(I64Load, bookkeeping, 8).Op(Return).End()
            .Get(at).I32(16).Op(I32Add).Set(at).Get(left).I32(1).Op(I32Sub).Set(left).Branch(0).End().End()
            .Call(Value);
        if (tracer is not null)
        {
            var value = code.Local(ValueType.I64);
            code.Set(value).Global(state.Event).Op(I64ExtendI32U).Get(value).Call(tracer.Incoming).Get(value);
        }

        module.Define(Answer, code);
    }
}
