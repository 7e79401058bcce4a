using Mewe.Linking.Dispatch;
using Mewe.Wasm;

namespace Mewe.Linking.Randomness;

/// <summary>Where a multivariant module gets random bits from at run time: appends the globals and functions it needs, and writes the code that draws.</summary>
internal abstract class RandomBits
{
    /// <summary>Appends globals and functions. Called once, before anything is drawn.</summary>
    /// <param name="forget">Writes what an exported function that seeds does beside that: choices that are held are forgotten.</param>
    public abstract void Append(Action<CodeBuilder> forget);

    /// <summary>Index and name of the globals that were appended.</summary>
    public abstract IEnumerable<(uint Index, string Name)> Globals { get; }

    /// <summary>Pushes an i64 whose <b>upper 32 bits</b> are random; what the lower ones are is not said.</summary>
    /// <param name="scratch">An i64 local of <paramref name="code"/> that may be overwritten.</param>
    public abstract void EmitDraw(CodeBuilder code, uint scratch);

    /// <summary>Pushes a choice, an i32 below <paramref name="choices"/>.</summary>
    public virtual void EmitChoice(CodeBuilder code, int choices, uint scratch)
    {
        EmitDraw(code, scratch);
        EmitScale(code, choices);
    }

    /// <summary>Before a start function runs, in a module that the host seeds lazily: draws come from constants until <see cref="EmitRelease"/>.</summary>
    public virtual void EmitHold(CodeBuilder code)
    {
    }

    /// <summary>After the start function: everything drawn from constants is forgotten, the next draw seeds.</summary>
    public virtual void EmitRelease(CodeBuilder code)
    {
    }

    /// <summary>
    /// From 32 random bits in the upper half of the i64 on the stack to an index below <paramref name="choices"/>, without a division: (r * choices) >> 32 (D. Lemire,
    /// Fast random integer generation in an interval, ACM TOMACS 29(1), 2019). No value is rejected, so an index may be more likely than another by at most
    /// one in 2^32 / choices: for 65 choices less than 1.6e-8.
    /// </summary>
    public static void EmitScale(CodeBuilder code, int choices) => code
        .I64(32).Op(Opcode.I64ShrU)
        .I64((ulong)choices).Op(Opcode.I64Mul)
        .I64(32).Op(Opcode.I64ShrU).Op(Opcode.I32WrapI64);
}

/// <summary>The import <c>mewe.choose</c>: every draw is a call to the host.</summary>
/// <param name="import">Its function index.</param>
internal sealed class HostBits(AppendedCode appended, uint import, Func<uint> mix) : RandomBits
{
    private uint choose;

    public override IEnumerable<(uint Index, string Name)> Globals => [];

    public override void Append(Action<CodeBuilder> forget) => choose = appended.Function(GeneratedRole.Choose, AppendedCode.Chooses, ChooseBody());

    /// <summary>The host gives 31 bits (a count that is positive also where it is read as signed), spread over 64. Never zero in practice: the bijection maps one value of 2^64 there.</summary>
    public override void EmitDraw(CodeBuilder code, uint scratch) =>
        code.I32(int.MaxValue).Call(import).Op(Opcode.I64ExtendI32U).I64(SplitMix64.Gamma).Op(Opcode.I64Add).Call(mix());

    public override void EmitChoice(CodeBuilder code, int choices, uint scratch) => code.I32(choices).Call(choose);

    /// <summary>(count) -> what the host says, as an unsigned number, at most count - 1.</summary>
    private FunctionBody ChooseBody()
    {
        var code = new CodeBuilder(1);
        var answer = code.Local(ValueType.I32);
        code.Get(0).Call(import).Tee(answer)
            .Get(0).I32(1).Op(Opcode.I32Sub)
            .Get(answer).Get(0).Op(Opcode.I32LtU).Op(Opcode.Select);
        return code.Body();
    }
}
