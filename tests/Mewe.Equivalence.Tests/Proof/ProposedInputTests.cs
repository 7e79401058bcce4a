using Mewe.Diversify;
using Mewe.Equivalence.Proof;
using Mewe.Equivalence.Proof.Solving;
using Mewe.Wasm;
using static Mewe.Equivalence.Tests.TestModule;

namespace Mewe.Equivalence.Tests.Proof;

/// <summary>Bugs that no random input meets: the solver finds values, and the engine says whether they are a counterexample.</summary>
public sealed class ProposedInputTests(EngineFixture fixture)
{
    private const int Multiplier = unchecked((int)0x9E3779B1);

    /// <summary>x * 0x9E3779B1 + 7 = 12345, of the value on the stack: true for one number out of four billion, which stands nowhere.</summary>
    private static readonly Instruction[] IsRare = [Const(Multiplier), Op(Opcode.I32Mul), Const(7), Op(Opcode.I32Add), Const(12345), Op(Opcode.I32Eq)];

    /// <summary>Scrambles the value on the stack, so that there is something to compute.</summary>
    private static readonly Instruction[] Scramble = [Const(5), Op(Opcode.I32Rotl), Const(77), Op(Opcode.I32Xor)];

    [Fact]
    public async Task ABugAtOneArgumentIsFoundAndConfirmed()
    {
        var found = await FindAsync(Unary, [Get(0), .. Scramble], [Get(0), .. Scramble, Get(0), .. IsRare, Op(Opcode.I32Xor)]);
        Assert.Equal(12345u, unchecked(((uint)found!.Input.Arguments[0].Low * (uint)Multiplier) + 7));
        Assert.NotEqual(found.Original.Digest, found.Candidate.Digest);
    }

    [Fact]
    public async Task ABugOnAPathThatOneSideAloneTakesIsFound()
    {
        Instruction[] planted = [Get(0), .. IsRare, Instruction.Block(Opcode.If, BlockType.Empty), Get(1), Const(1), Store(), Op(Opcode.End), Get(0), .. Scramble];
        var found = await FindAsync(Binary, [Get(0), .. Scramble], planted);
        Assert.Equal(12345u, unchecked(((uint)found!.Input.Arguments[0].Low * (uint)Multiplier) + 7));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-16)]
    public async Task ABugAtOneValueInMemoryIsFound(int distance)
    {
        Instruction[] read = [Get(0), Const(distance), Op(Opcode.I32Add), Instruction.Memory(Opcode.I32Load, 8, 2)];
        Assert.NotNull(await FindAsync(Unary, [.. read, .. Scramble], [.. read, .. Scramble, .. read, .. IsRare, Op(Opcode.I32Xor)]));
    }

    [Fact]
    public async Task ABugAtOneValueOfAGlobalIsFound()
    {
        var read = Instruction.Of(Opcode.GlobalGet, 0);
        var found = await FindAsync(Unary, [read, .. Scramble, Get(0), Op(Opcode.I32Add)], [read, .. Scramble, Get(0), Op(Opcode.I32Add), read, .. IsRare, Op(Opcode.I32Xor)]);
        Assert.Equal(12345u, unchecked(((uint)Assert.Single(found!.Input.Globals).Value.Low * (uint)Multiplier) + 7));
    }

    [Fact]
    public async Task ATrapAtOneArgumentIsFound()
    {
        Instruction[] planted = [Get(0), .. Scramble, Const(1), Get(0), .. IsRare, Op(Opcode.I32Eqz), Op(Opcode.I32DivU), Op(Opcode.I32Mul)];
        Assert.NotNull(await FindAsync(Unary, [Get(0), .. Scramble], planted));
    }

    /// <summary>Division is any function to the solver, so it sees a difference where there is none.</summary>
    [Fact]
    public async Task WhatTheEngineDoesNotConfirmStaysUnproved() =>
        Assert.Null(await FindAsync(Unary, [Get(0), Const(35), Op(Opcode.I32DivU), Get(0), Op(Opcode.I32Sub)], [Get(0), Const(5), Op(Opcode.I32DivU), Const(7), Op(Opcode.I32DivU), Get(0), Op(Opcode.I32Sub)]));

    [Fact]
    public void TheProposalDoesNotDependOnLemmas()
    {
        Instruction[] body = [Get(0), .. Scramble, Get(0), .. IsRare, Op(Opcode.I32Xor)];
        var lemmas = new MemoryLemmaCache();
        var (cold, warm) = (Propose(Of(Unary, [Get(0), .. Scramble]), body, lemmas), Propose(Of(Unary, [Get(0), .. Scramble]), body, lemmas));
        Assert.NotNull(cold.Proposal);
        Assert.Equal(cold.Proposal.Arguments, warm.Proposal!.Arguments);
    }

    /// <summary>The tester must miss it and no proof may be found; then what the engine makes of the proposal.</summary>
    private async Task<Counterexample?> FindAsync(FunctionType type, Instruction[] original, Instruction[] variant)
    {
        var cancellation = TestContext.Current.CancellationToken;
        var module = Of(type, original);
        var candidate = new VariantCode(Code(variant));
        var tester = new DifferentialTester(fixture.Engine, module, new TestOptions()).Of(Function, null);
        Assert.IsType<Tested>(Assert.Single((await tester.TestAsync([candidate], cancellation)).Verdicts));

        var open = Propose(module, variant, null);
        Assert.True(open.Proposal is not null, open.Reason);
        var answer = await tester.TryAsync(open.Proposal, candidate, cancellation);
        Assert.True(answer.TryGet(out var found, out var failure), failure?.ToString());

        // A tester that has tested nothing yet finds it as well: it had no inputs to change, and found nothing.
        var fresh = new DifferentialTester(fixture.Engine, module, new TestOptions()).Of(Function, null);
        Assert.True((await fresh.TryAsync(open.Proposal, candidate, cancellation)).TryGet(out var foundAnew, out _));
        Assert.Equal(found?.Candidate, foundAnew?.Candidate);
        if (found is not null)
        {
            Assert.True((await tester.ReplayAsync(found, candidate, cancellation)).TryGet(out var again, out _));
            Assert.Equal(found.Candidate, again!.Candidate);
        }

        return found;
    }

    private static NotProved Propose(WasmModule module, Instruction[] variant, ILemmaCache? lemmas)
    {
        var function = FunctionInput.Of(new ModuleFacts(module), Function);
        return Assert.IsType<NotProved>(new TranslationValidator(function, Z3Solver.Create(), lemmas).Prove(new VariantCode(Code(variant)), propose: true));
    }
}
