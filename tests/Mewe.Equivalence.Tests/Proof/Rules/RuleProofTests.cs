using Mewe.Diversify;
using Mewe.Diversify.Rules;
using Mewe.Equivalence.Proof.Rules;
using Mewe.Equivalence.Proof.Solving;

namespace Mewe.Equivalence.Tests.Proof.Rules;

/// <summary>Every rule of every file is proved at every width it claims, and a false one is refuted with values for which it is false.</summary>
public sealed class RuleProofTests(ITestOutputHelper output)
{
    private static IEnumerable<RuleTransform> Files => TransformCatalog.All.Select(item => item.Transform).OfType<RuleTransform>();

    public static TheoryData<string> RuleFiles => [.. Files.Select(file => file.Name)];

    [Theory]
    [MemberData(nameof(RuleFiles))]
    public void Every_rule_is_proved(string file)
    {
        var solver = Z3Solver.Create();
        var results = RuleTransform.Load(file).Rules.Select(rule => (Rule: rule, Result: RuleProof.Prove(rule, solver))).ToArray();
        foreach (var method in results.Select(item => item.Result).OfType<RuleProofResult.Proved>().CountBy(proved => (proved.Width, proved.Method)).OrderBy(count => count.Key))
        {
            output.WriteLine($"{file,-12} i{method.Key.Width} {method.Value,4} {method.Key.Method}");
        }

        Assert.Empty(results.Where(item => item.Result is not RuleProofResult.Proved).Select(item => $"{item.Rule.Source} ({item.Rule.Width}): {item.Result}"));
    }

    [Theory]
    [InlineData(32)]
    [InlineData(64)]
    public void There_are_two_hundred_rules_of_each_width(int width)
    {
        var own = width == 32 ? "i32." : "i64.";
        var scalar = Files.Where(file => file.Name is not ("vector" or "float-bits")).SelectMany(file => file.Rules).Where(rule => rule.Width == width).ToArray();
        output.WriteLine($"{scalar.Length} rules over {own}");
        Assert.True(scalar.Length >= 200, $"{scalar.Length} rules of {width} bits");
    }

    [Theory]
    // Comparisons that forget signedness, or that a comparison is no operator to regroup.
    [InlineData("lt-forgets-the-sign: (lt_s x y) => (lt_u x y)")]
    [InlineData("ge-is-not-gt: (ge_u x y) => (gt_u x y)")]
    [InlineData("eq-is-associative@32: (eq (i32.eq x y) z) => (eq x (i32.eq y z))")]
    [InlineData("unsigned-difference: (lt_u x y) => (lt_s (sub x y) 0)")]
    [InlineData("sign-flipped-once: (lt_s x y) => (lt_u (xor x sign) y)")]
    [InlineData("complement-keeps-the-order: (lt_s x y) => (lt_s (xor x -1) (xor y -1))")]
    // Bounds that wrap.
    [InlineData("bound-wraps-down: (lt_s x $c) => (le_s x {- $c 1})")]
    [InlineData("bound-wraps-up: (gt_u x $c) => (ge_u x {+ $c 1})")]
    [InlineData("bound-wraps-at-the-wrong-end: (lt_u x $c) => (le_u x {- $c 1}) when {!= $c -1}")]
    // Counts of shifts, which are taken modulo the width.
    [InlineData("count-of-the-other-width@64: (shl x y) => (shl x (and y 31))")]
    [InlineData("rotation-by-zero: (rotl x y) => (add (shl x y) (shr_u x (sub 0 y)))")]
    [InlineData("rotation-back-by-32@64: (rotl x y) => (rotr x (sub 32 y))")]
    [InlineData("shifts-add-up: (shl (shl x $c) $d) => (shl x {+ $c $d})")]
    [InlineData("shift-there-and-back: (shr_u (shl x $c) $c) => (and x {shr -1 $c}) when {!= $c 5}", true)]
    [InlineData("arithmetic-shift-of-a-mask: (shr_s (and x $d) $c) => (and (shr_s x $c) {shr $d $c})")]
    // Traps dropped, added, or another one first.
    [InlineData("drops-a-trap: (and (div_u x y) 0) => (and x 0)")]
    [InlineData("drops-a-trap-again: (rem_u x 1) => (and x 0)", true)]
    [InlineData("adds-a-trap: (add x y) => (add (mul (div_u x y) y) (add (rem_u x y) y))")]
    [InlineData("adds-an-overflow: (rem_s x $c) => (sub x (mul (div_s x $c) $c)) when {!= $c 0}")]
    [InlineData("drops-an-overflow: (div_s x -1) => (sub 0 x)")]
    [InlineData("another-trap-first: (add (div_u x y) (div_s x z)) => (add (div_s x z) (div_u x y))")]
    // Division that is no shift.
    [InlineData("signed-division-rounds-down: (div_s x 2) => (shr_s x 1)")]
    [InlineData("signed-remainder-is-a-mask: (rem_s x 8) => (and x 7)")]
    [InlineData("any-divisor-is-a-power: (div_u x $c) => (shr_u x {log2 $c}) when {!= $c 0}")]
    [InlineData("divide-and-multiply: (mul (div_u x $c) $c) => (xor x 0) when {!= $c 0}")]
    [InlineData("smallest-number-has-no-negative: (div_s x $c) => (sub 0 (div_s x {- $c})) when {!= $c 0} {!= $c -1} {!= $c 1}")]
    // Mixed boolean-arithmetic with a slip.
    [InlineData("or-is-no-sum: (add x y) => (or x y)")]
    [InlineData("forgets-the-carry: (add x y) => (xor x y)")]
    [InlineData("carry-not-doubled: (add x y) => (add (xor x y) (and x y))")]
    [InlineData("one-off: (sub x y) => (add x (xor y -1))")]
    [InlineData("products-of-halves: (mul x y) => (add (mul (and x y) (or x y)) (mul (and x (xor y -1)) (and x (xor y -1))))")]
    [InlineData("odd-is-no-inverse: (mul x $c) => (mul (mul x $r) {* $c $r}) when odd $r")]
    [InlineData("even-numbers-divide-zero: (eqz x) => (eqz (mul x $r)) when small $r")]
    [InlineData("sub-commutes: (sub x y) => (sub y x)")]
    // Choices, widths and signs.
    [InlineData("arms-not-swapped: (select x y b) => (select y x b)")]
    [InlineData("condition-is-a-bit@32: (select x y b) => (i32.xor y (i32.and (i32.xor x y) (i32.sub 0 b)))")]
    [InlineData("extends-the-other-way@64: (i64.extend_i32_s x) => (i64.extend_i32_u x)")]
    [InlineData("a-byte-has-no-sign@32: (i32.extend8_s x) => (i32.and x 255)")]
    [InlineData("high-half-counts@64: (i64.mul x y) => (i64.extend_i32_u (i32.mul (i32.wrap_i64 x) (i32.wrap_i64 y)))")]
    [InlineData("zeros-from-the-other-end: (clz x) => (ctz x)")]
    [InlineData("one-value-in-four-billion@32: (i32.popcnt x) => (i32.sub (i32.popcnt x) (i32.eq x 0x12345678))")]
    // Floats are not numbers.
    [InlineData("bits-are-no-numbers@32: (f32.eq x y) => (i32.eq (i32.reinterpret_f32 x) (i32.reinterpret_f32 y))")]
    [InlineData("nan-is-not-less-and-not-greater@64: (f64.lt x y) => (i32.eqz (f64.ge x y))")]
    [InlineData("sign-of-the-other@32: (f32.copysign x y) => (f32.copysign y x)")]
    [InlineData("absolute-keeps-the-sign@64: (f64.abs x) => (f64.neg (f64.neg x))")]
    // Lanes.
    [InlineData("lanes-forget-the-sign@32: (i8x16.lt_s x y) => (i8x16.lt_u x y)")]
    [InlineData("lanes-do-not-carry@32: (i16x8.add x y) => (i8x16.add x y)")]
    [InlineData("saturation-is-no-sum@32: (i8x16.add_sat_u x y) => (i8x16.add x y)")]
    [InlineData("andnot-of-the-other@32: (v128.andnot x y) => (v128.andnot y x)")]
    [InlineData("least-of-the-other-order@32: (i16x8.min_s x y) => (i16x8.min_u x y)")]
    public void A_false_rule_is_refuted_with_values_that_differ(string line, bool isTrue = false)
    {
        var solver = Z3Solver.Create();
        var results = RuleParser.Parse(line).Select(rule => (Rule: rule, Result: RuleProof.Prove(rule, solver))).ToArray();
        if (isTrue)
        {
            // It only looks false: not everything that looks wrong is to be refuted.
            Assert.All(results, item => Assert.IsType<RuleProofResult.Proved>(item.Result));
            return;
        }

        foreach (var (rule, result) in results)
        {
            var values = Assert.IsType<RuleProofResult.Refuted>(result).Values;
            output.WriteLine($"{rule.Width}: {string.Join(' ', values.OrderBy(pair => pair.Key).Select(pair => $"{pair.Key}={pair.Value:x}"))}");
            Assert.True(ReferenceRule.Accepts(rule, values), "the clauses refuse these values");
            var (pattern, replacement) = ReferenceRule.Outcomes(rule, values);
            Assert.NotEqual(pattern, replacement);
        }
    }

    [Fact]
    public void Results_are_told_in_a_sentence()
    {
        string Told(string line) => RuleProof.Prove(RuleParser.Parse(line)[0], Z3Solver.Create()).Describe();
        Assert.Equal("proved for all 32-bit values: the same coefficients as mixed boolean-arithmetic", Told("a: (add x y) => (add (or x y) (and x y))"));
        Assert.Equal("proved for all 32-bit values: no counterexample exists", Told("b: (lt_u x $c) => (le_u x {- $c 1}) when {!= $c 0}"));
        Assert.StartsWith("proved for all 32-bit values: for each of 32 values of $c (", Told("c: (mul x $c) => (shl x {log2 $c}) when {pow2 $c}"), StringComparison.Ordinal);
        Assert.Matches("^wrong for x = 0x[0-9a-f]+, y = 0x[0-9a-f]+$", Told("d: (sub x y) => (sub y x)"));
        Assert.Equal("not proved: f32.add has no meaning to prove with", Told("e@32: (f32.add x y) => (f32.add y x)"));
    }

    [Theory]
    [InlineData("float-sum-commutes@32: (f32.add x y) => (f32.add y x)")]
    [InlineData("adds-zero@64: (f64.add x y) => (f64.add (f64.add x y) y)")]
    [InlineData("inverse-of-anything: (mul x $c) => (mul (mul x $r) {* $c {inverse $r}}) when small $r")]
    public void What_has_no_meaning_here_is_not_proved(string line) =>
        Assert.All(RuleParser.Parse(line), rule => Assert.IsType<RuleProofResult.NotProved>(RuleProof.Prove(rule, Z3Solver.Create())));

    [Fact]
    public void A_true_rule_that_needs_more_steps_than_allowed_is_not_proved()
    {
        var rule = RuleParser.Parse("mask-shl: (and (shl x $c) $d) => (shl (and x {shr $d $c}) $c)")[1];
        Assert.IsType<RuleProofResult.NotProved>(RuleProof.Prove(rule, Z3Solver.Create(), resourceLimit: 1000));
        Assert.IsType<RuleProofResult.Proved>(RuleProof.Prove(rule, Z3Solver.Create()));
    }

    [Fact]
    public void Cases_are_no_proof_where_a_constant_has_other_values()
    {
        // True for the powers of two, and the clause lets all even numbers through: trying the powers alone would prove it.
        var rules = RuleParser.Parse("mul-shl: (mul x $c) => (shl x {log2 $c}) when {= {and $c 1} 0} {!= $c 0}");
        Assert.All(rules, rule => Assert.IsType<RuleProofResult.Refuted>(RuleProof.Prove(rule, Z3Solver.Create())));
        Assert.All(RuleParser.Parse("mul-shl: (mul x $c) => (shl x {log2 $c}) when {pow2 $c}"),
            rule => Assert.IsType<RuleProofResult.NotProved>(RuleProof.Prove(rule, new Silent())));
    }

    [Theory]
    [InlineData("formula-in-a-pattern: (add x {+ $c 1}) => (add (add x $c) 1)")]
    [InlineData("a-variable-from-nowhere: (add x y) => (add x z)")]
    [InlineData("no-such-instruction: (plus x y) => (add x y)")]
    public void A_line_that_is_no_rule_is_refused(string line) => Assert.Throws<FormatException>(() => RuleParser.Parse(line));

    /// <summary>A solver that knows nothing: what is proved with it is proved by algebra alone.</summary>
    private sealed class Silent : ISolver
    {
        public SolverAnswer Check(string script, uint resourceLimit) => new SolverAnswer.Undecided("silent");
    }

    [Fact]
    public void Mixed_boolean_arithmetic_needs_no_solver()
    {
        var open = RuleTransform.Load("mba").Rules.Where(rule => RuleProof.Prove(rule, new Silent()) is not RuleProofResult.Proved).Select(rule => rule.Source);
        Assert.Empty(open);
    }
}
