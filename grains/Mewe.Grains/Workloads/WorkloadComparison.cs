using System.Collections.Immutable;
using Mewe.Execution;

namespace Mewe.Grains;

/// <summary>How a comparison ended.</summary>
/// <param name="Runs">Runs of the multivariant module that gave exactly the original's answer.</param>
/// <param name="Failure">What differed, or why nothing could be compared; null where all agree.</param>
/// <param name="EngineFailed">True where <paramref name="Failure"/> is about the engine and not about the modules.</param>
public sealed record WorkloadComparisonResult(int Runs, ImmutableArray<string> Notes, string? Failure, bool EngineFailed);

/// <summary>Runs a workload on the original and on the multivariant module under the same seeds, and compares everything that they answer.</summary>
public sealed class WorkloadComparison(IWasmEngine engine)
{
    public async Task<WorkloadComparisonResult> CompareAsync(ReadOnlyMemory<byte> original, ReadOnlyMemory<byte> multivariant, WorkloadFile workload, ulong seed,
        int runs, CancellationToken cancellationToken)
    {
        ImmutableArray<ulong> seeds = [.. Enumerable.Range(0, runs).Select(i => seed + (ulong)i)];
        var notes = ImmutableArray.CreateBuilder<string>();
        var agreed = 0;
        for (var entry = 0; entry < workload.Runs.Length; entry++)
        {
            var results = new RunResult[2];
            for (var side = 0; side < 2; side++)
            {
                var run = new ModuleRun(side == 0 ? original : multivariant, workload.Runs[entry]) { Seeds = seeds, UnknownImports = UnknownImports.Zero };
                var answer = await engine.RunAsync(run, cancellationToken);
                if (!answer.TryGet(out var result, out var failure))
                {
                    return new WorkloadComparisonResult(agreed, [], $"workload entry {entry + 1}: {failure}", EngineFailed: true);
                }

                results[side] = result;
            }

            if (results[0].Rejection is { } rejection)
            {
                notes.Add($"workload entry {entry + 1} cannot be run: {rejection}");
                continue;
            }

            if (results[1].Rejection is { } refused)
            {
                return new WorkloadComparisonResult(agreed, [], $"workload entry {entry + 1} runs on the original but not on the multivariant module: {refused}", EngineFailed: false);
            }

            for (var i = 0; i < runs; i++)
            {
                if (RunDifference.Between(results[0][i], results[1][i]) is { } difference)
                {
                    return new WorkloadComparisonResult(agreed, [], $"workload entry {entry + 1}, seed {seeds[i]}: {difference}", EngineFailed: false);
                }

                agreed++;
            }
        }

        return new WorkloadComparisonResult(agreed, notes.ToImmutable(), null, EngineFailed: false);
    }
}

/// <summary>Says what differs between two runs that should be the same.</summary>
public static class RunDifference
{
    /// <summary>One line about the first difference, or null. The wording of traps is the engine's and may differ; their kind may not.</summary>
    public static string? Between(RunOutcome original, RunOutcome multivariant)
    {
        if (original.Trap?.Kind != multivariant.Trap?.Kind)
        {
            return $"the original {Ending(original)}, the multivariant module {Ending(multivariant)}";
        }

        if (original.ExitCode != multivariant.ExitCode)
        {
            return $"exit code {original.ExitCode} became {multivariant.ExitCode}";
        }

        if (!original.Stdout.Span.SequenceEqual(multivariant.Stdout.Span))
        {
            return $"standard output differs from byte {original.Stdout.Span.CommonPrefixLength(multivariant.Stdout.Span)}";
        }

        if (!original.Stderr.Span.SequenceEqual(multivariant.Stderr.Span))
        {
            return $"standard error differs from byte {original.Stderr.Span.CommonPrefixLength(multivariant.Stderr.Span)}";
        }

        if (original.Answers.Length != multivariant.Answers.Length)
        {
            return $"{original.Answers.Length} answers became {multivariant.Answers.Length}";
        }

        for (var i = 0; i < original.Answers.Length; i++)
        {
            if (!Same(original.Answers[i], multivariant.Answers[i]))
            {
                return $"answer {i + 1} differs";
            }
        }

        return null;
    }

    private static string Ending(RunOutcome outcome) => outcome.Trap is { } trap ? $"trapped ({trap.Message})" : "did not trap";

    private static bool Same(RunAnswer one, RunAnswer other) => (one, other) switch
    {
        (RunAnswer.Bytes a, RunAnswer.Bytes b) => a.Data.Span.SequenceEqual(b.Data.Span),
        (RunAnswer.Refused, RunAnswer.Refused) => true,
        (RunAnswer.Values a, RunAnswer.Values b) => a.Results.SequenceEqual(b.Results),
        (RunAnswer.Trapped a, RunAnswer.Trapped b) => a.Trap.Kind == b.Trap.Kind,
        _ => false,
    };
}
