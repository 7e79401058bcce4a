using System.Collections.Immutable;
using System.Text;
using Mewe.Diversify;
using Mewe.Diversify.Synthesis;
using Mewe.Equivalence;
using Mewe.Equivalence.Proof;
using Mewe.Execution;
using Mewe.Linking;
using Mewe.Wasm;
using Mewe.Wasm.Binary;
using FunctionType = Mewe.Wasm.FunctionType;

namespace Mewe.Grains.Tests;

/// <summary>What one step of a job hands to the next survives being bytes.</summary>
public sealed class MessageTests
{
    private static FunctionFindings FindingsOf(JobPlan plan, uint function, int candidates, Random random)
    {
        var input = FunctionInput.Of(plan.Facts, function);
        var pool = new CandidatePool(plan.Request.Options.Variants, plan.Request.Options.Evidence);
        foreach (var candidate in plan.Diversifier.Propose(input, plan.DiversifyOptionsOf(function) with { MaxCandidates = candidates }))
        {
            ProofResult? proof = random.Next(3) switch
            {
                0 => null,
                1 => new ProvedEqual(random.Next(), random.Next()),
                _ => new NotProved("traps", "they may trap \0 elsewhere \ud83d\ude00"),
            };
            pool.Add(candidate, new Tested(random.Next(), random.Next(), random.Next(), random.Next(), random.NextDouble(), TestedBasis.TrapsOnly), proof);
        }

        var tally = new TestTally { Inconclusive = random.Next(), Disagreements = random.Next(), LastReason = random.Next(2) == 0 ? null : "why" };
        tally.Add(new FunctionTestReport(function, [], 256, 3, 4, 5));
        var counterexample = System.Text.Json.JsonSerializer.Deserialize<System.Text.Json.JsonElement>("""{"Seed":18446744073709551615,"Text":"\u0000é"}""");
        return new FunctionFindings(
            new FunctionCandidates(function, plan.Names.Of(function), input.Code, pool, tally, plan.Request.Options.Variants)
            {
                Missing = "too few", Proposed = random.Next(), Invalid = random.Next(),
                MachineCode = new CandidateCode([new EngineCode("v8", [.. Enumerable.Range(0, pool.Count).Select(_ => random.Next(5))])]),
                Refuted = [new RefutedReport(["commute*3", "mba*1"], counterexample, "v8")],
            },
            ["not known"], random.NextInt64(), random.NextInt64(), TimeSpan.FromTicks(random.NextInt64()));
    }

    [Theory]
    [InlineData("encrypt")]
    [InlineData("random")]
    [InlineData("invert")]
    public void FindingsOfEveryFunctionSurviveTheirBytes(string sample)
    {
        var plan = SamplePlans.Of(SamplePlans.Module(sample), new JobOptions { Variants = 4, Seed = 7 });
        var random = new Random(5);
        foreach (var function in plan.Functions)
        {
            var before = FindingsOf(plan, function, 6, random);
            var bytes = before.ToBytes();

            var after = FunctionFindings.FromBytes(bytes, plan);

            Assert.Equal(bytes, after.ToBytes());
            Same(before, after);
        }
    }

    private static void Same(FunctionFindings before, FunctionFindings after)
    {
        Assert.Equal((before.Candidates.Function, before.Candidates.Name, before.Candidates.Missing, before.Candidates.Proposed, before.Candidates.Invalid),
            (after.Candidates.Function, after.Candidates.Name, after.Candidates.Missing, after.Candidates.Proposed, after.Candidates.Invalid));
        Assert.Equal((before.LemmasAsked, before.LemmasKnown, before.ProcessorTime), (after.LemmasAsked, after.LemmasKnown, after.ProcessorTime));
        Assert.Equal(before.EngineNotes, after.EngineNotes);
        Assert.Equal((before.Candidates.Pool.Proved, before.Candidates.Pool.Attempted), (after.Candidates.Pool.Proved, after.Candidates.Pool.Attempted));
        var (a, b) = (before.Candidates.Tally, after.Candidates.Tally);
        Assert.Equal((a.Tested, a.Inputs, a.BranchesTotal, a.BranchesCovered, a.Coverage, a.Inconclusive, a.Disagreements, a.LastReason, a.Untestable),
            (b.Tested, b.Inputs, b.BranchesTotal, b.BranchesCovered, b.Coverage, b.Inconclusive, b.Disagreements, b.LastReason, b.Untestable));
        Assert.Equal(before.Candidates.MachineCode.Engines[0].Groups, after.Candidates.MachineCode.Engines[0].Groups);
        Assert.Equal(before.Candidates.Refuted[0].Counterexample.GetRawText(), after.Candidates.Refuted[0].Counterexample.GetRawText());
        Assert.Equal(before.Candidates.Pool.Count, after.Candidates.Pool.Count);
        foreach (var (one, other) in before.Candidates.Pool.Candidates.Zip(after.Candidates.Pool.Candidates))
        {
            Assert.Equal(one.Candidate.Code.Code.Instructions.AsEnumerable(), other.Candidate.Code.Code.Instructions);
            Assert.Equal(one.Candidate.Code.Code.Locals.AsEnumerable(), other.Candidate.Code.Code.Locals);
            Assert.Equal(one.Candidate.Code.Outlined.Length, other.Candidate.Code.Outlined.Length);
            Assert.Equal(one.Candidate.Steps.AsEnumerable(), other.Candidate.Steps);
            Assert.Equal((one.Candidate.Cost, one.Candidate.Hash, one.Verdict, one.Proof), (other.Candidate.Cost, other.Candidate.Hash, other.Verdict, other.Proof));
        }
    }

    [Fact]
    public void OutlinedFunctionsKeepTypeAndCode()
    {
        var plan = SamplePlans.Of(SamplePlans.Module("encrypt"), new JobOptions());
        var type = FunctionType.Of([Wasm.ValueType.I32, Wasm.ValueType.V128], [Wasm.ValueType.F64]);
        var body = new FunctionCode([new LocalGroup(3, Wasm.ValueType.F32)], [Instruction.F64Const(0x7FF0_0000_0000_0001), Instruction.Of(Opcode.End)]);
        var code = new VariantCode(new FunctionCode([], [Instruction.Call(VariantCode.OutlinedBase), Instruction.Of(Opcode.GlobalGet, VariantCode.BlindGlobal), Instruction.Of(Opcode.End)]), [new OutlinedFunction(type, body)]);
        var pool = new CandidatePool(1, RequiredEvidence.Tested);
        pool.Add(new CandidateVariant(code, [new AppliedTransform("outlining", 2) { Rules = ["file/rule@32"] }], 5, UInt128.MaxValue), new Tested(1, 1, 1, 0, 1, TestedBasis.Completed), null);
        var function = plan.Functions[0];
        var findings = new FunctionFindings(
            new FunctionCandidates(function, plan.Names.Of(function), FunctionInput.Of(plan.Facts, function).Code, pool, new TestTally(), 1) { Missing = "", Proposed = 1, Invalid = 0, MachineCode = CandidateCode.Unknown, Refuted = [] },
            [], 0, 0, TimeSpan.Zero);

        var read = FunctionFindings.FromBytes(findings.ToBytes(), plan).Candidates.Pool[0].Candidate;

        Assert.Equal(type, read.Code.Outlined[0].Type);
        Assert.Equal(body.Instructions.AsEnumerable(), read.Code.Outlined[0].Code.Instructions);
        Assert.Equal(code.Code.Instructions.AsEnumerable(), read.Code.Code.Instructions);
        Assert.Equal(["file/rule@32"], read.Steps[0].Rules);
        Assert.Equal(UInt128.MaxValue, read.Hash);
    }

    [Fact]
    public void DamagedFindingsAreRefusedAndNothingElseHappens()
    {
        var plan = SamplePlans.Of(SamplePlans.Module("bin2base64"), new JobOptions { Variants = 2 });
        var random = new Random(11);
        var bytes = FindingsOf(plan, plan.Functions[^1], 4, random).ToBytes();
        for (var round = 0; round < 400; round++)
        {
            var damaged = bytes.ToArray();
            if (random.Next(3) == 0)
            {
                damaged = damaged[..random.Next(damaged.Length)];
            }
            else
            {
                damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
            }

            try
            {
                FunctionFindings.FromBytes(damaged, plan);
            }
            catch (MessageFormatException)
            {
                // As it must be. A change that gives another valid message cannot be told, and need not be: the store keeps bytes.
            }
        }
    }

    [Fact]
    public void FindingsOfAnotherVersionOrAnotherFunctionAreRefused()
    {
        var plan = SamplePlans.Of(SamplePlans.Module("bin2base64"), new JobOptions { Variants = 2 });
        var bytes = FindingsOf(plan, plan.Functions[0], 2, new Random(1)).ToBytes();
        var other = bytes.ToArray();
        other[4]++;

        Assert.Contains("version", Assert.Throws<MessageFormatException>(() => FunctionFindings.FromBytes(other, plan)).Message);
        Assert.Contains("not the message", Assert.Throws<MessageFormatException>(() => FunctionFindings.FromBytes("MwPL"u8.ToArray(), plan)).Message);
        Assert.Contains("diversifies", Assert.Throws<MessageFormatException>(() => FunctionFindings.FromBytes(bytes, plan with { Functions = plan.Functions[1..] })).Message);
    }

    [Fact]
    public void APlanSurvivesItsBytes()
    {
        var recorded = new RecordedInputs(
            ImmutableDictionary<uint, ImmutableArray<ImmutableArray<ValueBits>>>.Empty.Add(3, [[new ValueBits(1, 2), ValueBits.Of(ulong.MaxValue)], []]).Add(1, []),
            new byte[] { 1, 2, 0, 255 }, ImmutableDictionary<uint, ValueBits>.Empty.Add(7, new ValueBits(9, 9)));
        var plan = SamplePlans.Of(SamplePlans.Module("bin2base64"), new JobOptions { Variants = 3 }, recorded);

        var (read, time) = PlanMessage.Read(PlanMessage.Write(plan, TimeSpan.FromSeconds(3)), plan.Request, plan.Engines);

        Assert.Equal(TimeSpan.FromSeconds(3), time);
        Assert.Equal(plan.Functions.AsEnumerable(), read.Functions);
        Assert.Equal(plan.LeftAlone.AsEnumerable(), read.LeftAlone);
        Assert.Equal(plan.Hot, read.Hot);
        Assert.Equal(plan.Notes.AsEnumerable(), read.Notes);
        Assert.Equal(plan.RecordedOptions, read.RecordedOptions);
        Assert.Equal(recorded.Memory.ToArray(), read.Recorded.Memory.ToArray());
        Assert.Equal(recorded.Globals.AsEnumerable(), read.Recorded.Globals);
        Assert.Equal(recorded.Arguments.Keys.Order(), read.Recorded.Arguments.Keys.Order());
        Assert.Equal(recorded.Arguments[3][0].AsEnumerable(), read.Recorded.Arguments[3][0]);
        Assert.Equal(plan.Engines.Names, read.Engines.Names);
    }

    [Fact]
    public void APlanThatNamesAnEngineThatIsNotHereCannotBeUsed()
    {
        var plan = SamplePlans.Of(SamplePlans.Module("bin2base64"), new JobOptions());
        var bytes = PlanMessage.Write(plan, default);

        var exception = Assert.Throws<EngineFailedException>(() => PlanMessage.Read(bytes, plan.Request, JobEngines.Only(new NamedEngine("v8", "2"))));

        Assert.Contains("v8 1", exception.Message);
    }

    [Fact]
    public void APlanOfAnotherModuleIsRefused()
    {
        var plan = SamplePlans.Of(SamplePlans.Module("bin2base64"), new JobOptions());
        var other = plan.Request with { Module = SamplePlans.Module("encrypt") };

        Assert.Throws<MessageFormatException>(() => PlanMessage.Read(PlanMessage.Write(plan, default), other, plan.Engines));
    }

    [Fact]
    public void ASpecificationSurvivesItsJson()
    {
        var specification = new JobSpecification
        {
            Engine = "both", Target = "wasmtime",
            Options = new JobOptions
            {
                Variants = 64, Seed = ulong.MaxValue, Policy = DispatchPolicy.Entry, Slowdown = 1.0000000000000002, SizeBudget = long.MaxValue, Generator = GeneratorKind.ChaCha8, Randomness = RandomnessMode.Import,
                Functions = "^a\"\u0001é", Exclude = "b", Fuel = 5, Evidence = RequiredEvidence.Proved,
                Learned = LearnedRules.Of(["aaaaaaaaaaaa@32: (i32.add x y) => (i32.add y x)"]),
            },
        };

        var read = JobSpecification.Parse(Encoding.UTF8.GetBytes(specification.ToJson()));

        Assert.Equal(specification.ToJson(), read.ToJson());
        Assert.Equal(specification.Options.Canonical(), read.Options.Canonical());
        Assert.Equal(specification.Options.Seed, read.Options.Seed);
        Assert.Equal((specification.Engine, specification.Target), (read.Engine, read.Target));
    }

    [Fact]
    public void WhatASpecificationLeavesOutIsAsOnTheCommandLine()
    {
        Assert.Equal(new JobOptions().Canonical(), JobSpecification.Parse("{}"u8).Options.Canonical());
    }

    [Theory]
    [InlineData("""{"variants":0}""", "variants is 1 to 64")]
    [InlineData("""{"variants":"many"}""", "not of the type")]
    [InlineData("""{"policy":"forced"}""", "policy")]
    [InlineData("""{"policy":7}""", "not of the type")]
    [InlineData("""{"slowdown":0.5}""", "slowdown is 1 to 1000")]
    [InlineData("""{"engine":"spidermonkey"}""", "engine is")]
    [InlineData("""{"engine":"v8","target":"wasmtime"}""", "leaves it out")]
    [InlineData("""{"colour":"red"}""", "no property \"colour\"")]
    [InlineData("""{"learnedRules":["nonsense"]}""", "learned rule")]
    [InlineData("""{"version":2}""", "version 2")]
    [InlineData("null", "null")]
    [InlineData("{", "$")]
    public void SpecificationsThatNoJobCanHaveAreRefusedWithAReason(string json, string reason)
    {
        Assert.Contains(reason, Assert.Throws<MessageFormatException>(() => JobSpecification.Parse(Encoding.UTF8.GetBytes(json))).Message);
    }
}
