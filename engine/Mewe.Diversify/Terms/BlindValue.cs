using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Terms;

/// <summary>
/// Values made of the blind word of a blinded candidate, to disguise a computation with: the word itself, turned by some bits, or half of it. Nothing relies on which value it is, only on its being the same
/// wherever the term stands; so it does no harm when a later step gives the local to something else.
/// </summary>
internal static class BlindValue
{
    /// <summary>A term of the type; null where there is no blind word, or something around the term changes it.</summary>
    /// <param name="around">Effects of everything that is evaluated between the places where the term stands.</param>
    public static Term? Draw(FunctionView view, ValueType type, in TreeEffects around, SeededRandom random)
    {
        if (view.Input.BlindLocal is not { } local || (around.LocalsWritten & (1UL << (int)(local & 63))) != 0)
        {
            return null;
        }

        var word = Term.Leaf(Instruction.LocalGet(local));
        return type == ValueType.I64
            ? random.OneIn(2) ? word : Term.Of(Opcode.I64Rotl, word, Term.Constant(ValueType.I64, (ulong)random.Between(8, 56)))
            : random.OneIn(4) ? Term.Of(Opcode.I32WrapI64, word)
            : Term.Of(Opcode.I32WrapI64, Term.Of(Opcode.I64ShrU, word, Term.Constant(ValueType.I64, (ulong)random.Between(16, 32))));
    }

    /// <summary>True where nothing gives the local of the blind word another value, so that it is the same in the whole body.</summary>
    public static bool IsFixed(FunctionView view)
    {
        if (view.Input.BlindLocal is not { } local)
        {
            return false;
        }

        foreach (ref readonly var instruction in view.Code)
        {
            if (instruction.Opcode is Opcode.LocalSet or Opcode.LocalTee && instruction.Index == local)
            {
                return false;
            }
        }

        return true;
    }
}
