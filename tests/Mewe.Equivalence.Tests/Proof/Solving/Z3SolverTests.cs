using Mewe.Equivalence.Proof.Solving;

namespace Mewe.Equivalence.Tests.Proof.Solving;

public sealed class Z3SolverTests
{
    private const uint Plenty = 1_000_000;

    private static string Words(int width, params string[] names) => string.Concat(names.Select(name => $"(declare-const {name} (_ BitVec {width}))"));

    private static string Identity(int width, string left, string right) => $"{Words(width, "x", "y", "z")}(assert (not (= {left} {right})))";

    private static string Number(int width, int value) => $"(_ bv{value} {width})";

    private static string CarryChain(int width) => Identity(width, "(bvadd x y)", $"(bvadd (bvxor x y) (bvshl (bvand x y) {Number(width, 1)}))");

    /// <summary>Questions of every kind: settled at once, by search, false, beyond the limit, senseless.</summary>
    private static (string Script, uint Limit)[] Questions =>
    [
        (CarryChain(32), Plenty), (CarryChain(64), Plenty), (Identity(32, "(bvsub x y)", "(bvsub y x)"), Plenty),
        (Identity(32, "(bvmul x (bvadd y z))", "(bvadd (bvmul x y) (bvmul x z))"), Plenty),
        (Identity(32, "(bvadd (bvmul x y) x)", "(bvmul x (bvsub (bvadd y #x00000002) z))"), Plenty),
        (CarryChain(64), 100), (Identity(64, "(bvudiv (bvmul x y) y)", "x"), 200), ("(assert (= x 1))", Plenty),
        ("(declare-const m (Array (_ BitVec 32) (_ BitVec 8)))(declare-const a (_ BitVec 32))(assert (not (= (select (store m a #x07) a) #x07)))", Plenty),
        ("(declare-fun f ((_ BitVec 32)) (_ BitVec 32))(declare-const a (_ BitVec 32))(declare-const b (_ BitVec 32))(assert (= a b))(assert (distinct (f a) (f b)))", Plenty),
        (Identity(32, "(bvor x y)", "(bvadd x y)"), Plenty),
    ];

    [Fact]
    public void A_true_identity_has_no_counterexample()
    {
        Assert.IsType<SolverAnswer.Unsatisfiable>(Z3Solver.Create().Check(CarryChain(64), Plenty));
    }

    [Fact]
    public void A_false_identity_has_one_and_it_differs()
    {
        var answer = Assert.IsType<SolverAnswer.Satisfiable>(Z3Solver.Create().Check(Identity(64, "(bvor x y)", "(bvadd x y)"), Plenty));
        Assert.Equal(["x", "y", "z"], answer.Values.Keys.Order());
        var (x, y) = ((ulong)answer.Values["x"], (ulong)answer.Values["y"]);
        Assert.NotEqual(x | y, x + y);
    }

    [Fact]
    public void Values_have_up_to_128_bits()
    {
        const string Script = "(declare-fun a () (_ BitVec 128))(declare-const c (_ BitVec 1))(assert (= a #x0123456789abcdef0123456789abcdef))(assert (= c #b1))";
        var answer = Assert.IsType<SolverAnswer.Satisfiable>(Z3Solver.Create().Check(Script, Plenty));
        Assert.Equal(new UInt128(0x0123456789abcdef, 0x0123456789abcdef), answer.Values["a"]);
        Assert.Equal(UInt128.One, answer.Values["c"]);
    }

    [Fact]
    public void A_script_that_is_wrong_is_an_answer_and_not_the_end_of_the_process()
    {
        var solver = Z3Solver.Create();
        foreach (var script in new[] { "(assert (= x 1))", "(assert", "(declare-const x (_ BitVec 8))(assert (= x #x0123))" })
        {
            Assert.NotEmpty(Assert.IsType<SolverAnswer.Undecided>(solver.Check(script, Plenty)).Reason);
        }

        Assert.IsType<SolverAnswer.Unsatisfiable>(solver.Check("(assert false)", Plenty));
    }

    [Fact]
    public void A_question_beyond_its_limit_is_undecided()
    {
        Assert.IsType<SolverAnswer.Undecided>(Z3Solver.Create().Check(CarryChain(64), 100));
    }

    [Fact]
    public void The_answer_does_not_depend_on_what_was_asked_before()
    {
        var solver = Z3Solver.Create();
        var questions = Questions;
        var first = questions.Select(question => solver.Check(question.Script, question.Limit)).ToArray();
        var backwards = questions.Reverse().Select(question => solver.Check(question.Script, question.Limit)).Reverse().ToArray();
        var interleaved = questions.Select((question, i) =>
        {
            solver.Check(questions[(i * 7 + 3) % questions.Length].Script, Plenty);
            return solver.Check(question.Script, question.Limit);
        }).ToArray();
        Assert.Equal(first.Select(Describe), backwards.Select(Describe));
        Assert.Equal(first.Select(Describe), interleaved.Select(Describe));
        Assert.Equal(3, first.Select(answer => answer.GetType()).Distinct().Count());
    }

    [Fact]
    public void The_limit_is_met_at_the_same_step_whatever_was_asked_before()
    {
        var solver = Z3Solver.Create();
        var script = Identity(32, "(bvadd (bvmul x y) x)", "(bvmul x (bvadd y #x00000002))");
        var enough = SmallestLimit(solver, script);
        foreach (var question in Questions)
        {
            solver.Check(question.Script, question.Limit);
        }

        Assert.Equal(enough, SmallestLimit(solver, script));
    }

    private static uint SmallestLimit(Z3Solver solver, string script)
    {
        var (low, high) = (1u, Plenty);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = solver.Check(script, middle) is SolverAnswer.Undecided ? (middle + 1, high) : (low, middle);
        }

        return low;
    }

    private static string Describe(SolverAnswer answer) => answer switch
    {
        SolverAnswer.Satisfiable satisfiable => string.Join(' ', satisfiable.Values.OrderBy(pair => pair.Key).Select(pair => $"{pair.Key}={pair.Value}")),
        SolverAnswer.Undecided undecided => undecided.Reason,
        _ => "unsatisfiable",
    };
}
