using System.Collections.Immutable;
using Mewe.Execution;
using Mewe.Linking;

namespace Mewe.Grains;

/// <summary>
/// Times what a fresh choice in one function adds to a request, each function by itself: in a request of a few hundred nanoseconds that is what matters, and it differs by a factor of three between functions that look
/// alike (how much of what stands around the choice the engine had inlined, and how much of it is cold after the jump).
/// </summary>
internal sealed class ChoiceTiming(SlowdownTiming timing, JobPlan plan)
{
    private const int Rounds = 61;

    /// <summary>However a measurement comes out, a jump that nobody foresees takes that long, in nanoseconds.</summary>
    private const double Least = 5;

    /// <summary>Nanoseconds that are added to a request, by function; empty where they cannot be timed.</summary>
    /// <param name="link">Links a module in which the calls of one function get fresh choices and all others the original; of none where null.</param>
    public async Task<ImmutableDictionary<uint, double>> RunAsync(IReadOnlyList<uint> functions, Func<uint?, LinkResult> link, CancellationToken cancellationToken)
    {
        ImmutableArray<ReadOnlyMemory<byte>> modules = [plan.Request.Module, link(null).Module, .. functions.Select(function => (ReadOnlyMemory<byte>)link(function).Module)];
        var subjects = Enumerable.Range(0, modules.Length).Select(module => new TimingSubject(module, [])).ToImmutableArray();
        var (slowdowns, _) = await timing.CompareAsync(modules, subjects, TimingTier.Settled, Rounds, LinkPlanner.WarmupRounds, cancellationToken);
        return slowdowns is not { } times ? ImmutableDictionary<uint, double>.Empty
            : functions.Select((function, i) => KeyValuePair.Create(function, Math.Max(Least, times[i + 2].Added - times[1].Added))).ToImmutableDictionary();
    }
}
