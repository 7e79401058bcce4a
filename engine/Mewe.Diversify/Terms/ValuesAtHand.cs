using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Terms;

/// <summary>
/// Finds a value that a place can read without any effect, a local or a global, to entangle a computation with: identities that hold for every value of it need no more than
/// that it is the same value each time, and a compiler cannot know it.
/// </summary>
public static class ValuesAtHand
{
    private const int Tries = 6;

    /// <summary>A read of a random local (mostly) or global of the type that none of <paramref name="around"/> changes; null where none was found in a few tries.</summary>
    /// <param name="around">Effects of everything that is evaluated between the reads.</param>
    public static Term? Pick(FunctionView view, ValueType type, in TreeEffects around, SeededRandom random)
    {
        if (view.Module.Globals.Length > 0 && random.OneIn(6) && PickGlobal(view, type, around, random) is { } global)
        {
            return global;
        }

        if (view.LocalCount > 0)
        {
            for (var k = 0; k < Tries; k++)
            {
                var local = (uint)random.Below(view.LocalCount);
                if (view.LocalType(local) == type && (around.LocalsWritten & (1UL << (int)(local & 63))) == 0)
                {
                    return Term.Leaf(Instruction.LocalGet(local));
                }
            }
        }

        return PickGlobal(view, type, around, random);
    }

    private static Term? PickGlobal(FunctionView view, ValueType type, in TreeEffects around, SeededRandom random)
    {
        var globals = view.Module.Globals;
        if (globals.Length == 0 || around.HasCalls)
        {
            return null;
        }

        var first = random.Below(globals.Length);
        for (var k = 0; k < Math.Min(Tries, globals.Length); k++)
        {
            var index = (first + k) % globals.Length;
            if (globals[index].Value == type && (around.GlobalsWritten & (1u << (index & 31))) == 0)
            {
                return Term.Leaf(Instruction.Of(Opcode.GlobalGet, (uint)index));
            }
        }

        return null;
    }

    /// <summary>What the operand trees of a region do, taken together.</summary>
    public static TreeEffects EffectsOf(FunctionView view, Region region)
    {
        TreeEffects all = default;
        for (var i = 0; i < region.Count; i++)
        {
            if (!region[i].IsHeld)
            {
                all = all.Union(view.EffectsOf(region[i].End));
            }
        }

        return all;
    }
}
