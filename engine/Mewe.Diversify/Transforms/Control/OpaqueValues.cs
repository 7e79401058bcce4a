using Mewe.Diversify.Terms;
using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Control;

/// <summary>
/// Conditions on integer locals and mutable integer globals: some that are constant whatever the values (<see cref="OpaquePredicate"/>), and some that may be either.
/// </summary>
internal static class OpaqueValues
{
    /// <summary>True where a body has a value to build on.</summary>
    public static bool Any(FunctionView view) => Sources(view).Count > 0;

    /// <summary>Appends an i32 that is zero whatever the locals and globals are that it reads.</summary>
    public static void Zero(List<Instruction> code, FunctionView view, SeededRandom random)
    {
        One(code, view, random);
        code.Add(Instruction.Of(Opcode.I32Eqz));
    }

    /// <summary>Appends an i32 that is never zero.</summary>
    public static void One(List<Instruction> code, FunctionView view, SeededRandom random)
    {
        var sources = Sources(view);
        var (x, wide) = random.Pick(sources);
        var y = random.Pick(sources.FindAll(source => source.Wide == wide)).Read;
        TermEmitter.WriteClosed(OpaquePredicate.AlwaysTrue(wide ? ValueType.I64 : ValueType.I32, Term.Leaf(x), Term.Leaf(y), random), code);
    }

    /// <summary>Appends an i32 that may be anything; pure.</summary>
    public static void AnyCondition(List<Instruction> code, FunctionView view, SeededRandom random)
    {
        var (x, wide) = random.Pick(Sources(view));
        code.Add(x);
        if (wide)
        {
            code.Add(Instruction.Of(Opcode.I32WrapI64));
        }

        switch (random.Below(4))
        {
            case 0:
                code.AddRange([Instruction.I32Const(1 << random.Below(8)), Instruction.Of(Opcode.I32And)]);
                break;
            case 1:
                code.AddRange([Instruction.I32Const(random.Between(-20, 200)), Instruction.Of(random.OneIn(2) ? Opcode.I32LtS : Opcode.I32GtU)]);
                break;
            case 2:
                code.Add(Instruction.Of(Opcode.I32Popcnt));
                code.AddRange([Instruction.I32Const(1), Instruction.Of(Opcode.I32And)]);
                break;
        }
    }

    /// <summary>Reads of values that an optimiser knows nothing about: parameters and locals of integer type, mutable globals.</summary>
    private static List<(Instruction Read, bool Wide)> Sources(FunctionView view)
    {
        List<(Instruction Read, bool Wide)> sources = [];
        for (uint local = 0; local < view.LocalCount && sources.Count < 256; local++)
        {
            if (view.LocalType(local).IsInteger)
            {
                sources.Add((Instruction.LocalGet(local), view.LocalType(local) == ValueType.I64));
            }
        }

        for (var global = 0; global < view.Module.Globals.Length && global < 8; global++)
        {
            if (view.Module.Globals[global] is { Mutable: true, Value.IsInteger: true } type)
            {
                sources.Add((Instruction.Of(Opcode.GlobalGet, (uint)global), type.Value == ValueType.I64));
            }
        }

        return sources;
    }
}
