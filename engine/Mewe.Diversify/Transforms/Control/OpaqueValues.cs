using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Transforms.Control;

/// <summary>
/// Conditions on integer locals and mutable integer globals: some that are constant whatever the value, by number theory or by bit counting, and some that may be either.
/// </summary>
internal static class OpaqueValues
{
    /// <summary>True where a body has a value to build on.</summary>
    public static bool Any(FunctionView view) => Sources(view).Count > 0;

    /// <summary>
    /// Appends an i32 that is zero for every value x of some local or global. The arithmetic is modulo 2^32 or 2^64, where the parity and the remainder
    /// modulo 4 and 8 that these use are the same as over the integers.
    /// </summary>
    public static void Zero(List<Instruction> code, FunctionView view, SeededRandom random)
    {
        var (x, wide) = random.Pick(Sources(view));
        Instruction Number(long value) => wide ? Instruction.I64Const(value) : Instruction.I32Const((int)value);
        Instruction Op(Opcode narrow, Opcode broad) => Instruction.Of(wide ? broad : narrow);
        var mul = Op(Opcode.I32Mul, Opcode.I64Mul);
        var and = Op(Opcode.I32And, Opcode.I64And);
        var add = Op(Opcode.I32Add, Opcode.I64Add);
        switch (random.Below(6))
        {
            case 0: // x * (x + 1) is even
                code.AddRange([x, x, Number(1), add, mul, Number(1), and]);
                break;
            case 1: // a square is 0 or 1 modulo 4
                code.AddRange([x, x, mul, Number(2), and]);
                break;
            case 2: // (x | 1) is not 0
                code.AddRange([x, Number(1 | random.Between(0, 30)), Op(Opcode.I32Or, Opcode.I64Or)]);
                code.Add(Op(Opcode.I32Eqz, Opcode.I64Eqz));
                return;
            case 3: // an odd square is 1 modulo 8: (2x + 1)^2 & 6 is 0
                code.AddRange([x, Number(1), Op(Opcode.I32Shl, Opcode.I64Shl), Number(1), add]);
                code.AddRange([x, x, add, Number(1), add, mul, Number(6), and]);
                break;
            case 4: // there are no more ones than bits
                code.AddRange([x, Op(Opcode.I32Popcnt, Opcode.I64Popcnt), Number(wide ? 64 : 32), Op(Opcode.I32GtU, Opcode.I64GtU)]);
                return;
            default: // x^2 + x + 7 is odd
                code.AddRange([x, x, mul, x, add, Number(7 + (2 * random.Below(60))), add, Number(1), and, Number(1), Op(Opcode.I32Ne, Opcode.I64Ne)]);
                return;
        }

        if (wide)
        {
            code.AddRange([Instruction.I64Const(0), Instruction.Of(Opcode.I64Ne)]);
        }
    }

    /// <summary>Appends an i32 that is never zero.</summary>
    public static void One(List<Instruction> code, FunctionView view, SeededRandom random)
    {
        Zero(code, view, random);
        code.Add(Instruction.Of(Opcode.I32Eqz));
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
