using Mewe.Diversify.Transforms;
using Mewe.Wasm;
using Mewe.Wasm.Validation;

namespace Mewe.Diversify.Tests;

/// <summary>Whole candidates on random bodies that are full of effects: they validate, behave the same, and are reproducible.</summary>
public sealed class CandidateTests(ITestOutputHelper output)
{
    /// <summary>MEWE_BODIES multiplies the number of bodies: for a long hunt.</summary>
    private static readonly int Factor = int.TryParse(Environment.GetEnvironmentVariable("MEWE_BODIES"), out var factor) ? factor : 1;

    private static IEnumerable<(FunctionInput Function, int Number)> Bodies(int count)
    {
        for (var i = 0; i < count * Factor; i++)
        {
            yield return (BodyGenerator.Generate(SeededRandom.For((ulong)i, [], 0, "bodies")), i);
        }
    }

    [Fact]
    public void Generated_bodies_are_valid()
    {
        foreach (var (function, number) in Bodies(300))
        {
            Assert.True(FunctionValidator.Validate(function.Module.Context, function.Type, function.Code) is null,
                $"body {number}: {FunctionValidator.Validate(function.Module.Context, function.Type, function.Code)} {string.Join("; ", function.Code.Instructions)}");
        }
    }

    public static TheoryData<string> TransformNames => [.. TransformCatalog.All.Select(item => item.Transform.Name)];

    [Theory]
    [MemberData(nameof(TransformNames))]
    public void Each_transform_alone_keeps_the_behaviour_of_bodies_full_of_effects(string name)
    {
        var diversifier = new Diversifier([.. TransformCatalog.All.Where(item => item.Transform.Name == name)]);
        var fired = 0;
        foreach (var (function, number) in Bodies(40))
        {
            fired += Check(diversifier, function, number, new DiversifyOptions { Seed = (ulong)number, MinSteps = 1, MaxSteps = 3, MaxCandidates = 3, MaxGrowth = 10, MaxBarrenAttempts = 4 });
        }

        output.WriteLine($"{name}: {fired} candidates");
        // Some transforms of control flow want shapes that random bodies rarely have; their own tests make them.
        var special = Transforms.Control.ControlTransforms.All.Concat(Transforms.Locals.LocalsTransforms.All).Any(item => item.Transform.Name == name);
        Assert.True(fired > 0 || special || name == "vector", $"{name} never fired");
    }

    [Fact]
    public void Composed_candidates_keep_the_behaviour_of_bodies_full_of_effects()
    {
        var fired = 0;
        foreach (var (function, number) in Bodies(250))
        {
            fired += Check(Diversifier.Default, function, number, new DiversifyOptions { Seed = (ulong)number, MaxCandidates = 4, MaxGrowth = 5 });
        }

        output.WriteLine($"{fired} candidates");
        Assert.True(fired > 500);
    }

    private static int Check(Diversifier diversifier, FunctionInput function, int number, DiversifyOptions options)
    {
        var stream = diversifier.Propose(function, options);
        var count = 0;
        foreach (var candidate in stream)
        {
            count++;
            var random = SeededRandom.For((ulong)number, [], (uint)count, "arguments");
            for (var sample = 0; sample < 6; sample++)
            {
                Expect.SameOutcome(function, candidate, Samples.Draw(function.Type.Parameters, random), (ulong)sample, $"body {number}");
            }
        }

        Assert.True(stream.Invalid.Count == 0,
            $"body {number}: {string.Join(' ', stream.Invalid.Select(bad => string.Join(' ', bad.Candidate.Steps) + " " + bad.Error).Take(1))}");
        return count;
    }

    /// <summary>
    /// Both edits of one pass: (sub -1 (or a b)) becomes (sub (or -1 ~t) (or 0 t)) with t spilled, and the inner or becomes something else. The new code ends in "or; sub" as the old
    /// did, but that is another or: an edit must not be cut at its end for looking alike.
    /// </summary>
    [Fact]
    public void Edits_of_one_pass_do_not_meet_at_instructions_that_only_look_alike()
    {
        Instruction[] code =
        [
            Instruction.I32Const(-1), Instruction.LocalGet(0), Instruction.I32Const(-1), Instruction.Of(Opcode.I32Xor), Instruction.LocalGet(1), Instruction.I32Const(-1),
            Instruction.Of(Opcode.I32Xor), Instruction.Of(Opcode.I32Or), Instruction.Of(Opcode.I32Sub),
        ];
        var function = Evaluation.TestModule.Function(FunctionType.Of([ValueType.I32, ValueType.I32], [ValueType.I32]), [], code);
        var diversifier = new Diversifier([.. TransformCatalog.All.Where(item => item.Transform.Name == "mba")]);
        var random = Samples.Random("meet");
        foreach (var candidate in diversifier.Propose(function, new DiversifyOptions { MinSteps = 1, MaxSteps = 1, MaxCandidates = 400, MaxGrowth = 20 }))
        {
            Expect.SameOutcome(function, candidate, Samples.Draw(function.Type.Parameters, random), 1, "one pass");
        }
    }

    [Fact]
    public void The_same_seed_gives_the_same_candidates_and_another_seed_others()
    {
        foreach (var (function, _) in Bodies(20))
        {
            var first = Diversifier.Default.Propose(function, new DiversifyOptions { MaxCandidates = 20 }).Select(candidate => candidate.Hash).ToArray();
            var again = Diversifier.Default.Propose(function, new DiversifyOptions { MaxCandidates = 20 }).Select(candidate => candidate.Hash).ToArray();
            var other = Diversifier.Default.Propose(function, new DiversifyOptions { MaxCandidates = 20, Seed = 1 }).Select(candidate => candidate.Hash).ToArray();
            Assert.Equal(first, again);
            Assert.NotEqual(first, other);
        }
    }

    [Fact]
    public void Candidates_do_not_depend_on_what_other_threads_do()
    {
        var bodies = Bodies(16).Select(body => body.Function).ToArray();
        var alone = bodies.Select(Hashes).ToArray();
        var together = new UInt128[bodies.Length][];
        Parallel.For(0, bodies.Length, i => together[i] = Hashes(bodies[i]));
        Assert.Equal(alone, together);

        static UInt128[] Hashes(FunctionInput function) =>
            [.. Diversifier.Default.Propose(function, new DiversifyOptions { MaxCandidates = 12 }).Select(candidate => candidate.Hash)];
    }

    [Fact]
    public void A_candidate_that_does_not_validate_is_counted_and_never_handed_out()
    {
        var function = Bodies(1).Single().Function;
        var stream = new Diversifier([new WeightedTransform(new DropsTheFirstInstruction(), 1)]).Propose(function, new DiversifyOptions { MaxBarrenAttempts = 5 });
        Assert.Empty(stream.ToArray());
        Assert.NotEmpty(stream.Invalid);
        Assert.Equal(StopKind.Exhausted, stream.Stop?.Kind);
    }

    /// <summary>A broken transform: shows that the tests' way in is open to anybody's transform, and that validation holds.</summary>
    private sealed class DropsTheFirstInstruction : ISiteTransform
    {
        public string Name => "drops-the-first-instruction";

        public bool Applies(Views.FunctionView view) => true;

        public IEnumerable<Site> Sites(Views.FunctionView view) => [new Site(0)];

        public Edit? Rewrite(Views.FunctionView view, Site site, RewriteContext context) => new Edit(0, 1, default);
    }
}
