using System.Collections.Immutable;
using Mewe.Execution;

namespace Mewe.Grains;

/// <summary>How much longer a workload takes on one subject than on the original.</summary>
/// <param name="Nanoseconds">Of the original, per request.</param>
/// <param name="Ratio">Median of paired ratios; over several entries of a workload their mean, weighted by the original's times.</param>
/// <param name="Low">Lower end of its 95 % confidence interval.</param>
/// <param name="High">Upper end.</param>
public readonly record struct Slowdown(double Nanoseconds, double Ratio, double Low, double High)
{
    /// <summary>Time that is added to a request, in nanoseconds.</summary>
    public double Added => Nanoseconds * (Ratio - 1);

    /// <summary>The part of a budget that is used; above 1 where it does not hold.</summary>
    public double UseOf(SlowdownBudget budget) => Added <= 0 ? 0 : budget.Of(Nanoseconds) is > 0 and var most ? Added / most : double.PositiveInfinity;
}

/// <summary>Times subjects against subject 0 on the entries of a workload, in one process in alternation.</summary>
internal sealed class SlowdownTiming(IWasmEngine engine, WorkloadFile workload, ulong seed)
{
    /// <summary>Entries of a workload that are timed: the first ones. More say little more and take their time.</summary>
    private const int MostEntries = 4;

    /// <summary>Processes among which rounds are divided: one may be lucky with what its optimizing compiler makes of the original or of the multivariant module.</summary>
    public const int Processes = 3;

    /// <summary>How many entries are timed, one after the other.</summary>
    public int Entries => Math.Min(MostEntries, workload.Runs.Length);

    /// <summary>How much longer the workload takes, and its first request by itself: the mean of several may hide what becomes of one, and the first is the typical one.</summary>
    /// <exception cref="EngineFailedException">The engine failed.</exception>
    public async Task<(ImmutableArray<Slowdown> Slowdowns, string? Problem)> CompareRequestsAsync(ReadOnlyMemory<byte> original, ReadOnlyMemory<byte> module, int rounds, int warmup, CancellationToken cancellationToken)
    {
        var slowdowns = ImmutableArray.CreateBuilder<Slowdown>();
        string? problem = null;
        SlowdownTiming[] timings = workload.Runs.FirstOrDefault() is ReactorWorkload { Requests: [var first, _, ..] }
            ? [this, new SlowdownTiming(engine, new WorkloadFile("", [new ReactorWorkload([first])]), seed)] : [this];
        foreach (var timing in timings)
        {
            (var compared, problem) = await timing.CompareAsync([original, module], [new TimingSubject(0, []), new TimingSubject(1, [])], TimingTier.Settled, rounds, warmup, cancellationToken);
            if (compared is { } both)
            {
                slowdowns.Add(both[1]);
            }
        }

        return (slowdowns.ToImmutable(), problem);
    }

    /// <summary>One result per subject, or why the workload cannot be timed.</summary>
    /// <exception cref="EngineFailedException">The engine failed.</exception>
    public async Task<(ImmutableArray<Slowdown>? Slowdowns, string? Problem)> CompareAsync(ImmutableArray<ReadOnlyMemory<byte>> modules, ImmutableArray<TimingSubject> subjects,
        TimingTier tier, int rounds, int? warmup, CancellationToken cancellationToken)
    {
        var sums = new (double Time, double Ratio, double Low, double High)[subjects.Length];
        double requests = 0;
        string? problem = null;
        foreach (var entry in workload.Runs.Take(MostEntries))
        {
            var request = new TimingRequest(modules, subjects, entry, rounds) { Seed = seed, Tier = tier, WarmupRounds = warmup, Processes = tier == TimingTier.Settled ? Processes : 1, UnknownImports = UnknownImports.Zero, AbortAfter = TimeSpan.FromMinutes(5) };
            var answer = await engine.TimeAsync(request, cancellationToken);
            if (!answer.TryGet(out var result, out var failure))
            {
                throw new EngineFailedException($"the workload could not be timed: {failure}");
            }

            if (result.Rejection is { } rejection)
            {
                problem ??= rejection;
                continue;
            }

            var weight = Median(result.Nanoseconds[0]);
            requests += ProfileRecording.RequestsOf(entry);
            for (var subject = 0; subject < subjects.Length; subject++)
            {
                var ratios = result.RatiosOf(subject);
                var (low, high) = ratios.MedianInterval();
                var sum = sums[subject];
                sums[subject] = (sum.Time + weight, sum.Ratio + (weight * ratios.Median), sum.Low + (weight * low), sum.High + (weight * high));
            }
        }

        return requests == 0 ? (null, problem ?? "the workload is empty")
            : ([.. sums.Select(sum => new Slowdown(sum.Time / requests, sum.Ratio / sum.Time, sum.Low / sum.Time, sum.High / sum.Time))], null);
    }

    private static double Median(ImmutableArray<double> values)
    {
        var sorted = values.Sort();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
