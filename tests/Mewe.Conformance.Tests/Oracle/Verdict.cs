using System.Collections.Immutable;
using System.Security.Cryptography;
using Mewe.Conformance.Tests.Suite;
using Mewe.Execution;

namespace Mewe.Conformance.Tests.Oracle;

/// <summary>What a command came to.</summary>
public enum OutcomeKind
{
    Done,
    Returned,
    Trapped,
    Invalid,
    Unlinkable,
    Unknown,
    Unsupported,
    EngineFailed,

    /// <summary>Nothing was run: the command is about the text format, or about what custom sections contain.</summary>
    TextOnly,
}

/// <summary>What a command came to and whether that is what the script says. Two verdicts are the same when all but <see cref="Detail"/> is equal.</summary>
/// <param name="Trap">Which trap; none where it did not trap.</param>
public readonly record struct Verdict(bool Passed, OutcomeKind Outcome, TrapKind Trap)
{
    /// <summary>What was expected and what came, for a person.</summary>
    public required string Detail { get; init; }

    public bool IsSameAs(Verdict other) => (Passed, Outcome, Trap) == (other.Passed, other.Outcome, other.Trap);

    public override string ToString() => $"{(Passed ? "pass" : "FAIL")} {Outcome}{(Trap == TrapKind.None ? "" : $" {Trap}")} {Detail}";

    /// <summary>A module that is to become an instance.</summary>
    public static Verdict OfModule(SessionReply compiled, SessionReply? instantiated) =>
        compiled is SessionReply.Done ? Of(instantiated ?? compiled, instantiated is null or SessionReply.Done, "") : Of(compiled, false, "");

    /// <summary>A module with a fault.</summary>
    public static Verdict OfFault(ModuleFault fault, SessionReply compiled, SessionReply? instantiated, string text) => fault switch
    {
        ModuleFault.Malformed or ModuleFault.Invalid => Of(compiled, compiled is SessionReply.Invalid, text),
        _ when compiled is not SessionReply.Done => Of(compiled, false, text),
        ModuleFault.Unlinkable => Of(instantiated!, instantiated is SessionReply.Unlinkable, text),
        _ => Of(instantiated!, instantiated is SessionReply.Trapped trapped && TrapTexts.Fits(text, trapped.Trap.Kind), text),
    };

    /// <summary>A call, or a read of a global.</summary>
    public static Verdict OfAction(Expectation expected, SessionReply reply) => expected switch
    {
        Expectation.Returns { Values: null } => Of(reply, reply is SessionReply.Returned, ""),
        Expectation.Returns { Values: { } values } => Of(reply, reply is SessionReply.Returned returned && Match(values, returned.Values), string.Join(' ', values)),
        Expectation.Traps traps => Of(reply, reply is SessionReply.Trapped trapped && TrapTexts.Fits(traps.Text, trapped.Trap.Kind), traps.Text),
        _ => Of(reply, reply is SessionReply.Trapped { Trap.Kind: TrapKind.Exception }, "exception"),
    };

    /// <summary>There is no binary to run.</summary>
    public static Verdict TextOnly => new(true, OutcomeKind.TextOnly, TrapKind.None) { Detail = "" };

    /// <summary>No verdict, because the engine itself failed.</summary>
    public static Verdict OfFailure(EngineFailure failure) => new(false, OutcomeKind.EngineFailed, TrapKind.None) { Detail = failure.ToString() };

    private static bool Match(ImmutableArray<ExpectedValue> expected, ImmutableArray<WasmValue> actual) =>
        expected.Length == actual.Length && expected.Zip(actual).All(pair => pair.First.Matches(pair.Second));

    private static Verdict Of(SessionReply reply, bool passed, string expected)
    {
        var (kind, trap, detail) = reply switch
        {
            SessionReply.Done => (OutcomeKind.Done, TrapKind.None, ""),
            SessionReply.Returned returned => (OutcomeKind.Returned, TrapKind.None, string.Join(' ', returned.Values)),
            SessionReply.Trapped trapped => (OutcomeKind.Trapped, trapped.Trap.Kind, trapped.Trap.Message),
            SessionReply.Invalid invalid => (OutcomeKind.Invalid, TrapKind.None, invalid.Message),
            SessionReply.Unlinkable unlinkable => (OutcomeKind.Unlinkable, TrapKind.None, unlinkable.Message),
            SessionReply.Unsupported unsupported => (OutcomeKind.Unsupported, TrapKind.None, unsupported.Message),
            SessionReply.Unknown unknown => (OutcomeKind.Unknown, TrapKind.None, unknown.Message),
            var other => (OutcomeKind.EngineFailed, TrapKind.None, other.ToString()!),
        };
        return new Verdict(passed, kind, trap) { Detail = $"expected [{expected}] got [{detail}]" };
    }

    /// <summary>A part of the state at the end of a script: an exported global or the beginning of an exported memory.</summary>
    public static string OfState(SessionReply reply) => reply switch
    {
        SessionReply.Data data => Convert.ToHexString(SHA256.HashData(data.Bytes.Span).AsSpan(0, 8)),
        SessionReply.Returned returned => string.Join(' ', returned.Values),
        _ => reply.GetType().Name,
    };
}
