using Mewe.Wasm;
using static Mewe.Wasm.Opcode;

namespace Mewe.Equivalence.Testing;

/// <summary>
/// Functions that note what a run of the original does, for choosing inputs: which way its branches go, which values come into it and what it compares. A
/// comparison with a value that came in tells what that value should have been: the idea of REDQUEEN (Aschermann et al., NDSS 2019).
/// </summary>
internal sealed class RunTracer
{
    private readonly HarnessModule module;
    private readonly HarnessState state;
    private readonly uint bookkeeping;
    private readonly Dictionary<Opcode, uint> comparisons = [];
    private readonly uint operands;

    public RunTracer(HarnessModule module, HarnessState state, uint bookkeeping)
    {
        (this.module, this.state, this.bookkeeping) = (module, state, bookkeeping);
        Incoming = WriteIncoming();
        operands = WriteOperands();
        Branch = WriteBranch();
        Table = WriteTable();
        for (var opcode = I32Eqz; opcode <= I64GeU; opcode++)
        {
            comparisons.Add(opcode, WriteComparison(opcode));
        }
    }

    /// <summary>(i32 condition, i32 first outcome) -> i32: notes which way a branch goes.</summary>
    public uint Branch { get; }

    /// <summary>(i32 index, i32 first outcome, i32 labels without the default) -> i32.</summary>
    public uint Table { get; }

    /// <summary>(i64 source and tag, i64 value) -> (): notes a value that comes in.</summary>
    public uint Incoming { get; }

    /// <summary>(operands, i32 first outcome) -> i32: does the comparison and notes its operands. A comparison with zero has one operand.</summary>
    public uint Compare(Opcode opcode) => comparisons[opcode];

    /// <summary>The integer comparisons, with zero too.</summary>
    public static bool IsComparison(Opcode opcode) => opcode is >= I32Eqz and <= I32GeU or >= I64Eqz and <= I64GeU;

    /// <summary>Those for which it matters whether operands count as signed.</summary>
    public static bool HasSign(Opcode opcode) => opcode is >= I32LtS and <= I32GeU or >= I64LtS and <= I64GeU;

    private uint WriteBranch()
    {
        var function = module.Declare(FunctionType.Of([ValueType.I32, ValueType.I32], [ValueType.I32]));
        module.Define(function, Reach(module.Code(function), code => code.Get(0).I32(0).Op(I32Ne), outcome: 1)
            .Get(0).I32(1).Op(I32GtU).If().Get(1).Get(0).Op(I64ExtendI32U).I64(0L).Call(operands).End().Get(0));
        return function;
    }

    private uint WriteTable()
    {
        var function = module.Declare(FunctionType.Of([ValueType.I32, ValueType.I32, ValueType.I32], [ValueType.I32]));
        module.Define(function, Reach(module.Code(function), code => code.Get(0).Get(2).Get(0).Get(2).Op(I32LtU, Select), outcome: 1)
            .Get(1).Get(0).Op(I64ExtendI32U).Get(2).Op(I64ExtendI32U).Call(operands).Get(0));
        return function;
    }

    private uint WriteComparison(Opcode opcode)
    {
        var info = OpcodeTable.Get(opcode);
        var isLong = info.Operands[0] == 'I';
        var type = isLong ? ValueType.I64 : ValueType.I32;
        var isWithZero = info.Operands.Length == 1;
        var function = module.Declare(FunctionType.Of(isWithZero ? [type, ValueType.I32] : [type, type, ValueType.I32], [ValueType.I32]));
        var code = module.Code(function);
        var outcome = isWithZero ? 1u : 2u;
        Reach(code, body => Right(body.Get(0)).Op(isLong ? I64Eq : I32Eq), outcome);
        if (HasSign(opcode))
        {
            // The third outcome: signs differ, which is where signed and unsigned part.
            code.Get(0).Get(1).Op(isLong ? I64Xor : I32Xor);
            _ = isLong ? code.I64(0L).Op(I64LtS) : code.I32(0).Op(I32LtS);
            code.If().Global(state.CoverageAt).Get(outcome).Op(I32Add).I32(1).Access(I32Store8, bookkeeping, 2).End();
        }

        code.Get(outcome).Get(0);
        _ = isLong ? Right(code) : Right(code.Op(I64ExtendI32U)).Op(I64ExtendI32U);
        code.Call(operands).Get(0);
        module.Define(function, (isWithZero ? code : code.Get(1)).Op(opcode));
        return function;

        CodeBuilder Right(CodeBuilder body) => !isWithZero ? body.Get(1) : isLong ? body.I64(0L) : body.I32(0);
    }

    private uint WriteIncoming()
    {
        var function = module.Declare(FunctionType.Of([ValueType.I64, ValueType.I64], []));
        var code = module.Code(function);
        var at = code.Local(ValueType.I32);
        Slot(code, state.ValueTraceCount, HarnessState.TracedValues, IncomingValue.Bytes, at);
        module.Define(function, code.Get(at).Get(0).Access(I64Store, bookkeeping).Get(at).Get(1).Access(I64Store, bookkeeping, 8));
        return function;
    }

    // (outcome, left, right)
    private uint WriteOperands()
    {
        var function = module.Declare(FunctionType.Of([ValueType.I32, ValueType.I64, ValueType.I64], []));
        var code = module.Code(function);
        var at = code.Local(ValueType.I32);
        const int Start = HarnessState.TracedValues * IncomingValue.Bytes;
        Slot(code, state.ComparisonCount, HarnessState.TracedComparisons, Comparison.Bytes, at);
        module.Define(function, code
            .Get(at).Get(0).Op(I64ExtendI32U).Access(I64Store, bookkeeping, Start).Get(at).Get(1).Access(I64Store, bookkeeping, Start + 8)
            .Get(at).Get(2).Access(I64Store, bookkeeping, Start + 16));
        return function;
    }

    // The first half of the slots keep what comes first, the others what comes last.
    private void Slot(CodeBuilder code, uint counter, int slots, int bytes, uint at)
    {
        code.Global(counter).Tee(at).I32(slots / 2).Op(I32GeU).If().Get(at).I32(slots / 2 - 1).Op(I32And).I32(slots / 2).Op(I32Or).Set(at).End()
            .Get(at).I32(bytes).Op(I32Mul).Global(state.TraceAt).Op(I32Add).Set(at)
            .Global(counter).I32(1).Op(I32Add).SetGlobal(counter);
    }

    private CodeBuilder Reach(CodeBuilder code, Func<CodeBuilder, CodeBuilder> which, uint outcome) =>
        which(code.Global(state.CoverageAt).Get(outcome).Op(I32Add)).Op(I32Add).I32(1).Access(I32Store8, bookkeeping);
}
