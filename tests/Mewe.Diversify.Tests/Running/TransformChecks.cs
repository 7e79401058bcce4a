using System.Collections.Immutable;
using Mewe.Diversify.Transforms;
using Mewe.Wasm;

namespace Mewe.Diversify.Tests.Running;

/// <summary>What every test of a transform does: let it work alone through the real driver, without a cost limit, and run what it makes.</summary>
internal static class TransformChecks
{
    /// <summary>How many random bodies; more by MEWE_RANDOM_BODIES, from MEWE_FIRST_BODY on.</summary>
    public static int Bodies { get; } = int.TryParse(Environment.GetEnvironmentVariable("MEWE_RANDOM_BODIES"), out var count) ? count : 6;

    /// <inheritdoc cref="Bodies"/>
    public static int FirstBody { get; } = int.TryParse(Environment.GetEnvironmentVariable("MEWE_FIRST_BODY"), out var first) ? first : 0;

    public static DiversifyOptions Options(int candidates, ulong seed = 1, int steps = 2) => new()
    {
        Seed = seed, MaxCandidates = candidates, MinSteps = 1, MaxSteps = steps, MaxGrowth = 1000, MaxSizeGrowth = 20, MaxBarrenAttempts = 10,
    };

    /// <summary>What a transform alone makes of a body. Each must validate: an invalid candidate is a bug, although the product would only drop it.</summary>
    public static ImmutableArray<CandidateVariant> Candidates(FunctionCode body, ITransform transform, int count, ulong seed = 1, int steps = 2) =>
        Valid(new Diversifier([new WeightedTransform(transform, 1)]).Propose(new TestBench(body).Input, Options(count, seed, steps)));

    public static ImmutableArray<CandidateVariant> Valid(CandidateStream stream)
    {
        ImmutableArray<CandidateVariant> candidates = [.. stream];
        Assert.True(stream.Invalid.Count == 0, stream.Invalid.Count == 0 ? "" : $"[{string.Join(' ', stream.Invalid[0].Candidate.Steps)}] {stream.Invalid[0].Error}\n"
            + EngineFixture.Listing(stream.Invalid[0].Candidate.Code.Code));
        return candidates;
    }

    /// <summary>The transform alone on random bodies; it must fire on some and be right on all.</summary>
    public static async Task FiresAndIsRight(EngineFixture fixture, ITransform transform, int perBody = 4, int inputs = 16)
    {
        var fired = 0;
        List<string> wrong = [];
        for (var seed = FirstBody; seed < FirstBody + Bodies && wrong.Count == 0; seed++)
        {
            var body = RandomBody.Make((seed * 7919) + transform.Name.Length);
            var candidates = Candidates(body, transform, perBody, (ulong)seed);
            fired += candidates.Length;
            if (candidates.Length > 0)
            {
                wrong.AddRange(await fixture.Compare(body, candidates, inputs));
            }
        }

        Assert.True(wrong.Count == 0, wrong.FirstOrDefault());
        Assert.True(fired > 0, $"{transform.Name} never fired");
    }

    /// <summary>A hand-made body of <see cref="TestBench.BodyType"/>: i32, i64, i32 -> i32; more locals from index 3 on.</summary>
    public static FunctionCode Body(ReadOnlySpan<Mewe.Wasm.ValueType> locals, params ReadOnlySpan<Instruction> code) =>
        new(FunctionCode.Group(locals.ToArray()), [.. code, Code.End]);

    /// <summary>What a transform makes of a body, after all of it ran like the body; none is an error.</summary>
    public static async Task<ImmutableArray<CandidateVariant>> Right(EngineFixture fixture, ITransform transform, FunctionCode body, int count = 8)
    {
        var candidates = Candidates(body, transform, count, steps: 1);
        Assert.True(candidates.Length > 0, $"{transform.Name} found nothing to do");
        var wrong = await fixture.Compare(body, candidates, 64);
        Assert.True(wrong.Count == 0, wrong.FirstOrDefault());
        return candidates;
    }

    /// <summary>The transform leaves the body alone.</summary>
    public static void Refuses(ITransform transform, FunctionCode body) => Assert.Empty(Candidates(body, transform, 4, steps: 1));

    /// <summary>How often an instruction occurs.</summary>
    public static int Count(this CandidateVariant candidate, Opcode opcode) => candidate.Code.Code.Instructions.Count(item => item.Opcode == opcode);
}
