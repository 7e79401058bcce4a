using System.Collections.Immutable;
using Mewe.Execution;

namespace Mewe.EndToEnd.Tests.Corpus;

/// <summary>Runs a workload on an original once per seed, and then compares any number of multivariant modules with it, byte for byte.</summary>
internal sealed class SameAnswers
{
    private readonly IWasmEngine engine;
    private readonly ImmutableArray<(Workload Workload, ImmutableArray<ulong> Seeds, RunResult Expected)> entries;

    private SameAnswers(IWasmEngine engine, ImmutableArray<(Workload, ImmutableArray<ulong>, RunResult)> entries) => (this.engine, this.entries) = (engine, entries);

    /// <param name="runs">At least so many runs in all, shared among the entries of the workload.</param>
    public static async Task<SameAnswers> OfAsync(IWasmEngine engine, ReadOnlyMemory<byte> original, ImmutableArray<Workload> workload, int runs)
    {
        var entries = ImmutableArray.CreateBuilder<(Workload, ImmutableArray<ulong>, RunResult)>();
        var each = (runs + workload.Length - 1) / workload.Length;
        for (var entry = 0; entry < workload.Length; entry++)
        {
            ImmutableArray<ulong> seeds = [.. Enumerable.Range(entry * each, each).Select(seed => (ulong)seed)];
            entries.Add((workload[entry], seeds, await RunAsync(engine, original, workload[entry], seeds)));
        }

        return new SameAnswers(engine, entries.ToImmutable());
    }

    /// <summary>Runs a multivariant module under the same seeds; every answer must be the original's.</summary>
    /// <returns>How many runs agreed.</returns>
    public async Task<int> CheckAsync(ReadOnlyMemory<byte> multivariant, string form)
    {
        var agreed = 0;
        foreach (var (workload, seeds, expected) in entries)
        {
            var result = await RunAsync(engine, multivariant, workload, seeds);
            for (var i = 0; i < seeds.Length; i++, agreed++)
            {
                var (wanted, got) = (Text(expected[i]), Text(result[i]));
                Assert.True(wanted == got, $"{form}, {workload}, seed {seeds[i]}:\noriginal      {wanted}\nmultivariant  {got}");
            }
        }

        return agreed;
    }

    private static async Task<RunResult> RunAsync(IWasmEngine engine, ReadOnlyMemory<byte> module, Workload workload, ImmutableArray<ulong> seeds)
    {
        var run = new ModuleRun(module, workload) { Seeds = seeds, UnknownImports = UnknownImports.Zero };
        var answer = await engine.RunAsync(run, TestContext.Current.CancellationToken);
        Assert.True(answer.Answered, answer.Failure?.Message);
        Assert.Null(answer.Value.Rejection);
        return answer.Value;
    }

    /// <summary>Everything that can be seen of a run. Of a trap its kind: the wording is the engine's.</summary>
    private static string Text(RunOutcome outcome) =>
        $"exit {outcome.ExitCode} trap {outcome.Trap?.Kind} stdout {Convert.ToHexStringLower(outcome.Stdout.Span)} stderr {Convert.ToHexStringLower(outcome.Stderr.Span)} "
        + string.Join(' ', outcome.Answers.Select(answer => answer switch
        {
            RunAnswer.Bytes bytes => Convert.ToHexStringLower(bytes.Data.Span),
            RunAnswer.Refused => "refused",
            RunAnswer.Values values => string.Join(',', values.Results),
            RunAnswer.Trapped trapped => $"trapped:{trapped.Trap.Kind}",
            _ => throw new InvalidOperationException(answer.ToString()),
        }));
}
