using Mewe.Wasm;

namespace Mewe.Diversify.Terms;

/// <summary>Conditions that hold for all values of two variables, and that a compiler is unlikely to see through.</summary>
public static class OpaquePredicate
{
    /// <summary>A term of type i32 that is 1, whatever the variables are.</summary>
    /// <param name="type">Type of both variables, i32 or i64.</param>
    public static Term AlwaysTrue(ValueType type, Term x, Term y, SeededRandom random)
    {
        var wide = type == ValueType.I64;
        Term Op(Opcode narrow, Opcode other, Term a, Term b) => Term.Of(wide ? other : narrow, a, b);
        Term Number(ulong value) => Term.Constant(type, value);
        Term Mul(Term a, Term b) => Op(Opcode.I32Mul, Opcode.I64Mul, a, b);
        Term And(Term a, Term b) => Op(Opcode.I32And, Opcode.I64And, a, b);
        Term Or(Term a, Term b) => Op(Opcode.I32Or, Opcode.I64Or, a, b);
        Term Zero(Term a) => Term.Of(wide ? Opcode.I64Eqz : Opcode.I32Eqz, a);
        switch (random.Below(8))
        {
            case 0:
                // Of two neighbours one is even.
                return Zero(And(Mul(x, Op(Opcode.I32Add, Opcode.I64Add, x, Number(1))), Number(1)));
            case 1:
                // A square is 0 or 1 modulo 4.
                return Zero(And(Mul(x, x), Number(2)));
            case 2:
                // Modulo 8, squares are 0, 1 and 4, and 7 y^2 - 1 is 7, 6 and 3.
                return Op(Opcode.I32Ne, Opcode.I64Ne, Op(Opcode.I32Sub, Opcode.I64Sub, Mul(Mul(y, y), Number(7)), Number(1)), Mul(x, x));
            case 3:
                // x & y has no bit that y lacks, so it is not above it.
                return Op(Opcode.I32LeU, Opcode.I64LeU, And(x, y), y);
            case 4:
                return Op(Opcode.I32GeU, Opcode.I64GeU, Or(x, y), Op(Opcode.I32Xor, Opcode.I64Xor, x, y));
            case 5:
                // x^2 + y^2 is 0, 1 or 2 modulo 4.
                return Op(Opcode.I32Ne, Opcode.I64Ne, And(Op(Opcode.I32Add, Opcode.I64Add, Mul(x, x), Mul(y, y)), Number(3)), Number(3));
            case 6:
                // x^2 + x is even, and an odd number more is odd.
                return Op(Opcode.I32Ne, Opcode.I64Ne, Op(Opcode.I32Add, Opcode.I64Add, Mul(x, x), x), Number(random.NextBits() | 1));
            default:
                // Modulo 8, a square less 2 is 6, 7 or 2: not a square.
                return Op(Opcode.I32Ne, Opcode.I64Ne, Op(Opcode.I32Sub, Opcode.I64Sub, Mul(x, x), Number(2)), Mul(y, y));
        }
    }
}
