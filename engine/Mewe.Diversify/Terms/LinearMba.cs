using System.Numerics;
using Mewe.Wasm;

namespace Mewe.Diversify.Terms;

/// <summary>
/// Linear mixed boolean-arithmetic expressions: sums of constants times bitwise terms over a few variables. Two of them are equal modulo 2^w for all inputs iff they agree on all
/// assignments of 0 and -1 per variable (Zhou et al. 2007; Reichenwallner and Meerwald-Stadler, SiMBA, 2022). Each is therefore a unique combination of the conjunctions
/// of variables, the empty one being -1 (all ones), and the coefficients of a bitwise term are the Moebius transform of its truth table. Adding any multiple of any bitwise term and
/// taking its conjunctions away again changes nothing, which gives millions of forms that stand in nobody's peephole list.
/// </summary>
public sealed class LinearMba
{
    private const int MaxVariables = 3;
    private readonly ValueType type;
    private readonly Term[] variables;
    private readonly ulong[] coefficients = new ulong[1 << MaxVariables];
    private readonly List<(ulong Coefficient, Term Term)> summands = new(12);

    /// <param name="type">i32 or i64.</param>
    /// <param name="variables">One to three; all reads of the same one must give the same value.</param>
    public LinearMba(ValueType type, params Term[] variables) => (this.type, this.variables) = (type, variables);

    /// <summary>Adds a multiple of the conjunction of the variables in a set (bit i for variable i); the empty set is -1.</summary>
    public LinearMba Plus(int conjunction, long coefficient)
    {
        coefficients[conjunction] += (ulong)coefficient;
        return this;
    }

    /// <summary>The sum as a term, entangled with random bitwise terms.</summary>
    /// <param name="noise">How many random terms; their conjunctions come on top.</param>
    public Term Build(int noise, SeededRandom random)
    {
        for (var k = 0; k < noise; k++)
        {
            var (term, table) = RandomBitwise(random);
            var factor = RandomFactor(random);
            summands.Add((factor, term));
            Subtract(table, factor);
        }

        for (var set = 1; set < 1 << variables.Length; set++)
        {
            if (Masked(coefficients[set]) != 0)
            {
                summands.Add((coefficients[set], Conjunction(set)));
            }
        }

        return Sum(random, Masked(0 - coefficients[0]));
    }

    private ulong Mask => type == ValueType.I32 ? uint.MaxValue : ulong.MaxValue;

    private ulong Masked(ulong value) => value & Mask;

    /// <summary>Takes away a multiple of a bitwise term, given by its truth table, as conjunctions: the Moebius transform over subsets.</summary>
    private void Subtract(int table, ulong factor)
    {
        Span<long> values = stackalloc long[1 << MaxVariables];
        var size = 1 << variables.Length;
        for (var row = 0; row < size; row++)
        {
            values[row] = (table >> row) & 1;
        }

        for (var bit = 1; bit < size; bit <<= 1)
        {
            for (var row = 0; row < size; row++)
            {
                if ((row & bit) != 0)
                {
                    values[row] -= values[row ^ bit];
                }
            }
        }

        for (var set = 0; set < size; set++)
        {
            coefficients[set] -= factor * (ulong)values[set];
        }
    }

    private static ulong RandomFactor(SeededRandom random) => random.Below(8) switch
    {
        0 or 1 => 1,
        2 or 3 => ulong.MaxValue,
        4 => 2,
        5 => ulong.MaxValue - 1,
        6 => (ulong)(long)random.Between(-60, 60),
        _ => random.NextBits(),
    };

    /// <summary>A random bitwise term of two literals, sometimes three, and its truth table (bit r: its value where variable i is bit i of r).</summary>
    private (Term Term, int Table) RandomBitwise(SeededRandom random)
    {
        var count = variables.Length;
        var first = random.Below(count);
        var result = Literal(first, random);
        if (count > 1)
        {
            var second = (first + 1 + random.Below(count - 1)) % count;
            result = Join(result, Literal(second, random), random);
            if (count > 2 && random.OneIn(2))
            {
                result = Join(result, Literal(3 - first - second, random), random);
            }
        }

        return result;
    }

    private (Term Term, int Table) Literal(int variable, SeededRandom random)
    {
        var table = 0;
        for (var row = 0; row < 1 << variables.Length; row++)
        {
            table |= ((row >> variable) & 1) << row;
        }

        return random.OneIn(3) ? (Not(variables[variable]), ~table) : (variables[variable], table);
    }

    private (Term Term, int Table) Join((Term Term, int Table) a, (Term Term, int Table) b, SeededRandom random) => random.Below(3) switch
    {
        0 => (Binary(Opcode.I32And, Opcode.I64And, a.Term, b.Term), a.Table & b.Table),
        1 => (Binary(Opcode.I32Or, Opcode.I64Or, a.Term, b.Term), a.Table | b.Table),
        _ => (Binary(Opcode.I32Xor, Opcode.I64Xor, a.Term, b.Term), a.Table ^ b.Table),
    };

    private Term Conjunction(int set)
    {
        Term? term = null;
        for (var i = 0; i < variables.Length; i++)
        {
            if ((set & (1 << i)) != 0)
            {
                term = term is null ? variables[i] : Binary(Opcode.I32And, Opcode.I64And, term, variables[i]);
            }
        }

        return term!;
    }

    /// <summary>Adds the summands up in random order, starting with one that needs no negation where there is one.</summary>
    private Term Sum(SeededRandom random, ulong constant)
    {
        var items = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(summands);
        random.Shuffle(items);
        for (var i = 0; i < items.Length; i++)
        {
            if (!IsNegative(items[i].Coefficient))
            {
                (items[0], items[i]) = (items[i], items[0]);
                break;
            }
        }

        Term? sum = null;
        foreach (var (coefficient, term) in items)
        {
            if (Masked(coefficient) == 0)
            {
                continue;
            }

            if (sum is null)
            {
                sum = IsNegative(coefficient)
                    ? Binary(Opcode.I32Sub, Opcode.I64Sub, Term.Constant(type, constant), Times(term, 0 - coefficient))
                    : Times(term, coefficient);
                constant = IsNegative(coefficient) ? 0 : constant;
            }
            else
            {
                sum = IsNegative(coefficient)
                    ? Binary(Opcode.I32Sub, Opcode.I64Sub, sum, Times(term, 0 - coefficient))
                    : Binary(Opcode.I32Add, Opcode.I64Add, sum, Times(term, coefficient));
            }
        }

        if (sum is null)
        {
            return Term.Constant(type, constant);
        }

        return Masked(constant) == 0 ? sum : Binary(Opcode.I32Add, Opcode.I64Add, sum, Term.Constant(type, constant));
    }

    private bool IsNegative(ulong coefficient) => (Masked(coefficient) & ((Mask >> 1) + 1)) != 0;

    private Term Times(Term term, ulong factor)
    {
        factor = Masked(factor);
        return factor == 1 ? term
            : BitOperations.IsPow2(factor) ? Binary(Opcode.I32Shl, Opcode.I64Shl, term, Term.Constant(type, (ulong)BitOperations.Log2(factor)))
            : Binary(Opcode.I32Mul, Opcode.I64Mul, term, Term.Constant(type, factor));
    }

    private Term Not(Term term) => Binary(Opcode.I32Xor, Opcode.I64Xor, term, Term.Constant(type, ulong.MaxValue));

    private Term Binary(Opcode narrow, Opcode wide, Term a, Term b) => Term.Of(type == ValueType.I32 ? narrow : wide, a, b);
}
