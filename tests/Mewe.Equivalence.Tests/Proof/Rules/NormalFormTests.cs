using Mewe.Equivalence.Proof.Rules;

namespace Mewe.Equivalence.Tests.Proof.Rules;

public sealed class NormalFormTests(ITestOutputHelper output)
{
    private static readonly BitOperation[] Binary =
    [
        BitOperation.Add, BitOperation.Subtract, BitOperation.Multiply, BitOperation.And, BitOperation.Or, BitOperation.Xor, BitOperation.ShiftLeft, BitOperation.ShiftRight,
        BitOperation.ShiftRightSigned, BitOperation.RotateLeft, BitOperation.RotateRight,
    ];

    /// <summary>A term of a width, over two words of 8 bits and one of 16, so that all laws (also of truncation and extension) meet each other.</summary>
    private static BitTerm Term(Random random, int width, int depth)
    {
        if (depth == 0 || random.Next(8) == 0)
        {
            return random.Next(3) == 0 ? BitTerm.Number((UInt128)(random.Next(2) == 0 ? random.Next(9) : random.Next(1 << width)), width)
                : BitTerm.Variable($"{(char)('x' + random.Next(2))}{width}", width);
        }

        return random.Next(16) switch
        {
            0 => ~Term(random, width, depth - 1),
            1 => BitTerm.Choose(Condition(random, width, depth - 1), Term(random, width, depth - 1), Term(random, width, depth - 1)),
            2 => BitTerm.Of(BitOperation.Ones, Term(random, width, depth - 1)),
            3 => Condition(random, width, depth - 1).Extended(width, random.Next(2) == 0),
            4 or 5 => width == 8 ? Term(random, 16, depth - 1).Extract(0, 8) : Term(random, 8, depth - 1).Extended(16, random.Next(2) == 0),
            6 => BitTerm.Of(BitOperation.Remainder, Term(random, width, depth - 1), BitTerm.Number((UInt128)(1 + random.Next(9)), width)),
            7 => BitTerm.Of(BitOperation.Divide, Term(random, width, depth - 1), BitTerm.Number((UInt128)(1 + random.Next(9)), width)),
            _ => BitTerm.Of(Binary[random.Next(Binary.Length)], Term(random, width, depth - 1), Term(random, width, depth - 1)),
        };
    }

    private static BitTerm Condition(Random random, int width, int depth)
    {
        var (a, b) = (Term(random, width, depth), Term(random, width, depth));
        return random.Next(3) switch { 0 => a.IsEqual(b), 1 => ~a.IsEqual(b), _ => a.IsLess(b, random.Next(2) == 0) };
    }

    private static readonly BitOperation[] Bitwise = [BitOperation.And, BitOperation.Or, BitOperation.Xor];

    private static readonly BitOperation[] Shifts =
        [BitOperation.ShiftLeft, BitOperation.ShiftRight, BitOperation.ShiftRightSigned, BitOperation.RotateLeft, BitOperation.RotateRight];

    /// <summary>Bitwise operations and shifts by few different counts, so that the laws of shifts meet.</summary>
    private static BitTerm Shifted(Random random, int depth)
    {
        BitTerm Leaf() => random.Next(5) switch { 0 => BitTerm.Number((UInt128)random.Next(256), 8), 1 => BitTerm.Number(255, 8), 2 => BitTerm.Variable("y8", 8), _ => BitTerm.Variable("x8", 8) };
        BitTerm Count() => random.Next(4) switch { 0 => BitTerm.Number((UInt128)random.Next(10), 8), 1 => BitTerm.Variable("n8", 8) + BitTerm.Number(8, 8), _ => BitTerm.Variable("n8", 8) };
        return depth == 0 ? Leaf() : random.Next(6) switch
        {
            0 => ~Shifted(random, depth - 1),
            1 or 2 => BitTerm.Of(Shifts[random.Next(Shifts.Length)], Shifted(random, depth - 1), Count()),
            _ => BitTerm.Of(Bitwise[random.Next(3)], Shifted(random, depth - 1), Shifted(random, depth - 1)),
        };
    }

    /// <summary>Comparisons with zero of small polynomials over one or two variables, where one is often a multiple of another.</summary>
    private static BitTerm ZeroTest(Random random)
    {
        var (x, y) = (BitTerm.Variable("x8", 8), BitTerm.Variable("y8", 8));
        BitTerm Small() => BitTerm.Number((UInt128)random.Next(5), 8);
        var factor = random.Next(2) == 0 ? x : x - y;
        var other = (Small() * x) + (Small() * (random.Next(2) == 0 ? y : x * y)) + Small();
        var test = (random.Next(3) == 0 ? factor : factor * other).IsEqual(BitTerm.Number(0, 8));
        return random.Next(3) switch { 0 => ~test, 1 => (~test).Extended(8, signed: false).IsEqual(Small()), _ => test };
    }

    public static TheoryData<string> Families => ["all", "shifts", "zeros"];

    /// <summary>
    /// A wrong law would make different terms equal. Small terms are drawn in families, and any two of a family with the same normal form must have the same value everywhere we look.
    /// </summary>
    [Theory]
    [MemberData(nameof(Families))]
    public void Terms_with_the_same_normal_form_have_the_same_value(string kind)
    {
        var random = new Random(3);
        var (equal, pairs) = (0, 0);
        for (var round = 0; round < 400; round++)
        {
            var family = Enumerable.Range(0, 8).Select(_ => kind switch
            {
                "shifts" => Shifted(random, 1 + random.Next(3)),
                "zeros" => ZeroTest(random),
                _ => Term(random, 8, 1 + random.Next(2)),
            }).ToList();
            family.AddRange(Enumerable.Range(0, 6).Select(_ => BitTerm.Of(Binary[random.Next(6)], family[random.Next(8)], family[random.Next(8)])));
            var form = new NormalForm();
            for (var i = 0; i < family.Count; i++)
            {
                for (var j = 0; j < i; j++)
                {
                    pairs++;
                    if (form.AreEqual(family[i], family[j]))
                    {
                        equal++;
                        AssertSameValues(family[i], family[j], random);
                    }
                }
            }
        }

        output.WriteLine($"{equal} of {pairs} pairs have the same normal form");
        Assert.True(equal > 400);
    }

    private static void AssertSameValues(BitTerm a, BitTerm b, Random random)
    {
        for (var sample = 0; sample < 60; sample++)
        {
            var values = new[] { "x8", "y8", "n8", "x16", "y16" }.ToDictionary(name => name, _ => (UInt128)(random.Next(4) == 0 ? random.Next(4) : random.Next(1 << 16)));
            Assert.True(BitTermEvaluator.Evaluate(a, name => values[name]) == BitTermEvaluator.Evaluate(b, name => values[name]), $"{a}\n{b}\n{string.Join(' ', values)}");
        }
    }

    /// <summary>Outside its precondition the theorem is false: a number other than 0 and -1 inside a bitwise part is not a variable that is 0 or -1.</summary>
    [Fact]
    public void Numbers_inside_bitwise_parts_are_not_taken_for_bits()
    {
        var x = BitTerm.Variable("x", 32);
        var one = BitTerm.Number(UInt128.One, 32);
        Assert.False(new NormalForm().AreEqual(x & one, x));
        Assert.False(new NormalForm().AreEqual((x & one) + (x & BitTerm.Number(2, 32)), x & one));
        Assert.True(new NormalForm().AreEqual((x & one) + (x & ~one), x));
        var form = new NormalForm();
        Assert.True(form.AreEqual(x & one, one & x));
        Assert.False(form.AreLinear(x & one, one & x));
    }

    /// <summary>Linear mixed boolean-arithmetic over variables is decided: changing any coefficient by one is noticed.</summary>
    [Fact]
    public void Linear_expressions_are_decided()
    {
        var (x, y, z) = (BitTerm.Variable("x", 64), BitTerm.Variable("y", 64), BitTerm.Variable("z", 64));
        BitTerm[] parts = [x, y, z, x & y, x | z, y ^ z, ~x & z, ~(x | (y & z)), x ^ y ^ z];
        var random = new Random(4);
        for (var round = 0; round < 200; round++)
        {
            var coefficients = parts.Select(_ => (UInt128)random.Next(-4, 5)).ToArray();
            BitTerm Sum(int changed) => parts.Select((part, i) => part * BitTerm.Number(coefficients[i] + (i == changed ? UInt128.One : 0), 64)).Aggregate((a, b) => a + b);
            var form = new NormalForm();
            Assert.True(form.AreEqual(Sum(-1), Sum(-1)));
            Assert.True(form.AreLinear(Sum(-1), Sum(-1)));
            Assert.False(form.AreEqual(Sum(-1), Sum(random.Next(parts.Length))));
        }
    }
}
