using System.Buffers.Binary;
using System.Collections.Immutable;
using Mewe.Execution;
using Mewe.Wasm;

namespace Mewe.Equivalence.Testing;

/// <summary>The inputs that candidates of a function are run on, and what the original does on them.</summary>
/// <param name="Inputs">In the order in which they are run.</param>
/// <param name="Completed">How many of them run to the end.</param>
/// <param name="Conclusive">How many end before fuel does.</param>
internal sealed record ChosenInputs(
    ImmutableArray<TestInput> Inputs, int Conclusive, int Completed, int BranchesCovered, int BranchesTotal, long Executions);

/// <summary>
/// Chooses inputs by running the original alone, in rounds: each round varies inputs that reached a branch outcome for the first time. Then a few hundred are kept:
/// all that are needed for the coverage, then different paths in turn, cheap ones first, few that trap.
/// </summary>
internal sealed class InputSelection(OriginalModule original, uint function, TestOptions options, IWasmEngine engine)
{
    /// <summary>Bytes of coverage that a round may take.</summary>
    private const int CoverageBudget = 4 << 20;

    /// <summary>One run of the original.</summary>
    private sealed record Run(TestInput Input, int Fuel, RunEnding Ending, bool Completed, ulong Path, ulong Digest)
    {
        public bool IsConclusive => Ending != RunEnding.FuelExhausted;

        public bool IsKey { get; set; }
    }

    public async Task<EngineResult<ChosenInputs>> ChooseAsync(
        FunctionCode code, SubjectNeeds needs, InputGenerator generator, MemoryImages images, CancellationToken cancellationToken)
    {
        var outcomes = BodyInstrumenter.BranchOutcomes(code);
        var pool = outcomes == 0 ? options.Pool : Math.Clamp(CoverageBudget / outcomes, 32, options.Pool);
        var runs = new List<Run>();
        var covered = new bool[outcomes];
        var parents = new List<TestInput>();
        long executions = 0;
        for (var round = 0; round < options.Rounds; round++)
        {
            var inputs = Enumerable.Range(round * pool, pool).Select(number => generator.Make(number, parents)).OrderBy(input => input.Recorded).ToList();
            var result = await RunAsync(code, needs, inputs, images, outcomes, cancellationToken).ConfigureAwait(false);
            if (!result.TryGet(out var sweep, out var failure))
            {
                return failure;
            }

            if (sweep.Rejection is { } rejection)
            {
                return new EngineFailure(EngineFailureKind.Refused, $"the harness of function {function} is not accepted: {rejection}");
            }

            executions += sweep.Executions;
            Collect(inputs, sweep, outcomes, covered, runs, parents);
            if (round > 0 && parents.Count == 0 && runs.Count(run => run.Completed) >= options.Inputs)
            {
                break;
            }
        }

        var chosen = Choose(runs);
        return new ChosenInputs(
            [.. chosen.Select(run => run.Input).OrderBy(input => input.Recorded).ThenBy(input => input.Number)], chosen.Count(run => run.IsConclusive),
            chosen.Count(run => run.Completed), covered.Count(outcome => outcome), outcomes, executions);
    }

    private Task<EngineResult<SweepResult>> RunAsync(
        FunctionCode code, SubjectNeeds needs, List<TestInput> inputs, MemoryImages images, int outcomes, CancellationToken cancellationToken)
    {
        var harness = new Harness(original, function, needs, inputs, images, profiles: true, outcomes);
        harness.Add(original.TypeIndexOf(function), new Diversify.VariantCode(code));
        return engine.SweepAsync(
            new SweepRequest(harness.Write(), 1, 0, inputs.Count)
            {
                KeepDigests = true,
                ReadBack =
                [
                    new MemoryRange(Harness.MemoryExport, harness.RunRecords, inputs.Count * HarnessState.RunRecordBytes),
                    new MemoryRange(Harness.MemoryExport, harness.Coverage, inputs.Count * outcomes),
                ],
            },
            cancellationToken);
    }

    // An outcome counts as covered when a conclusive run reaches it: what an exhausted run reaches, no candidate is compared on.
    private static void Collect(
        List<TestInput> inputs, SweepResult sweep, int outcomes, bool[] covered, List<Run> runs, List<TestInput> parents)
    {
        var records = sweep.ReadBack[0].Span;
        var coverage = sweep.ReadBack[1].Span;
        for (var i = 0; i < inputs.Count; i++)
        {
            var record = records[(i * HarnessState.RunRecordBytes)..];
            var reached = coverage.Slice(i * outcomes, outcomes);
            ulong path = 0;
            for (var o = 0; o < reached.Length; o++)
            {
                path = reached[o] != 0 ? SplitMix.Mix(path, (ulong)o) : path;
            }

            var run = new Run(
                inputs[i], BinaryPrimitives.ReadInt32LittleEndian(record), (RunEnding)BinaryPrimitives.ReadInt32LittleEndian(record[4..]),
                BinaryPrimitives.ReadInt32LittleEndian(record[8..]) != 0,
                SplitMix.Mix(path, (uint)Math.Min(BinaryPrimitives.ReadInt32LittleEndian(record[12..]), 8)), sweep.Digests[i]);
            for (var o = 0; o < reached.Length && run.IsConclusive; o++)
            {
                if (reached[o] != 0 && !covered[o])
                {
                    covered[o] = true;
                    run.IsKey = true;
                }
            }

            if (run.IsKey)
            {
                parents.Add(run.Input);
            }

            runs.Add(run);
        }
    }

    private List<Run> Choose(List<Run> runs)
    {
        var chosen = runs.Where(run => run.IsKey).Take(options.Inputs).ToList();
        var budget = options.TotalFuel - chosen.Sum(run => (long)run.Fuel);
        var taken = new HashSet<int>(chosen.Select(run => run.Input.Number));
        var digests = new HashSet<ulong>(chosen.Select(run => run.Digest));

        // Paths take turns; within a path runs that end first, what shows something new first, then the order in which they were tried.
        var paths = runs.Where(run => run.IsConclusive && !taken.Contains(run.Input.Number)).GroupBy(run => run.Path)
            .Select(path => new Queue<Run>(path.OrderByDescending(run => run.Completed).ThenBy(run => !digests.Add(run.Digest)).ThenBy(run => run.Fuel / 256)
                .ThenBy(run => run.Input.Number)))
            .OrderByDescending(path => path.Peek().Completed).ThenBy(path => path.Peek().Input.Number).ToList();
        var trapped = chosen.Count(run => !run.Completed);
        while (chosen.Count < options.Inputs && paths.Count > 0)
        {
            foreach (var path in paths)
            {
                var run = path.Dequeue();
                var isAffordable = run.Fuel <= Math.Max(64, budget / 8) && (run.Completed || trapped < options.Inputs / 4);
                if (isAffordable && chosen.Count < options.Inputs)
                {
                    chosen.Add(run);
                    taken.Add(run.Input.Number);
                    budget -= run.Fuel;
                    trapped += run.Completed ? 0 : 1;
                }
            }

            paths.RemoveAll(path => path.Count == 0);
        }

        // Where that is not enough, the rest as it comes: it costs little and can still refute.
        chosen.AddRange(runs.Where(run => !taken.Contains(run.Input.Number)).OrderBy(run => !run.IsConclusive).ThenBy(run => run.Fuel / 256)
            .ThenBy(run => run.Input.Number).Take(options.Inputs - chosen.Count));
        return chosen;
    }
}
