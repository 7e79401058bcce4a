using System.Collections.Immutable;

namespace Mewe.Execution;

/// <summary>Which code of a module is timed.</summary>
public enum TimingTier
{
    /// <summary>
    /// The engine as everybody runs it: functions begin in its baseline compiler and are optimized when they prove hot, with what was learned until then. It needs
    /// warm-up rounds, and functions that stay cold are timed as they are. A multivariant module needs more of them than its original: of 16 variants each gets a 16th of the calls.
    /// </summary>
    AsShipped = 0,

    /// <summary>Every function is compiled by the optimizing compiler before anything runs: less noise and a short warm-up, but no inlining that depends on a profile.</summary>
    Optimized = 1,

    /// <summary>
    /// As shipped, after a long time: functions are optimized with what was learned, but after a hundredth of the work that it usually takes, so that a few warm-up rounds reach variants that
    /// are seldom chosen.
    /// </summary>
    Settled = 2,
}

/// <summary>A value for an exported mutable global.</summary>
/// <param name="Export">The global's export.</param>
/// <param name="Value">An i32 or i64, as the global is.</param>
public sealed record GlobalSetting(string Export, WasmValue Value);

/// <summary>
/// Something that takes its turn: a module with some of its exported mutable globals set. Subjects of one module share its compiled code and, for reactors and export
/// calls, its one instance: what differs between them is nothing but these globals.
/// </summary>
/// <param name="Module">The index in <see cref="TimingRequest.Modules"/>.</param>
/// <param name="Globals">
/// What is set before the subject's turn; for commands in each fresh instance before <c>_start</c>. A global that another subject of the module sets and
/// this one does not gets the value that it had in the fresh instance (after <c>_initialize</c>).
/// </param>
public sealed record TimingSubject(int Module, ImmutableArray<GlobalSetting> Globals);

/// <summary>Times one workload on several subjects that take turns in one process.</summary>
/// <remarks>
/// <para>First every subject runs the workload once in a fresh instance, untimed, and must show what subject 0 shows. Then they take turns: a round is one turn of
/// each, in an order that is shuffled anew (the same in every run), and in a turn the workload is repeated as often as was found to make a turn of
/// subject 0 last <see cref="MinimumRoundNanoseconds"/>, or twice as long with what is not timed (a command's instances). So a round's times are paired: compare subjects within rounds (<see cref="TimingResult.RatiosOf"/>).</para>
/// <para>The part of the host is the same for all and small: reactors and export calls are driven by a WebAssembly module, which for a reactor calls <c>alloc</c>, writes the request, calls
/// <c>run</c>, <c>answer</c> and <c>release</c>, and does not read the answer. All repeats go to one instance. Calls that trap in the untimed run are left out.</para>
/// <para>Requests of one engine are timed one after the other, never two at once; what else the machine does is up to the caller.</para>
/// </remarks>
/// <param name="Modules">The modules, which must all be able to run the workload.</param>
/// <param name="Subjects">What takes turns; subject 0 is what the others are compared with.</param>
/// <param name="Workload">What to time. Compiling is never timed.</param>
/// <param name="Rounds">How many rounds count.</param>
public sealed record TimingRequest(
    ImmutableArray<ReadOnlyMemory<byte>> Modules, ImmutableArray<TimingSubject> Subjects, Workload Workload, int Rounds)
{
    /// <summary>One subject per module, with no globals set.</summary>
    public TimingRequest(ImmutableArray<ReadOnlyMemory<byte>> modules, Workload workload, int rounds)
        : this(modules, [.. modules.Select((_, module) => new TimingSubject(module, []))], workload, rounds)
    {
    }

    /// <summary>The seed of every instance.</summary>
    public ulong Seed { get; init; }

    /// <summary>Which code is timed.</summary>
    public TimingTier Tier { get; init; }

    /// <summary>
    /// Rounds before the first one that counts; null for 250 with <see cref="TimingTier.AsShipped"/>, in which functions that matter are optimized (V8 does so
    /// after milliseconds spent in a function), 50 with <see cref="TimingTier.Settled"/>, and 5 with <see cref="TimingTier.Optimized"/>.
    /// </summary>
    public int? WarmupRounds { get; init; }

    /// <summary>
    /// Among how many processes the rounds are divided, at least one. With <see cref="TimingTier.Settled"/> each of them is new: what an optimizing compiler makes of a module follows from what it has
    /// learned when it comes to it, and differs from one process to the next (V8 14.6: by a third on a service of half a millisecond). An engine that always comes to the same code takes no notice.
    /// </summary>
    public int Processes { get; init; } = 1;

    /// <summary>How long a turn of subject 0 takes at least; the repeats that this takes are the same for all subjects.</summary>
    public long MinimumRoundNanoseconds { get; init; } = 200_000;

    /// <summary>For commands: instantiating is timed, too. Otherwise only <c>_start</c> is.</summary>
    public bool TimeInstantiation { get; init; }

    /// <summary>What to do about functions that no host provides.</summary>
    public UnknownImports UnknownImports { get; init; } = UnknownImports.Reject;

    /// <summary>When to give a process up; null for the engine's own limit.</summary>
    public TimeSpan? AbortAfter { get; init; }

    /// <summary>The requests of the processes, whose rounds add up to those of this one.</summary>
    internal IEnumerable<TimingRequest> Parts()
    {
        var processes = Math.Clamp(Processes, 1, Math.Max(1, Rounds));
        return Enumerable.Range(0, processes).Select(i => this with { Processes = 1, Rounds = (Rounds * (i + 1) / processes) - (Rounds * i / processes) });
    }
}

/// <summary>How long each turn took.</summary>
public sealed record TimingResult
{
    /// <summary>Why nothing was timed (a module cannot run the workload, a global does not exist, a subject shows something else than subject 0); null when all was.</summary>
    public string? Rejection { get; init; }

    /// <summary>How often the workload was repeated in each turn.</summary>
    public int Repeats { get; init; }

    /// <summary>Nanoseconds that the workload took once, the mean of the turn's repeats: <c>[subject][round]</c>.</summary>
    public ImmutableArray<ImmutableArray<double>> Nanoseconds { get; init; } = [];

    /// <summary>The rounds of both, these first.</summary>
    internal TimingResult And(TimingResult other) => this with { Nanoseconds = [.. Nanoseconds.Zip(other.Nanoseconds, (own, others) => own.AddRange(others))] };

    /// <summary>How a subject compares with subject 0, round by round.</summary>
    public PairedRatios RatiosOf(int subject) =>
        new([.. Nanoseconds[subject].Zip(Nanoseconds[0], (own, original) => own / original)]);
}
