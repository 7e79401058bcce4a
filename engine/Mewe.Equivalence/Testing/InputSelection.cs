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
/// Chooses inputs by running the original alone, in rounds, as a coverage-guided fuzzer does: each round varies inputs that reached a branch outcome first,
/// with a liking for those that stand before an outcome nobody has reached yet. Then a few hundred are kept: all that are needed for the coverage, then
/// different paths in turn, cheap ones first, few that trap.
/// </summary>
internal sealed class InputSelection(OriginalModule original, uint function, TestOptions options, IWasmEngine engine)
{
    /// <summary>Bytes of coverage that a round may take.</summary>
    private const int CoverageBudget = 2 << 20;

    /// <summary>So many rounds at most are tried only to find enough inputs on which fuel lasts.</summary>
    private const int RoundsForConclusive = 8;

    /// <summary>Beyond so many inputs to vary, only those that reach something new join them.</summary>
    private const int MaximumParents = 128;

    /// <summary>One run of the original.</summary>
    private sealed record Run(TestInput Input, int Fuel, RunEnding Ending, bool Completed, ulong Path, ulong Digest)
    {
        public bool IsConclusive => Ending != RunEnding.FuelExhausted;
    }

    /// <summary>A parent and the branch outcomes that it reaches.</summary>
    private sealed record Reached(Parent Parent, byte[] Outcomes);

    public async Task<EngineResult<ChosenInputs>> ChooseAsync(
        FunctionCode code, SubjectNeeds needs, InputGenerator generator, FunctionSetting setting, CancellationToken cancellationToken)
    {
        var sites = BodyInstrumenter.Sites(code);
        var outcomes = sites.Sum(site => site.Size);
        var pool = outcomes == 0 ? options.Pool : Math.Clamp(CoverageBudget / outcomes, 32, options.Pool);
        var harness = new Harness(original, function, needs, setting, new HarnessProfile(pool, outcomes));
        harness.Add(original.TypeIndexOf(function), new Diversify.VariantCode(code));
        var module = harness.Write(pool);
        var runs = new List<Run>();
        var covered = new bool[outcomes];
        var keys = new Run?[outcomes];
        var parents = new List<Reached>();
        var paths = new HashSet<ulong>();
        long executions = 0;
        var (idle, conclusive) = (0, 0);
        var isDone = false;
        var wanted = new HashSet<int>();
        for (var round = 0; round < options.Rounds && idle < options.IdleRounds; round++)
        {
            // The last round is for values rather than paths.
            var isLast = round > 0 && (isDone || round == options.Rounds - 1 || idle == options.IdleRounds - 1);
            var frontier = parents.Where(parent => StandsBefore(parent.Outcomes, covered, sites)).ToList();
            var zeros = isLast ? NegativeZeros(generator, round * pool, Math.Min(pool / 2, options.Inputs / 8), parents) : [];
            if (isDone && zeros.Count == 0 && round > 1)
            {
                break;
            }

            var inputs = zeros.Concat(Enumerable.Range(round * pool + zeros.Count, pool - zeros.Count).Select(number => Next(generator, number, parents, frontier, covered)))
                .OrderBy(input => input.Recorded).ToList();
            var result = await engine.SweepAsync(Request(module, harness, inputs, outcomes), cancellationToken).ConfigureAwait(false);
            if (!result.TryGet(out var sweep, out var failure))
            {
                return failure;
            }

            if (sweep.Rejection is { } rejection)
            {
                return new EngineFailure(EngineFailureKind.Refused, $"the harness of function {function} is not accepted: {rejection}");
            }

            executions += sweep.Executions;
            var (found, isLate) = Collect(inputs, sweep, covered, keys, runs, parents, paths, generator.Supply);
            var ordinary = runs.Skip(runs.Count - inputs.Count).Where(run => run.Input.Fuel == generator.Supply.Ordinary).ToList();
            generator.Supply = generator.Supply.Next(ordinary.Count(run => !run.IsConclusive), ordinary.Count, isLate);
            wanted.UnionWith(zeros.Select(input => input.Number));
            if (isLast)
            {
                break;
            }

            conclusive += runs.Skip(runs.Count - inputs.Count).Count(run => run.IsConclusive);
            isDone = sites.All(site => covered.AsSpan(site.First, site.Size).IndexOf(false) < 0)
                && runs.Count(run => run.Completed) >= Math.Min(options.Inputs, (round + 1) * pool / 2);
            idle = found || (conclusive < options.Inputs && round < RoundsForConclusive) ? 0 : idle + 1;
        }

        var chosen = Choose(runs, keys, wanted);
        return new ChosenInputs(
            [.. chosen.Select(run => run.Input).OrderBy(input => input.Recorded).ThenBy(input => input.Number)], chosen.Count(run => run.IsConclusive),
            chosen.Count(run => run.Completed), sites.Where(site => site.IsBranch).Sum(site => covered.AsSpan(site.First, site.Size).Count(true)),
            sites.Where(site => site.IsBranch).Sum(site => site.Size), executions);
    }

    private static TestInput Next(InputGenerator generator, int number, List<Reached> parents, List<Reached> frontier, bool[] covered)
    {
        var random = new SplitMix((ulong)number);
        return parents.Count == 0 || random.OneIn(8) ? generator.Make(number)
            : generator.Vary(number, random.Pick(frontier.Count > 0 && !random.OneIn(4) ? frontier : parents).Parent, covered);
    }

    private static List<TestInput> NegativeZeros(InputGenerator generator, int number, int most, List<Reached> parents) =>
        [.. parents.Select((parent, i) => generator.NegativeZeros(number + i, parent.Parent)).OfType<TestInput>().Take(most).Select((input, i) => input with { Number = number + i })];

    private static SweepRequest Request(byte[] module, Harness harness, List<TestInput> inputs, int outcomes) => new(module, 1, 0, inputs.Count)
    {
        Library = harness.Library,
        Preload = [harness.Inputs(inputs)],
        KeepDigests = true,
        ReadBack =
        [
            new MemoryRange(Harness.MemoryExport, HarnessLayout.RunRecords, inputs.Count * HarnessState.RunRecordBytes),
            new MemoryRange(Harness.MemoryExport, harness.Coverage, inputs.Count * outcomes),
            new MemoryRange(Harness.MemoryExport, harness.Traces, inputs.Count * HarnessState.TraceBytes),
        ],
    };

    // An outcome counts as covered when a conclusive run reaches it: what an exhausted run reaches, no candidate is compared on.
    private static (bool Progress, bool IsLate) Collect(
        List<TestInput> inputs, SweepResult sweep, bool[] covered, Run?[] keys, List<Run> runs, List<Reached> parents, HashSet<ulong> paths, FuelSupply supply)
    {
        var records = sweep.ReadBack[0].Span;
        var coverage = sweep.ReadBack[1].Span;
        var (progress, isLate) = (false, false);
        for (var i = 0; i < inputs.Count; i++)
        {
            var record = records[(i * HarnessState.RunRecordBytes)..];
            var reached = coverage.Slice(i * covered.Length, covered.Length);
            var calls = BinaryPrimitives.ReadInt32LittleEndian(record[12..]);
            var ending = BinaryPrimitives.ReadInt32LittleEndian(record[4..]);
            var path = (ulong)(Math.Min(calls, 8) + 16 * ending);
            for (var o = 0; o < reached.Length; o++)
            {
                path = reached[o] != 0 ? SplitMix.Mix(path, (ulong)o) : path;
            }

            var run = new Run(
                inputs[i], BinaryPrimitives.ReadInt32LittleEndian(record), ending >= SweepOutcome.Trapped ? RunEnding.Completed : (RunEnding)ending,
                BinaryPrimitives.ReadInt32LittleEndian(record[8..]) != 0, path, sweep.Digests[i]);
            var isNew = false;
            for (var o = 0; o < reached.Length && run.IsConclusive; o++)
            {
                if (reached[o] == 0)
                {
                    continue;
                }

                isNew |= !covered[o];
                covered[o] = true;
                if (keys[o] is not { } key || run.Fuel < key.Fuel / 2)
                {
                    keys[o] = run;
                }
            }

            // Any new path is worth a variation, but only new outcomes count as progress.
            progress |= isNew;
            isLate |= isNew && supply.IsLate(run.Fuel);
            if (isNew || (run.IsConclusive && parents.Count < MaximumParents && paths.Add(path)))
            {
                parents.Add(new Reached(Trace(inputs[i], sweep.ReadBack[2].Span.Slice(i * HarnessState.TraceBytes, HarnessState.TraceBytes), record, calls), reached.ToArray()));
            }

            runs.Add(run);
        }

        return (progress, isLate);
    }

    private static Parent Trace(TestInput input, ReadOnlySpan<byte> trace, ReadOnlySpan<byte> record, int calls)
    {
        var values = new HashSet<IncomingValue>();
        for (var i = Math.Min(BinaryPrimitives.ReadInt32LittleEndian(record[16..]), HarnessState.TracedValues) - 1; i >= 0; i--)
        {
            values.Add(IncomingValue.Decode(trace[(i * IncomingValue.Bytes)..]));
        }

        var comparisons = new HashSet<Comparison>();
        for (var i = Math.Min(BinaryPrimitives.ReadInt32LittleEndian(record[20..]), HarnessState.TracedComparisons) - 1; i >= 0; i--)
        {
            comparisons.Add(Comparison.Decode(trace[(HarnessState.TracedValues * IncomingValue.Bytes + i * Comparison.Bytes)..]));
        }

        return new Parent(input, [.. values], [.. comparisons], calls);
    }

    /// <summary>Whether a branch is reached of which some outcome never was.</summary>
    private static bool StandsBefore(byte[] reached, bool[] covered, IReadOnlyList<BranchSite> sites)
    {
        foreach (var site in sites)
        {
            if (reached.AsSpan(site.First, site.Size).ContainsAnyExcept((byte)0) && covered.AsSpan(site.First, site.Size).Contains(false))
            {
                return true;
            }
        }

        return false;
    }

    /// <param name="keys">For each outcome a run that reaches it: the first, or one that costs much less.</param>
    /// <param name="wanted">Numbers of inputs that are taken even where they cover nothing new.</param>
    private List<Run> Choose(List<Run> runs, Run?[] keys, HashSet<int> wanted)
    {
        var needed = keys.OfType<Run>().Select(run => run.Input.Number).ToHashSet();
        var chosen = runs.Where(run => needed.Contains(run.Input.Number) || (run.IsConclusive && wanted.Contains(run.Input.Number))).OrderBy(run => !needed.Contains(run.Input.Number)).Take(options.Inputs).ToList();
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
