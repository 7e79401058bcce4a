using System.Numerics;
using Mewe.Equivalence.Proof.Solving;
using Mewe.Equivalence.Proof.Terms;

namespace Mewe.Equivalence.Tests.Proof.Terms;

/// <summary>The normal form promises to keep values: every operation is compared with what it means, on terms made of thousands of operations before it.</summary>
public sealed class TermGraphTests(ITestOutputHelper output)
{
    private static readonly int[] Widths = [1, 8, 16, 32, 64];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void EveryOperationHasTheValueThatItsOperandsGiveIt(int seed)
    {
        var terms = new RandomTerms(seed);
        for (var step = 0; step < 12_000; step++)
        {
            var (name, term, expected) = terms.Next();
            var actual = terms.Simulation.Of(term);
            for (var lane = 0; lane < Simulation.Lanes; lane++)
            {
                Assert.True(actual[lane] == (expected[lane] & term.Mask), $"step {step}, {name}, lane {lane}: {actual[lane]:x} is not {expected[lane] & term.Mask:x} in {term}");
            }
        }

        output.WriteLine($"{terms.Graph.Count} terms");
    }

    [Theory]
    [InlineData(21)]
    [InlineData(22)]
    public void TheTextOfATermIsShortHoweverLargeTheTermIs(int seed)
    {
        var terms = new RandomTerms(seed);
        var longest = Enumerable.Range(0, 6_000).Max(_ => terms.Next().Term.ToString().Length);

        output.WriteLine($"{longest} characters");
        Assert.InRange(longest, 100, 2_000);
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    public void PuttingTheValueOfASymbolIntoATermKeepsItsValue(int seed)
    {
        var terms = new RandomTerms(seed);
        for (var step = 0; step < 4_000; step++)
        {
            var (name, term, _) = terms.Next();
            if (term.IsConstant || step % 4 != 0)
            {
                continue;
            }

            var symbol = terms.AnySymbol();
            var lane = step % Simulation.Lanes;
            var constant = terms.Graph.Constant(symbol.Width, terms.Simulation.Of(symbol)[lane]);
            var replaced = new Replacement(terms.Graph, symbol, constant).In(term);
            Assert.True(terms.Simulation.Of(replaced)[lane] == terms.Simulation.Of(term)[lane], $"{name}: {replaced} for {term} with {constant} for {symbol}");
        }
    }

    [Fact]
    public void TheSolverReadsTermsAsTheyAreMeant()
    {
        var solver = Z3Solver.Create();
        var terms = new RandomTerms(21);
        var asked = 0;
        for (var step = 0; step < 3_000; step++)
        {
            var (name, term, _) = terms.Next();
            var smt = new SmtTerms(60);
            if (step % 15 != 0 || term.IsConstant || term.Size > 60 || smt.Name(term) is not { } written || smt.OpenProducts > 0)
            {
                continue;
            }

            var lane = step % Simulation.Lanes;
            var script = smt.Text + string.Concat(smt.Unknowns.Select((unknown, i) => $"(assert (= x{i} {SmtTerms.Number(terms.Simulation.Of(unknown)[lane], unknown.Width)}))\n"))
                + $"(assert (distinct {written} {SmtTerms.Number(terms.Simulation.Of(term)[lane], term.Width)}))\n";
            Assert.True(solver.Check(script, 5_000_000) is SolverAnswer.Unsatisfiable, $"{name}: {term}\n{script}");
            asked++;
        }

        Assert.True(asked > 60, $"only {asked} terms");
    }

    [Theory]
    [InlineData(31)]
    [InlineData(32)]
    [InlineData(33)]
    public void LoadsSeeTheLatestWriteOfEachByte(int seed)
    {
        var random = new Random(seed);
        var graph = new TermGraph();
        var simulation = new Simulation();
        var first = graph.Symbol(0, 0, 1);
        Term[] roots = [.. Enumerable.Range(0, 3).Select(i => graph.ZeroExtend(graph.Symbol(32, 0, (ulong)(10 + i)), 64)), graph.Constant(64, 0), graph.Constant(64, 40)];
        for (var run = 0; run < 60; run++)
        {
            var memory = first;
            var written = new Dictionary<ulong, byte>[Simulation.Lanes];
            for (var lane = 0; lane < Simulation.Lanes; lane++)
            {
                written[lane] = [];
            }

            for (var step = 0; step < 40; step++)
            {
                var (root, offset, bytes) = (roots[random.Next(roots.Length)], (ulong)random.Next(24), 1 << random.Next(4));
                var address = simulation.Of(root);
                if (random.Next(2) == 0)
                {
                    var value = random.Next(3) == 0 ? graph.Constant(8 * bytes, (ulong)random.NextInt64()) : graph.Symbol(8 * bytes, 0, (ulong)(100 + random.Next(5)));
                    memory = graph.Store(memory, root, offset, value);
                    for (var lane = 0; lane < Simulation.Lanes; lane++)
                    {
                        for (var i = 0; i < bytes; i++)
                        {
                            written[lane][address[lane] + offset + (ulong)i] = (byte)(simulation.Of(value)[lane] >> (8 * i));
                        }
                    }
                }
                else
                {
                    var loaded = simulation.Of(graph.Load(memory, root, offset, bytes));
                    for (var lane = 0; lane < Simulation.Lanes; lane++)
                    {
                        for (var i = 0; i < bytes; i++)
                        {
                            var at = address[lane] + offset + (ulong)i;
                            var expected = written[lane].TryGetValue(at, out var known) ? known : (byte)simulation.Of(graph.Load(first, root, offset + (ulong)i, 1))[lane];
                            Assert.Equal(expected, (byte)(loaded[lane] >> (8 * i)));
                        }
                    }
                }
            }
        }
    }

    /// <summary>Terms made by random operations on earlier ones, with the values that they should have.</summary>
    private sealed class RandomTerms
    {
        private const int Keep = 40;

        private readonly Random random;
        private readonly Dictionary<int, List<Term>> pools = [];
        private readonly List<Term> symbols = [];

        public RandomTerms(int seed)
        {
            random = new Random(seed);
            foreach (var width in Widths)
            {
                pools[width] = [];
                for (var i = 0; i < 3; i++)
                {
                    var symbol = Graph.Symbol(width, 0, (ulong)((width * 8) + i));
                    symbols.Add(symbol);
                    pools[width].Add(symbol);
                }
            }
        }

        public TermGraph Graph { get; } = new();

        public Simulation Simulation { get; } = new();

        public Term AnySymbol() => symbols[random.Next(symbols.Count)];

        public (string Name, Term Term, ulong[] Expected) Next()
        {
            var width = Widths[random.Next(8) switch { 0 => 0, 1 => 1, 2 => 2, < 6 => 3, _ => 4 }];
            var (x, y) = (Any(width), random.Next(4) == 0 ? Number(width) : Any(width));
            var by = random.Next(width);
            var mask = Term.MaskOf(width);
            var (name, term, expected) = random.Next(27) switch
            {
                0 => Made("add", Graph.Add(x, y), (a, b) => a + b),
                1 => Made("sub", Graph.Subtract(x, y), (a, b) => a - b),
                2 => Made("mul", Graph.Multiply(x, y), (a, b) => a * b),
                3 or 4 => Made("and", Graph.And(x, y), (a, b) => a & b),
                5 or 6 => Made("or", Graph.Or(x, y), (a, b) => a | b),
                7 or 8 => Made("xor", Graph.Xor(x, y), (a, b) => a ^ b),
                9 => Made("not", Graph.Not(x), (a, _) => ~a),
                10 => Made("shl", Graph.ShiftLeft(x, by), (a, _) => a << by),
                11 => Made("shr_u", Graph.ShiftRight(x, by), (a, _) => a >> by),
                12 => Made("shr_s", Graph.ShiftRightSigned(x, by), (a, _) => (ulong)(Signed(a, width) >> by)),
                13 => Made("rotl", Graph.RotateLeft(x, by), (a, _) => by == 0 ? a : (a << by) | (a >> (width - by))),
                14 => Made("eq", Graph.Equal(x, y), (a, b) => a == b ? 1UL : 0),
                15 => Made("lt_u", Graph.Below(x, y), (a, b) => a < b ? 1UL : 0),
                16 => Made("lt_s", Graph.BelowSigned(x, y), (a, b) => Signed(a, width) < Signed(b, width) ? 1UL : 0),
                17 => Made("is zero", Graph.IsZero(x), (a, _) => a == 0 ? 1UL : 0),
                18 when width > 1 => Shifted(ProofOperation.ShiftLeft, (a, n) => a << n),
                19 when width > 1 => Shifted(ProofOperation.RotateLeft, (a, n) => n == 0 ? a : (a << n) | (a >> (width - n))),
                20 when width > 1 => Shifted(ProofOperation.ShiftRightSigned, (a, n) => (ulong)(Signed(a, width) >> n)),
                21 => Choice(),
                22 when width < 64 => Extended(signed: random.Next(2) == 0),
                23 when width > 1 => Truncated(),
                24 when width > 1 && !y.IsZero && y.IsConstant => Made("div_u", Graph.DivideUnsigned(x, y), (a, b) => a / b),
                25 when width > 1 && y.IsConstant && Signed(y.Value, width) > 0 => Made("div_s", Graph.DivideSigned(x, y), (a, b) => (ulong)(Signed(a, width) / Signed(b, width))),
                26 when width is 32 or 64 => Counted(),
                _ => Made("scale", Graph.Scale(3, x), (a, _) => 3 * a),
            };
            Put(term);
            return (name, term, expected);

            (string, Term, ulong[]) Made(string name, Term term, Func<ulong, ulong, ulong> meaning)
            {
                var (a, b) = (Simulation.Of(x), Simulation.Of(y));
                return ($"{name} of {x} and {y} (by {by})", term, [.. a.Select((value, lane) => meaning(value & mask, b[lane] & mask))]);
            }

            (string, Term, ulong[]) Shifted(int code, Func<ulong, int, ulong> meaning) =>
                Made($"shift {code:x}", Graph.Shift(code, x, y), (a, b) => meaning(a, (int)(b & (ulong)(width - 1))));

            (string, Term, ulong[]) Choice()
            {
                var condition = Any(1);
                var values = Simulation.Of(condition);
                var (a, b) = (Simulation.Of(x), Simulation.Of(y));
                return ("choice", Graph.Choice(condition, x, y), [.. values.Select((value, lane) => value == 1 ? a[lane] : b[lane])]);
            }

            (string, Term, ulong[]) Extended(bool signed)
            {
                var wide = Widths.Where(other => other > width).ElementAt(random.Next(Widths.Count(other => other > width)));
                var values = Simulation.Of(x);
                return ($"extend {signed} of {x}", signed ? Graph.SignExtend(x, wide) : Graph.ZeroExtend(x, wide), [.. values.Select(value => signed ? (ulong)Signed(value, width) : value)]);
            }

            (string, Term, ulong[]) Truncated()
            {
                var narrow = Widths.Where(other => other < width).ElementAt(random.Next(Widths.Count(other => other < width)));
                return ($"truncate of {x}", Graph.Truncate(x, narrow), [.. Simulation.Of(x)]);
            }

            (string, Term, ulong[]) Counted()
            {
                var code = random.Next(3) switch { 0 => ProofOperation.LeadingZeros, 1 => ProofOperation.TrailingZeros, _ => ProofOperation.PopulationCount };
                return Made($"count {code:x}", Graph.CountBits(code, x), (a, _) => code switch
                {
                    ProofOperation.LeadingZeros => (ulong)(BitOperations.LeadingZeroCount(a) - (64 - width)),
                    ProofOperation.TrailingZeros => (ulong)Math.Min(BitOperations.TrailingZeroCount(a), width),
                    _ => (ulong)BitOperations.PopCount(a),
                });
            }
        }

        private static long Signed(ulong value, int width) => (long)(value << (64 - width)) >> (64 - width);

        private Term Any(int width) => random.Next(7) == 0 ? Number(width) : pools[width][random.Next(pools[width].Count)];

        private Term Number(int width) => Graph.Constant(width, random.Next(6) switch
        {
            0 => 0, 1 => 1, 2 => ulong.MaxValue, 3 => 1UL << random.Next(64), 4 => (1UL << random.Next(64)) - 1, _ => (ulong)random.NextInt64(),
        });

        private void Put(Term term)
        {
            // Old and simple terms stay, so that the same parts meet again; what has grown large is not built upon.
            if (term.IsConstant || term.Size > 400 || term.Width is not (1 or 8 or 16 or 32 or 64))
            {
                return;
            }

            var pool = pools[term.Width];
            if (pool.Count < Keep)
            {
                pool.Add(term);
            }
            else
            {
                pool[3 + random.Next(Keep - 3)] = term;
            }
        }
    }
}
