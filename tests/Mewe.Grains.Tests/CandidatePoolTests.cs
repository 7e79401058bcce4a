using Mewe.Diversify;
using Mewe.Equivalence;
using Mewe.Equivalence.Proof;
using Mewe.Wasm;

namespace Mewe.Grains.Tests;

/// <summary>Which candidates are taken, and when there are enough.</summary>
public sealed class CandidatePoolTests
{
    private const int Wanted = 2;

    private static readonly Tested Passed = new(256, 256, 256, 0, 1, TestedBasis.Completed);

    private static readonly ProofResult Proved = new ProvedEqual(1, 0), Traps = new NotProved("traps", "why");

    private static VariantCode Code(int constants) =>
        new(new FunctionCode([], [.. Enumerable.Range(1, constants).SelectMany(i => new[] { Instruction.I32Const(i), Instruction.Of(Opcode.Drop) }), Instruction.Of(Opcode.End)]));

    private static CandidatePool Pool(RequiredEvidence required, params ReadOnlySpan<ProofResult?> proofs)
    {
        var pool = new CandidatePool(Wanted, required);
        for (var i = 0; i < proofs.Length; i++)
        {
            pool.Add(new CandidateVariant(Code(i + 1), [], 1, (UInt128)i), Passed, proofs[i]);
        }

        return pool;
    }

    private static IEnumerable<bool> Chosen(CandidatePool pool, params ReadOnlySpan<int> machineCode) =>
        pool.Select(Code(0), machineCode.IsEmpty ? CandidateCode.Unknown : new CandidateCode([new EngineCode("v8", [.. machineCode])]), new HashSet<int>()).Chosen.Select(place => pool[place].IsProved);

    [Fact]
    public void WhatTheEngineFoldsBackIsTakenLast()
    {
        var pool = Pool(RequiredEvidence.Tested, Proved, Proved, Traps, Traps);
        Assert.Equal([true, true], Chosen(pool, 1, 2, 3, 4));
        Assert.Equal([true, false], Chosen(pool, 1, 1, 3, 4));
        Assert.Equal([false, false], Chosen(pool, 0, 0, 3, 4));
        Assert.Equal([true, true], Chosen(pool, 0, 0, 0, 0));
    }

    /// <summary>The second is folded into the first on one engine and the third into the original on the other; the fourth has code of its own on both, next to one that was not kept.</summary>
    [Fact]
    public void WhatOneOfTwoEnginesFoldsBackIsTakenLastAndTakesNothingFromOthers()
    {
        var code = new CandidateCode([new EngineCode("v8", [1, 1, 2, 2]), new EngineCode("wasmtime", [1, 2, 0, 2])]);
        Assert.Equal([0, 3], Pool(RequiredEvidence.Tested, Proved, Proved, Proved, Proved).Select(Code(0), code, new HashSet<int>()).Chosen.Order());

        var own = code.InOrder();
        Assert.Equal(["v8", "wasmtime"], own.Keep(0));
        Assert.Equal(["wasmtime"], own.Keep(1));
        Assert.Equal(["v8"], own.Keep(2));
        Assert.Empty(own.Keep(3));
    }

    [Fact]
    public void WhatIsExcludedIsNotTaken() =>
        Assert.Equal([1, 3], Pool(RequiredEvidence.Tested, Proved, Proved, Proved, Traps).Select(Code(0), CandidateCode.Unknown, new HashSet<int> { 0, 2 }).Chosen.Order());

    [Fact]
    public void AsManyProvedAsWantedAndTwiceAsManyPassedAreEnough() => Assert.Equal(0, Pool(RequiredEvidence.Tested, Proved, Traps, Traps, Proved).Missing);

    [Fact]
    public void WhileFewerThanWantedAreProvedAndSomeAttemptsSucceedMoreAreTried() => Assert.Equal(2, Pool(RequiredEvidence.Tested, Proved, Traps, Traps, Traps).Missing);

    [Fact]
    public void NoMoreAreTriedWhereNoProofSucceeds()
    {
        Assert.Equal(0, Pool(RequiredEvidence.Tested, Traps, Traps, Traps, Traps).Missing);
        Assert.Equal(0, Pool(RequiredEvidence.Proved, Traps, Traps, Traps, Traps).Missing);
    }

    [Fact]
    public void AttemptsAreLimitedUnlessProofsAreRequired()
    {
        ProofResult?[] half = [Traps, Traps, Traps, Traps, Traps, Traps, Traps, Proved];
        Assert.Equal(0, Pool(RequiredEvidence.Tested, half).Missing);
        Assert.Equal(2, Pool(RequiredEvidence.Proved, half).Missing);
    }

    [Fact]
    public void ProvedOnesAreTakenFirstHoweverFarApartTheOthersAre()
    {
        var pool = Pool(RequiredEvidence.Tested, Proved, Traps, Traps, Proved, Traps, Traps, Traps, Traps);
        Assert.Equal([true, true], Chosen(pool));
    }

    [Fact]
    public void TestedOnesFillUp()
    {
        var pool = Pool(RequiredEvidence.Tested, Traps, Traps, Proved, Traps);
        Assert.Equal([true, false], Chosen(pool));
        Assert.Null(pool.ProofsMissing());
    }

    [Fact]
    public void WhereProofsAreRequiredNothingElseIsTakenAndTheReasonIsNamed()
    {
        var pool = Pool(RequiredEvidence.Proved, Traps, Traps, Proved, new NotProved("loops", "why"));
        Assert.Equal([true], Chosen(pool));
        Assert.Equal("3 of 4 candidates were not proved: traps, loops", pool.ProofsMissing());
    }
}
