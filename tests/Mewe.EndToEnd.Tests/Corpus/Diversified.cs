using System.Collections.Immutable;
using Mewe.Execution;
using Mewe.Grains;
using Mewe.Linking;
using Mewe.Wasm;

namespace Mewe.EndToEnd.Tests.Corpus;

/// <summary>A module whose functions got their variants once, to be linked in several ways.</summary>
internal sealed class Diversified(WasmModule original, ImmutableArray<FunctionVariants> functions, DiversifyReport report)
{
    public WasmModule Original => original;

    public DiversifyReport Report => report;

    /// <summary>The whole job, as the command line runs it, without a workload of the user's.</summary>
    public static async Task<Diversified> MakeAsync(IWasmEngine engine, byte[] module, int variants)
    {
        var job = new LocalJob(engine, new JobRequest(module, new JobOptions { Variants = variants }, null));
        var result = await job.RunAsync(2, null, TestContext.Current.CancellationToken);
        Assert.True(result.Failure is null, result.Failure?.Message);
        Assert.Equal(0, result.Report!.Totals.Invalid);
        var contents = MultivariantReader.TryRead(Running.ModuleBytes.Read(result.Module!), out var error);
        Assert.Null(error);
        return new Diversified(Running.ModuleBytes.Read(module), contents!.Functions, result.Report);
    }

    /// <summary>The same variants under another policy or randomness.</summary>
    public byte[] Link(DispatchPolicy policy, RandomnessMode randomness)
    {
        var linked = MultivariantLinker.TryLink(original, functions, new LinkOptions { Policy = policy, Randomness = randomness }, out var error);
        Assert.True(linked is not null, error?.Message);
        return linked.Module;
    }
}
