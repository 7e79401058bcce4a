using Mewe.Wasm;
using static Mewe.Wasm.Opcode;

namespace Mewe.Equivalence.Testing;

/// <summary>
/// The harness's model of the global that blinded variants take their randomness from: another value for every input and behind every call out (a callee may step it), in one of four 0 or -1. It is no
/// part of the state that is compared; what a subject makes of it must not show anywhere.
/// </summary>
internal sealed class BlindWord(HarnessModule module, HarnessState state, HarnessRuntime runtime)
{
    private const long Purpose = 0x626C_696E_64;

    /// <summary>Its index in the harness.</summary>
    public uint Global { get; } = module.AddGlobal(ValueType.I64, Instruction.I64Const(0));

    /// <summary>Gives it the value that belongs to the input and the number of calls out so far. What else is pseudorandom stays as it is.</summary>
    public void Draw(CodeBuilder code)
    {
        Bits();
        code.I64(62).Op(I64ShrU, I64Eqz).If(ValueType.I64);
        Bits();
        code.I64(61).Op(I64ShrU).I64(1).Op(I64And).I64(1).Op(I64Sub).Else();
        Bits();
        code.End().SetGlobal(Global);

        void Bits() => code.Global(state.Seed).I64(Purpose).Op(I64Add).Global(state.Event).Op(I64ExtendI32U).Call(runtime.Hash);
    }
}
