using System.Runtime.InteropServices;
using Mewe.Diversify.Terms;
using Mewe.Wasm;

namespace Mewe.Diversify.Synthesis;

/// <summary>
/// Enumerates terms bottom-up by their number of instructions and keeps one of each behaviour on the test vectors (observational equivalence; Udupa et al., "TRANSIT", PLDI 2013, and CROW's
/// enumerative synthesis). Every term that behaves like the target is a candidate. Besides the constants of a small pool it solves for one unknown constant at a term's root.
/// </summary>
internal sealed class TermSearch
{
    private readonly int width;
    private readonly ulong[] target;
    private readonly int vectors;
    private readonly List<Entry> bank = [];
    private readonly List<ulong> values = [];
    private readonly HashSet<UInt128> seen = [];
    private readonly HashSet<ulong> pool = [];
    private readonly List<Term> found = [];
    private readonly HashSet<string> foundTexts = new(StringComparer.Ordinal);
    private readonly Opcode[] operations;
    private readonly int maxFound;

    /// <param name="expression">What to find other terms for.</param>
    /// <param name="vectors">Test inputs, a value for each variable.</param>
    /// <param name="maxFound">The search ends with this many candidates.</param>
    /// <param name="fuel">Terms that may be looked at.</param>
    public TermSearch(CountedExpression expression, IReadOnlyList<ulong[]> vectors, int maxFound, long fuel)
    {
        (width, this.vectors, this.maxFound, Fuel) = (expression.Width, vectors.Count, maxFound, fuel);
        target = [.. vectors.Select(vector => IntegerOperation.Evaluate(expression.Term, vector))];
        operations = IntegerOperation.Searched(width, HasComparison(expression.Term)).ToArray();
        foundTexts.Add(expression.Text);
        for (var i = 0; i < expression.Variables; i++)
        {
            Keep(new Entry(Opcode.LocalGet, (ulong)i, -1, -1), [.. vectors.Select(vector => vector[i])]);
        }

        var mask = width == 32 ? uint.MaxValue : ulong.MaxValue;
        foreach (var constant in Constants(expression.Term, (ulong)width))
        {
            if (pool.Add(constant & mask))
            {
                Keep(new Entry(ConstantOpcode, constant & mask, -1, -1), [.. Enumerable.Repeat(constant & mask, this.vectors)]);
            }
        }
    }

    /// <summary>A kept term: an instruction with the positions of its operands, or a constant or variable with its value or number.</summary>
    private readonly record struct Entry(Opcode Opcode, ulong Bits, int A, int B);

    /// <summary>What is left; negative once the search ended for want of it.</summary>
    public long Fuel { get; private set; }

    /// <summary>Terms that behave like the target, small ones first, none of them the target as it was written.</summary>
    public IReadOnlyList<Term> Run(int maxOperations)
    {
        if (Array.TrueForAll(target, value => value == target[0]))
        {
            Offer(Term.Constant(Type, target[0]));
        }

        List<int> starts = [0, bank.Count];
        for (var size = 1; size <= maxOperations && !Ended; size++)
        {
            for (var left = 0; left < size && !Ended; left++)
            {
                var right = size - 1 - left;
                Combine(starts[left], starts[left + 1], starts[right], starts[right + 1], keep: size < maxOperations);
            }

            for (var i = starts[size - 1]; i < starts[size] && !Ended; i++)
            {
                SolveForConstant(i);
            }

            starts.Add(bank.Count);
        }

        return found;
    }

    private bool Ended => Fuel <= 0 || found.Count >= maxFound;

    private Opcode ConstantOpcode => width == 32 ? Opcode.I32Const : Opcode.I64Const;

    private ValueType Type => width == 32 ? ValueType.I32 : ValueType.I64;

    private static bool HasComparison(Term term) => IntegerOperation.IsComparison(term.Instruction.Opcode) || term.Children.Any(HasComparison);

    /// <summary>Constants to build with: the usual ones, those of the expression, and what follows from them.</summary>
    private static IEnumerable<ulong> Constants(Term term, ulong width)
    {
        IEnumerable<ulong> own = ConstantsIn(term);
        ulong[] usual = [0, 1, ulong.MaxValue, 2, width - 1, 1UL << (int)(width - 1)];
        return [.. own, .. usual, .. own.SelectMany(c => new[] { ~c, 0 - c, c - 1, c + 1, width - c, 1UL << (int)(c & 63) })];
    }

    /// <summary>The constants that stand in a term.</summary>
    public static List<ulong> ConstantsIn(Term term) => term.IsVariable ? []
        : term.Children.Length == 0 ? [term.Instruction.Bits] : [.. term.Children.SelectMany(ConstantsIn)];

    private bool IsConstant(int entry) => bank[entry].Opcode == ConstantOpcode;

    private void Combine(int leftStart, int leftEnd, int rightStart, int rightEnd, bool keep)
    {
        var buffer = new ulong[vectors];
        for (var a = leftStart; a < leftEnd; a++)
        {
            for (var b = rightStart; b < rightEnd; b++)
            {
                if (IsConstant(a) && IsConstant(b))
                {
                    continue;
                }

                foreach (var opcode in operations)
                {
                    if (IntegerOperation.IsCommutative(opcode) && b > a)
                    {
                        continue;
                    }

                    if (--Fuel <= 0 || found.Count >= maxFound)
                    {
                        return;
                    }

                    Try(opcode, a, b, keep, buffer);
                }
            }
        }
    }

    private void Try(Opcode opcode, int a, int b, bool keep, ulong[] buffer)
    {
        var left = ValuesOf(a);
        var right = ValuesOf(b);
        var matches = true;
        for (var k = 0; k < vectors; k++)
        {
            buffer[k] = IntegerOperation.Evaluate(opcode, left[k], right[k]);
            matches &= buffer[k] == target[k];
            if (!matches && !keep)
            {
                return;
            }
        }

        var entry = new Entry(opcode, 0, a, b);
        if (matches)
        {
            // Not kept: what is built on it would say the same thing in more words.
            Offer(ToTerm(entry));
        }
        else if (keep)
        {
            Keep(entry, buffer);
        }
    }

    private void Keep(Entry entry, ReadOnlySpan<ulong> results)
    {
        ulong a = 0x9E37_79B9_7F4A_7C15, b = 0xA076_1D64_78BD_642F;
        foreach (var value in results)
        {
            a = Mix(a ^ value, 0xE703_7ED1_A0B4_28DB);
            b = Mix(b + value, 0x8EBC_6AF0_9C88_C6E3);
        }

        if (seen.Add(new UInt128(a, b)))
        {
            bank.Add(entry);
            values.AddRange(results);
        }
    }

    private static ulong Mix(ulong x, ulong y)
    {
        var high = Math.BigMul(x ^ 0x2D35_8DCC_AA6C_78A5, y, out var low);
        return high ^ low;
    }

    private ReadOnlySpan<ulong> ValuesOf(int entry) => CollectionsMarshal.AsSpan(values).Slice(entry * vectors, vectors);

    /// <summary>Terms <c>op(kept, C)</c> and <c>C - kept</c> with a constant that is not in the pool, computed from the vectors.</summary>
    private void SolveForConstant(int entry)
    {
        var a = ValuesOf(entry);
        if (IsConstant(entry))
        {
            return;
        }

        Fuel -= 7;
        var wide = width == 64;
        Solved(wide ? Opcode.I64Add : Opcode.I32Add, entry, target[0] - a[0], reversed: false);
        Solved(wide ? Opcode.I64Sub : Opcode.I32Sub, entry, target[0] + a[0], reversed: true);
        Solved(wide ? Opcode.I64Xor : Opcode.I32Xor, entry, target[0] ^ a[0], reversed: false);
        ulong needed = 0, missing = 0;
        for (var k = 0; k < vectors; k++)
        {
            needed |= target[k];
            missing |= target[k] & ~a[k];
            if ((a[k] & 1) != 0 && k == FirstOdd(a))
            {
                Solved(wide ? Opcode.I64Mul : Opcode.I32Mul, entry, target[k] * Inverse(a[k]), reversed: false);
            }
        }

        Solved(wide ? Opcode.I64And : Opcode.I32And, entry, needed, reversed: false);
        Solved(wide ? Opcode.I64Or : Opcode.I32Or, entry, missing, reversed: false);
    }

    private static int FirstOdd(ReadOnlySpan<ulong> a)
    {
        for (var k = 0; k < a.Length; k++)
        {
            if ((a[k] & 1) != 0)
            {
                return k;
            }
        }

        return -1;
    }

    private void Solved(Opcode opcode, int entry, ulong constant, bool reversed)
    {
        constant &= width == 32 ? uint.MaxValue : ulong.MaxValue;
        if (pool.Contains(constant) || found.Count >= maxFound)
        {
            return;
        }

        var a = ValuesOf(entry);
        for (var k = 0; k < vectors; k++)
        {
            if ((reversed ? IntegerOperation.Evaluate(opcode, constant, a[k]) : IntegerOperation.Evaluate(opcode, a[k], constant)) != target[k])
            {
                return;
            }
        }

        var (kept, solved) = (ToTerm(bank[entry]), Term.Constant(Type, constant));
        Offer(reversed ? Term.Of(opcode, solved, kept) : Term.Of(opcode, kept, solved));
    }

    /// <summary>Of an odd number modulo 2^64 (Newton).</summary>
    private static ulong Inverse(ulong odd)
    {
        var x = odd;
        for (var i = 0; i < 5; i++)
        {
            x *= 2 - (odd * x);
        }

        return x;
    }

    private void Offer(Term found)
    {
        var term = InOrder(found);
        if (foundTexts.Add(RuleText.Of(term)))
        {
            this.found.Add(term);
        }
    }

    /// <summary>Operands of commutative instructions in one order, as the census has them: operations, variables, constants.</summary>
    private static Term InOrder(Term term)
    {
        if (term.IsVariable || term.Children.Length == 0)
        {
            return term;
        }

        var (a, b) = (InOrder(term.Children[0]), InOrder(term.Children[1]));
        return IntegerOperation.IsCommutative(term.Instruction.Opcode) && string.CompareOrdinal(Order(b), Order(a)) < 0
            ? Term.Of(term.Instruction.Opcode, b, a) : Term.Of(term.Instruction.Opcode, a, b);

        static string Order(Term operand) => operand is { IsVariable: false, Children.Length: 0 } ? "~" : RuleText.Of(operand);
    }

    private Term ToTerm(Entry entry) => entry.Opcode == Opcode.LocalGet ? Term.Variable((int)entry.Bits)
        : entry.A < 0 ? Term.Constant(Type, entry.Bits)
        : Term.Of(entry.Opcode, ToTerm(bank[entry.A]), ToTerm(bank[entry.B]));
}
