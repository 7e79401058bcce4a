using System.Collections.Immutable;
using System.Text.Json;
using Mewe.Diversify;
using Mewe.Equivalence;
using Mewe.Equivalence.Proof;

namespace Mewe.Grains;

/// <summary>What a function step hands to the link step.</summary>
/// <param name="EngineNotes">Why the machine code of an engine is not known, in the order of the engines.</param>
/// <param name="LemmasAsked">Questions for the solver.</param>
/// <param name="LemmasKnown">Those whose answer was known.</param>
/// <param name="ProcessorTime">The step's share of what its silo and its engines used.</param>
public sealed record FunctionFindings(FunctionCandidates Candidates, ImmutableArray<string> EngineNotes, long LemmasAsked, long LemmasKnown, TimeSpan ProcessorTime)
{
    private const byte Version = 1;

    private static ReadOnlySpan<byte> Name => "MwFR"u8;

    public byte[] ToBytes()
    {
        var writer = new MessageWriter(Name, Version);
        writer.Number(Candidates.Function);
        Candidates.Tally.Write(writer);
        writer.Text(Candidates.Missing);
        writer.Number(Candidates.Proposed);
        writer.Number(Candidates.Invalid);
        writer.Each(Candidates.Pool.Candidates, passed => Write(writer, passed));
        writer.Each(Candidates.MachineCode.Engines, engine =>
        {
            writer.Text(engine.Engine);
            writer.Each(engine.Groups, writer.Number);
        });
        writer.Each(Candidates.Refuted, refuted =>
        {
            writer.Each(refuted.Transforms, writer.Text);
            writer.Text(refuted.Counterexample.GetRawText());
            writer.Text(refuted.Engine);
        });
        writer.Each(EngineNotes, writer.Text);
        writer.Number(LemmasAsked);
        writer.Number(LemmasKnown);
        writer.Number(ProcessorTime.Ticks);
        return writer.Done();
    }

    /// <param name="plan">Of the job: it has the original of the function, its name and what was asked for.</param>
    /// <exception cref="MessageFormatException">The bytes are damaged, or are the result of another function than the plan has.</exception>
    public static FunctionFindings FromBytes(ReadOnlySpan<byte> bytes, JobPlan plan) => MessageReader.Read(bytes, Name, Version, (ref reader) =>
    {
        var function = reader.UInt();
        if (plan.Functions.BinarySearch(function) < 0)
        {
            throw new MessageFormatException($"function {function} is not one that this job diversifies");
        }

        var tally = TestTally.Read(ref reader);
        var (missing, proposed, invalid) = (reader.Text(), reader.Int(), reader.Int());
        var pool = new CandidatePool(plan.Request.Options.Variants, plan.Request.Options.Evidence);
        foreach (var (candidate, verdict, proof) in reader.Each(Passed))
        {
            pool.Add(candidate, verdict, proof);
        }

        var code = new CandidateCode(reader.Each(static (ref inner) => new EngineCode(inner.Text(), inner.Each(static (ref groups) => groups.Int()))));
        var refuted = reader.Each(static (ref inner) => new RefutedReport(
            inner.Each(static (ref texts) => texts.Text()), JsonSerializer.Deserialize(inner.Text(), CounterexampleJsonContext.Default.JsonElement), inner.Text()));
        var candidates = new FunctionCandidates(function, plan.Names.Of(function), FunctionInput.Of(plan.Facts, function).Code, pool, tally, plan.Request.Options.Variants)
        {
            Missing = missing, Proposed = proposed, Invalid = invalid, MachineCode = code, Refuted = refuted,
        };
        return new FunctionFindings(candidates, reader.Each(static (ref inner) => inner.Text()), reader.Long(), reader.Long(), TimeSpan.FromTicks(reader.Long()));
    });

    private static void Write(MessageWriter writer, PassedCandidate passed)
    {
        var candidate = passed.Candidate;
        writer.Code(candidate.Code);
        writer.Each(candidate.Steps, step =>
        {
            writer.Text(step.Name);
            writer.Number(step.Sites);
            writer.Each(step.Rules, writer.Text);
        });
        writer.Number(candidate.Cost);
        writer.Wide(candidate.Hash);
        var verdict = passed.Verdict;
        writer.Number(verdict.Inputs);
        writer.Number(verdict.Conclusive);
        writer.Number(verdict.Completed);
        writer.Number(verdict.Trapped);
        writer.Real(verdict.BranchCoverage);
        writer.Number((int)verdict.Basis);
        switch (passed.Proof)
        {
            case null:
                writer.Number(0);
                break;
            case ProvedEqual proved:
                writer.Number(1);
                writer.Number(proved.Nodes);
                writer.Number(proved.Questions);
                break;
            case NotProved open:
                writer.Number(2);
                writer.Text(open.Category);
                writer.Text(open.Reason);
                break;
            case var other:
                throw new InvalidOperationException($"there is no message for {other}");
        }
    }

    private static PassedCandidate Passed(ref MessageReader reader)
    {
        var code = reader.Code();
        var steps = reader.Each(static (ref inner) => new AppliedTransform(inner.Text(), inner.Int()) { Rules = inner.Each(static (ref texts) => texts.Text()) });
        var candidate = new CandidateVariant(code, steps, reader.Long(), reader.Wide());
        var verdict = new Tested(reader.Int(), reader.Int(), reader.Int(), reader.Int(), reader.Real(), (TestedBasis)reader.Int());
        ProofResult? proof = reader.Int() switch
        {
            0 => null,
            1 => new ProvedEqual(reader.Int(), reader.Int()),
            2 => new NotProved(reader.Text(), reader.Text()),
            var kind => throw new MessageFormatException($"there is no proof of kind {kind}"),
        };
        return new PassedCandidate(candidate, verdict, proof);
    }
}

[System.Text.Json.Serialization.JsonSerializable(typeof(JsonElement))]
internal sealed partial class CounterexampleJsonContext : System.Text.Json.Serialization.JsonSerializerContext;
