using Mewe.Wasm;
using static Mewe.Wasm.Opcode;

namespace Mewe.Equivalence.Testing;

/// <summary>A harness's functions that make NaNs canonical, each made when it is asked for.</summary>
internal sealed class NanCanonicalizers(HarnessModule module)
{
    private readonly Dictionary<(ValueType, bool), uint> canonicalizers = [];

    /// <summary>
    /// (T) -> T: makes every NaN the canonical one. The specification lets an engine choose the bits of a NaN that arithmetic gives; this is a choice that
    /// it allows and that does not depend on registers. It stands behind every such instruction, so that all bits after it are determined.
    /// </summary>
    /// <param name="type">f32, f64 or v128.</param>
    /// <param name="doubles">For v128: two f64 lanes rather than four f32 lanes.</param>
    public uint Of(ValueType type, bool doubles)
    {
        if (canonicalizers.TryGetValue((type, doubles), out var function))
        {
            return function;
        }

        function = module.Declare(FunctionType.Of([type], [type]));
        canonicalizers.Add((type, doubles), function);
        var code = module.Code(function);
        if (type == ValueType.F32)
        {
            code.Get(0).Add(Instruction.F32Const(0x7FC00000)).Get(0).Get(0).Op(F32Eq).Op(Select);
        }
        else if (type == ValueType.F64)
        {
            code.Get(0).Add(Instruction.F64Const(0x7FF8000000000000)).Get(0).Get(0).Op(F64Eq).Op(Select);
        }
        else
        {
            var nan = doubles ? 0x7FF80000_00000000UL : 0x7FC00000_7FC00000UL;
            code.Get(0).Add(Instruction.V128Const(nan, nan)).Get(0).Get(0).Op(doubles ? F64x2Eq : F32x4Eq).Op(V128Bitselect);
        }

        module.Define(function, code);
        return function;
    }
}
