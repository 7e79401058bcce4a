using Mewe.Diversify.Tests.Evaluation;
using Mewe.Equivalence.Proof.Rules;
using Mewe.Equivalence.Proof.Solving;
using Mewe.Wasm;

namespace Mewe.Equivalence.Tests.Proof.Rules;

/// <summary>Three opinions on what an instruction computes agree: the terms as evaluated, the terms as the solver reads them, and the generator's reference evaluator.</summary>
public sealed class SemanticsTests
{
    private const int Samples = 40;

    private static readonly UInt128[] Boundaries =
    [
        0, 1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 255, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x7F80_0000, 0x7FC0_0000, 0xFF80_0001, 0x7FF0_0000_0000_0000,
        0x7FF8_0000_0000_0001, 0x8000_0000_0000_0000, 0x7FFF_FFFF_FFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF,
    ];

    private static IEnumerable<(Opcode Opcode, BitTerm[] Variables, InstructionMeaning Meaning)> Instructions =>
        from opcode in Enum.GetValues<Opcode>()
        where OpcodeTable.Get(opcode) is { Operands.Length: > 0, Results.Length: 1 }
        let variables = OpcodeTable.Get(opcode).Operands.Select((letter, i) => (Letter: letter, Name: $"a{i}")).ToArray()
        where variables.All(variable => WidthOf(variable.Letter) > 0)
        let terms = variables.Select(variable => BitTerm.Variable(variable.Name, WidthOf(variable.Letter))).ToArray()
        where HasReference(opcode)
        let meaning = InstructionSemantics.Of(opcode, terms)
        where meaning is not null
        select (opcode, terms, meaning.Value);

    private static int WidthOf(char letter) => letter switch { 'i' or 'f' => 32, 'I' or 'F' => 64, 'v' => 128, _ => 0 };

    private static bool HasReference(Opcode opcode)
    {
        try
        {
            Numeric.Evaluate(opcode, new Value[3]);
        }
        catch (NotSupportedException)
        {
            return false;
        }
        catch (TrapException)
        {
            return true;
        }
        catch (Exception error) when (error is FormatException or IndexOutOfRangeException or ArgumentException)
        {
            return false;
        }

        return true;
    }

    private static UInt128 Draw(Random random, int width)
    {
        var value = random.Next(3) == 0 ? Boundaries[random.Next(Boundaries.Length)] : new UInt128((ulong)random.NextInt64(long.MinValue, long.MaxValue),
            (ulong)random.NextInt64(long.MinValue, long.MaxValue) >> random.Next(64));
        return value & BitTerm.Mask(width);
    }

    [Fact]
    public void Terms_compute_and_trap_as_the_reference_evaluator_does()
    {
        var random = new Random(1);
        var seen = 0;
        foreach (var (opcode, variables, meaning) in Instructions)
        {
            seen++;
            for (var sample = 0; sample < 10 * Samples; sample++)
            {
                var values = variables.ToDictionary(variable => variable.Name, variable => Draw(random, variable.Width));
                var trap = BitTermEvaluator.Evaluate(meaning.Trap, name => values[name]);
                string expected, actual = trap == 1 ? "divide" : trap == 2 ? "overflow" : ReferenceRule.Of(BitTermEvaluator.Evaluate(meaning.Value, name => values[name])).ToString();
                try
                {
                    expected = Numeric.Evaluate(opcode, [.. variables.Select(variable => ReferenceRule.Of(values[variable.Name]))]).ToString();
                }
                catch (TrapException error)
                {
                    expected = error.Message;
                }

                Assert.True(expected == actual, $"{OpcodeTable.Get(opcode).Name} of {string.Join(", ", values.Values.Select(value => value.ToString("x")))}: {expected}, not {actual}");
            }
        }

        Assert.InRange(seen, 140, 500);
    }

    [Fact]
    public void The_solver_reads_terms_as_they_are_evaluated()
    {
        var random = new Random(2);
        var solver = Z3Solver.Create();
        foreach (var (opcode, variables, meaning) in Instructions)
        {
            var script = new SmtScript();
            BitTerm wrong = BitTerm.Bit(false);
            for (var sample = 0; sample < (variables[0].Width == 128 ? 1 : 4); sample++)
            {
                // Variables with known values, so that nothing is computed before the solver sees it.
                var own = variables.Select(variable => BitTerm.Variable($"{variable.Name}.{sample}", variable.Width)).ToArray();
                var values = own.ToDictionary(variable => variable.Name, variable => Draw(random, variable.Width));
                foreach (var variable in own)
                {
                    script.Assert(variable.IsEqual(BitTerm.Number(values[variable.Name], variable.Width)));
                }

                var (value, trap) = InstructionSemantics.Of(opcode, own)!.Value;
                foreach (var term in new[] { value, trap })
                {
                    wrong |= ~term.IsEqual(BitTerm.Number(BitTermEvaluator.Evaluate(term, name => values[name]), term.Width));
                }
            }

            Assert.True(solver.Check(script.Assert(wrong).ToString(), 10_000_000) is SolverAnswer.Unsatisfiable, OpcodeTable.Get(opcode).Name);
        }
    }

    [Theory]
    [InlineData("div_s", 32)]
    [InlineData("rem_s", 32)]
    [InlineData("div_u", 64)]
    [InlineData("rem_u", 64)]
    [InlineData("div_s", 64)]
    [InlineData("rem_s", 64)]
    public void Division_left_open_is_division_once_the_function_is_known(string name, int width)
    {
        var random = new Random(5);
        var solver = Z3Solver.Create();
        var signed = name.EndsWith("_s", StringComparison.Ordinal);
        var (a, b) = (BitTerm.Variable("a", width), BitTerm.Variable("b", width));
        var value = InstructionSemantics.Of(OpcodeTable.Find($"i{width}.{name}")!.Opcode, [a, b])!.Value.Value;
        UInt128 Magnitude(UInt128 x) => signed && x >> (width - 1) == 1 ? (0 - x) & BitTerm.Mask(width) : x;
        for (var sample = 0; sample < 10; sample++)
        {
            var (x, y) = (Draw(random, width), Draw(random, width));
            if (y == 0)
            {
                continue;
            }

            var script = new SmtScript(divisionIsAnyFunction: true).Assert(a.IsEqual(BitTerm.Number(x, width))).Assert(b.IsEqual(BitTerm.Number(y, width)));
            var expected = BitTermEvaluator.Evaluate(value, variable => variable == "a" ? x : y);
            script.Assert(~value.IsEqual(BitTerm.Number(expected, width)));
            var quotient = Magnitude(x) / Magnitude(y);
            var known = $"{script}(assert (= (divide{width} (_ bv{Magnitude(x)} {width}) (_ bv{Magnitude(y)} {width})) (_ bv{quotient} {width})))";
            Assert.IsType<SolverAnswer.Unsatisfiable>(solver.Check(known, 1_000_000));
            Assert.IsNotType<SolverAnswer.Unsatisfiable>(solver.Check(script.ToString(), 10_000));
        }
    }
}
