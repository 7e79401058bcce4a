using System.Runtime.CompilerServices;
using Mewe.Diversify;
using Mewe.Equivalence.Proof;
using Mewe.Store;
using Mewe.Wasm;

namespace Mewe.Grains.Tests;

/// <summary>Whatever the checker does, a job goes on.</summary>
public sealed class ProverTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task AnExceptionInsideTheCheckerIsJustNoProof()
    {
        using var prover = new Prover(1, null, null);
        var code = new VariantCode(new FunctionCode([], [Instruction.Of(Opcode.End)]));
        var broken = new FunctionInput(null!, 0, FunctionType.Of([], []), code.Code);

        var results = await prover.Of(broken).ProveAsync([code, code], 2, 2, Cancellation);

        Assert.Equal(2, results.Length);
        Assert.All(results, result => Assert.Equal(Prover.CheckerCategory, Assert.IsType<NotProved>(result).Category));
    }

    [Fact]
    public async Task ProofsMayGoDeep()
    {
        using var threads = new DeepStackThreads(1);
        Assert.Equal(500_000, await threads.RunAsync(() => Depth(500_000), Cancellation));
    }

    [Fact]
    public async Task LemmasOutliveAJob()
    {
        var store = new InMemoryStore();
        var solver = new AnySolver();
        byte[] first = [.. Enumerable.Repeat((byte)1, 32)], second = [.. Enumerable.Repeat((byte)2, 32)], third = [.. Enumerable.Repeat((byte)3, 32)];
        var (job, _) = await JobLemmas.LoadAsync(store, solver, Cancellation);
        job.Add(first, true);
        job.Add(second, false);
        Assert.Null(await job.SaveAsync(Cancellation));

        var (next, problem) = await JobLemmas.LoadAsync(store, solver, Cancellation);

        Assert.Null(problem);
        var counted = new LemmaCount().Around(next);
        Assert.Equal((true, false, null), (counted.Find(first), counted.Find(second), counted.Find(third)));
        Assert.Equal((3, 2), (counted.Asked, counted.Known));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Depth(int more) => more == 0 ? 0 : Depth(more - 1) + 1;

    private sealed class AnySolver : Equivalence.Proof.Solving.ISolver
    {
        public Equivalence.Proof.Solving.SolverAnswer Check(string script, uint resourceLimit) => throw new NotSupportedException();
    }
}
