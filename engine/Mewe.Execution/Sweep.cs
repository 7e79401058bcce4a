using System.Collections.Immutable;
using System.Security.Cryptography;

namespace Mewe.Execution;

/// <summary>
/// Runs the subjects of a harness module on the inputs <c>[FirstInput, FirstInput + InputCount)</c>. The harness exports
/// <list type="bullet">
/// <item><c>subject_0</c> … <c>subject_{n-1}</c>: (i32 input) -> (); runs body k on that input and first puts all state back itself. Subject 0 is the original;</item>
/// <item><c>digest</c>: () -> i64; a digest of everything observable after the last run, also callable after a trap;</item>
/// <item><c>outcome</c>: () -> i32; <see cref="SweepOutcome"/>, or a status of the harness's own, also callable after a trap.</item>
/// </list>
/// It imports nothing but what its <see cref="Library"/> exports. One fresh instance serves the whole sweep. A harness with a library may export <c>release</c>, () -> (), which leaves the library's instance
/// as it was found: then another sweep may get the same instance.
/// </summary>
/// <param name="Harness">The harness module.</param>
/// <param name="SubjectCount">How many subjects it exports, the original included: at least 1.</param>
/// <param name="FirstInput">The first input number.</param>
/// <param name="InputCount">How many inputs.</param>
public sealed record SweepRequest(ReadOnlyMemory<byte> Harness, int SubjectCount, int FirstInput, int InputCount)
{
    /// <summary>The most runs that one request may ask for: <see cref="SubjectCount"/> times <see cref="InputCount"/>.</summary>
    public const int MaximumRuns = 1 << 26;

    /// <summary>What the harness imports from; null where it imports nothing.</summary>
    public SweepLibrary? Library { get; init; }

    /// <summary>A subject that differs is not run on later inputs. Otherwise all its differences are counted, and the first is kept.</summary>
    public bool StopAtFirstDifference { get; init; } = true;

    /// <summary>Also return the digest of every run, see <see cref="SweepResult.Digests"/>.</summary>
    public bool KeepDigests { get; init; }

    /// <summary>What to write to memories of the instance before the first run. A harness whose inputs stand here is compiled once for many lists of inputs.</summary>
    public ImmutableArray<MemoryContent> Preload { get; init; } = [];

    /// <summary>Memory to read back when the sweep is over, such as a coverage map; each is cut off at the end of its memory.</summary>
    public ImmutableArray<MemoryRange> ReadBack { get; init; } = [];

    /// <summary>When to give the process up; null for the engine's own limit.</summary>
    public TimeSpan? AbortAfter { get; init; }
}

/// <summary>
/// A module that many harnesses import from. It imports nothing itself. Engines keep its code, so that it is compiled once and as well as they can, and have an instance serve one sweep at a time.
/// </summary>
public sealed class SweepLibrary(ReadOnlyMemory<byte> module)
{
    /// <summary>The module name of a harness's imports.</summary>
    public const string ImportName = "library";

    /// <summary>The module.</summary>
    public ReadOnlyMemory<byte> Module => module;

    /// <summary>Tells libraries apart: the SHA-256 of the module, 64 hexadecimal digits.</summary>
    public string Key { get; } = Convert.ToHexStringLower(SHA256.HashData(module.Span));
}

/// <summary>Bytes of an exported memory.</summary>
/// <param name="Export">The memory's export name.</param>
/// <param name="Offset">The first byte.</param>
/// <param name="Length">How many bytes.</param>
public sealed record MemoryRange(string Export, long Offset, int Length);

/// <summary>Bytes for an exported memory.</summary>
/// <param name="Export">The memory's export name.</param>
/// <param name="Offset">Where the first byte goes; all of them must fit.</param>
public sealed record MemoryContent(string Export, long Offset, ReadOnlyMemory<byte> Bytes);

/// <summary>The values of the harness export <c>outcome</c> that the engine knows. All others are compared and otherwise left alone.</summary>
public static class SweepOutcome
{
    /// <summary>The body ran to its end (or trapped by itself).</summary>
    public const int Completed = 0;

    /// <summary>The body was stopped because its fuel was used up: on the original this makes the input inconclusive.</summary>
    public const int FuelExhausted = 2;

    /// <summary>
    /// From here on: the body was stopped where it would have trapped, and the value says why (<see cref="TrapKind"/> plus this). It counts as a trap and is reported
    /// as one. A trap that the engine raises costs as much as some thousand instructions, and inputs that trap are common.
    /// </summary>
    public const int Trapped = 16;
}

/// <summary>What a sweep found.</summary>
public sealed record SweepResult
{
    /// <summary>Why the harness could not be run at all (invalid, an import, a missing export, a trap in its start function); null when it ran.</summary>
    public string? Rejection { get; init; }

    /// <summary>One report per subject, the original (which only counts) first. Empty when the harness was rejected.</summary>
    public ImmutableArray<SubjectReport> Subjects { get; init; } = [];

    /// <summary>How many times a subject was called.</summary>
    public long Executions { get; init; }

    /// <summary>For each <see cref="SweepRequest.ReadBack"/> its bytes.</summary>
    public ImmutableArray<ReadOnlyMemory<byte>> ReadBack { get; init; } = [];

    /// <summary>
    /// With <see cref="SweepRequest.KeepDigests"/>: the digest of subject s on input i at <c>[s * InputCount + i - FirstInput]</c>; 0 where it was not run.
    /// </summary>
    public ImmutableArray<ulong> Digests { get; init; } = [];
}

/// <summary>How one subject did.</summary>
/// <param name="Status">The verdict over all inputs.</param>
/// <param name="Compared">Inputs on which it was compared with the original. For the original itself: inputs that could be compared.</param>
/// <param name="Inconclusive">Inputs that decide nothing: the original ran out of fuel, or the stack ran out in either.</param>
/// <param name="Trapped">Runs that ended in a trap or an exception.</param>
/// <param name="Differences">Inputs on which it differed: at most 1 with <see cref="SweepRequest.StopAtFirstDifference"/>.</param>
/// <param name="First">The first difference; null when there is none.</param>
public sealed record SubjectReport(
    SubjectStatus Status, int Compared, int Inconclusive, int Trapped, int Differences, SweepDifference? First);

/// <summary>The verdict of a sweep about a subject. The numbers are part of the worker protocol.</summary>
public enum SubjectStatus
{
    /// <summary>Nothing was compared: no inputs, or every input was inconclusive. It says nothing about the subject.</summary>
    NotCompared = 0,

    /// <summary>Equal to the original on every input that was compared, and there was at least one.</summary>
    Agrees = 1,

    /// <summary>Different from the original on at least one input.</summary>
    Differs = 2,
}

/// <summary>An input on which a subject and the original differ.</summary>
public sealed record SweepDifference(int Input, SweepObservation Original, SweepObservation Subject);

/// <summary>
/// What a run showed. Two runs are equal when digest and outcome are, and both completed, both trapped or both threw an exception;
/// the kind of trap is reported and not compared.
/// </summary>
public sealed record SweepObservation(ulong Digest, int Outcome, TrapKind Trap);
