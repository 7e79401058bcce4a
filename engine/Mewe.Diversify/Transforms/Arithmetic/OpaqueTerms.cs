using Mewe.Diversify.Terms;
using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Arithmetic;

/// <summary>The parts of an opaque choice.</summary>
public static class OpaqueTerms
{
    /// <summary>A condition that is always 1, over values at hand that <paramref name="around"/> does not change; null where nothing is at hand.</summary>
    public static Term? Condition(FunctionView view, in TreeEffects around, SeededRandom random)
    {
        var type = random.OneIn(3) ? ValueType.I64 : ValueType.I32;
        var x = ValuesAtHand.Pick(view, type, around, random);
        if (x is null)
        {
            type = type == ValueType.I32 ? ValueType.I64 : ValueType.I32;
            x = ValuesAtHand.Pick(view, type, around, random);
        }

        return x is null ? null : OpaquePredicate.AlwaysTrue(type, x, ValuesAtHand.Pick(view, type, around, random) ?? x, random);
    }

    /// <summary>A plausible value of the type that nobody will see.</summary>
    public static Term Decoy(FunctionView view, ValueType type, SeededRandom random)
    {
        if (ValuesAtHand.Pick(view, type, default, random) is { } atHand && !random.OneIn(3))
        {
            return type.IsFloat || random.OneIn(2) ? atHand
                : Term.Of(type == ValueType.I32 ? Opcode.I32Add : Opcode.I64Add, atHand, Term.Constant(type, (ulong)random.Between(1, 64)));
        }

        var bits = (ulong)random.Between(0, 255);
        return type == ValueType.F32 ? Term.Leaf(Instruction.F32Const(BitConverter.SingleToUInt32Bits(bits)))
            : type == ValueType.F64 ? Term.Leaf(Instruction.F64Const(BitConverter.DoubleToUInt64Bits(bits)))
            : Term.Constant(type, bits);
    }
}
