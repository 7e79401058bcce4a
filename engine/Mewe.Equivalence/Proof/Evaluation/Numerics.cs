using System.Collections.Frozen;
using Mewe.Equivalence.Proof.Terms;
using Mewe.Wasm;

namespace Mewe.Equivalence.Proof.Evaluation;

/// <summary>
/// What the total numeric instructions on scalars mean as terms (specification, 4.3.2). Floats are their bits: negation, absolute value, copysign and reinterpretation work on
/// bits (4.3.3), everything else on floats is an operation that nothing is known of but that equal operands give equal results.
/// </summary>
internal static class Numerics
{
    private static readonly FrozenDictionary<Opcode, Func<TermGraph, Term, Term>> Unary = UnaryTable().ToFrozenDictionary();
    private static readonly FrozenDictionary<Opcode, Func<TermGraph, Term, Term, Term>> Binary = BinaryTable().ToFrozenDictionary();

    /// <summary>The result of an instruction with one operand; null where it is not one of these.</summary>
    public static Term? Apply(TermGraph graph, Opcode opcode, Term operand) => Unary.TryGetValue(opcode, out var meaning) ? meaning(graph, operand) : null;

    /// <summary>The result of an instruction with two operands; null where it is not one of these.</summary>
    public static Term? Apply(TermGraph graph, Opcode opcode, Term left, Term right) => Binary.TryGetValue(opcode, out var meaning) ? meaning(graph, left, right) : null;

    private static Opcode Named(string name) => OpcodeTable.Find(name)!.Opcode;

    private static Dictionary<Opcode, Func<TermGraph, Term, Term>> UnaryTable()
    {
        var table = new Dictionary<Opcode, Func<TermGraph, Term, Term>>
        {
            [Opcode.I32WrapI64] = static (graph, x) => graph.Truncate(x, 32),
            [Opcode.I64ExtendI32U] = static (graph, x) => graph.ZeroExtend(x, 64),
            [Opcode.I64ExtendI32S] = static (graph, x) => graph.SignExtend(x, 64),
            [Opcode.I32ReinterpretF32] = static (_, x) => x,
            [Opcode.F32ReinterpretI32] = static (_, x) => x,
            [Opcode.I64ReinterpretF64] = static (_, x) => x,
            [Opcode.F64ReinterpretI64] = static (_, x) => x,
            [Opcode.F32Neg] = static (graph, x) => graph.Xor(x, graph.Constant(32, 1UL << 31)),
            [Opcode.F64Neg] = static (graph, x) => graph.Xor(x, graph.Constant(64, 1UL << 63)),
            [Opcode.F32Abs] = static (graph, x) => graph.And(x, graph.Constant(32, int.MaxValue)),
            [Opcode.F64Abs] = static (graph, x) => graph.And(x, graph.Constant(64, long.MaxValue)),
        };
        foreach (var (prefix, width) in new[] { ("i32.", 32), ("i64.", 64) })
        {
            table.Add(Named(prefix + "eqz"), static (graph, x) => graph.ZeroExtend(graph.IsZero(x), 32));
            table.Add(Named(prefix + "clz"), static (graph, x) => graph.CountBits(ProofOperation.LeadingZeros, x));
            table.Add(Named(prefix + "ctz"), static (graph, x) => graph.CountBits(ProofOperation.TrailingZeros, x));
            table.Add(Named(prefix + "popcnt"), static (graph, x) => graph.CountBits(ProofOperation.PopulationCount, x));
            foreach (var bits in new[] { 8, 16, 32 })
            {
                if (bits < width)
                {
                    table.Add(Named($"{prefix}extend{bits}_s"), (graph, x) => graph.SignExtend(graph.Truncate(x, bits), width));
                }
            }
        }

        return table;
    }

    private static Dictionary<Opcode, Func<TermGraph, Term, Term, Term>> BinaryTable()
    {
        var table = new Dictionary<Opcode, Func<TermGraph, Term, Term, Term>>
        {
            [Opcode.F32Copysign] = static (graph, x, y) => Copysign(graph, x, y, 32),
            [Opcode.F64Copysign] = static (graph, x, y) => Copysign(graph, x, y, 64),
        };
        foreach (var prefix in new[] { "i32.", "i64." })
        {
            Add("add", static (graph, x, y) => graph.Add(x, y));
            Add("sub", static (graph, x, y) => graph.Subtract(x, y));
            Add("mul", static (graph, x, y) => graph.Multiply(x, y));
            Add("and", static (graph, x, y) => graph.And(x, y));
            Add("or", static (graph, x, y) => graph.Or(x, y));
            Add("xor", static (graph, x, y) => graph.Xor(x, y));
            Add("shl", static (graph, x, y) => graph.Shift(ProofOperation.ShiftLeft, x, y));
            Add("shr_u", static (graph, x, y) => graph.Shift(ProofOperation.ShiftRight, x, y));
            Add("shr_s", static (graph, x, y) => graph.Shift(ProofOperation.ShiftRightSigned, x, y));
            Add("rotl", static (graph, x, y) => graph.Shift(ProofOperation.RotateLeft, x, y));
            Add("rotr", static (graph, x, y) => graph.Shift(ProofOperation.RotateLeft, x, graph.Scale(ulong.MaxValue, y)));
            Compare("eq", static (graph, x, y) => graph.Equal(x, y));
            Compare("ne", static (graph, x, y) => graph.Not(graph.Equal(x, y)));
            Compare("lt_u", static (graph, x, y) => graph.Below(x, y));
            Compare("gt_u", static (graph, x, y) => graph.Below(y, x));
            Compare("le_u", static (graph, x, y) => graph.Not(graph.Below(y, x)));
            Compare("ge_u", static (graph, x, y) => graph.Not(graph.Below(x, y)));
            Compare("lt_s", static (graph, x, y) => graph.BelowSigned(x, y));
            Compare("gt_s", static (graph, x, y) => graph.BelowSigned(y, x));
            Compare("le_s", static (graph, x, y) => graph.Not(graph.BelowSigned(y, x)));
            Compare("ge_s", static (graph, x, y) => graph.Not(graph.BelowSigned(x, y)));

            void Add(string name, Func<TermGraph, Term, Term, Term> meaning) => table.Add(Named(prefix + name), meaning);

            void Compare(string name, Func<TermGraph, Term, Term, Term> meaning) => Add(name, (graph, x, y) => graph.ZeroExtend(meaning(graph, x, y), 32));
        }

        return table;
    }

    private static Term Copysign(TermGraph graph, Term magnitude, Term sign, int width)
    {
        var bit = graph.Constant(width, 1UL << (width - 1));
        return graph.Or(graph.And(magnitude, graph.Not(bit)), graph.And(sign, bit));
    }
}
