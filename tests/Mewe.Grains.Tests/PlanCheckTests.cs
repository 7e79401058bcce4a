using System.Collections.Immutable;
using Mewe.Diversify;
using Mewe.Equivalence;
using Mewe.Equivalence.Proof;
using Mewe.Wasm;

namespace Mewe.Grains.Tests;

/// <summary>A plan is written by whoever gives it: it must not link what the job would not.</summary>
public sealed class PlanCheckTests
{
    private const uint Function = 7;

    /// <summary>Two candidates passed their tests, the first is proved.</summary>
    private static FunctionCandidates Candidates(RequiredEvidence required)
    {
        var code = new FunctionCode([], [Instruction.Of(Opcode.End)]);
        var pool = new CandidatePool(2, required);
        var passed = new Tested(256, 256, 256, 0, 1, TestedBasis.Completed);
        pool.Add(new CandidateVariant(new VariantCode(code), [], 1, 1), passed, new ProvedEqual(1, 0));
        pool.Add(new CandidateVariant(new VariantCode(code), [], 1, 2), passed, new NotProved("traps", "why"));
        return new FunctionCandidates(Function, "f", code, pool, new TestTally(), 2) { Refuted = [], MachineCode = CandidateCode.Unknown, Missing = "", Proposed = 2, Invalid = 0 };
    }

    private static JobFailure? Check(RequiredEvidence required, uint function, params ImmutableArray<int> variants) =>
        PlanCheck.AgainstCandidates(
            new LinkPlan(LinkPlan.CurrentVersion, "", "", "", new PlanBasis("none", ""), [new PlannedFunction(function, null, null, null, null, null, variants)]), [Candidates(required)]);

    [Fact]
    public void WhatPassedMayBeLinked()
    {
        Assert.Null(Check(RequiredEvidence.Tested, Function, 0, 1));
        Assert.Null(Check(RequiredEvidence.Proved, Function, 0));
    }

    [Fact]
    public void WhereProofsAreRequiredAPlanCannotNameWhatIsNotProved()
    {
        var failure = Check(RequiredEvidence.Proved, Function, 0, 1);
        Assert.Equal(JobFailureKind.BadPlan, failure!.Kind);
        Assert.Contains("not proved", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Function, new[] { 2 })]
    [InlineData(Function, new[] { -1 })]
    [InlineData(Function, new[] { 0, 0 })]
    [InlineData(8u, new[] { 0 })]
    public void CandidatesThatDoNotExistAreRefused(uint function, int[] variants) =>
        Assert.Equal(JobFailureKind.BadPlan, Check(RequiredEvidence.Tested, function, [.. variants])!.Kind);
}
