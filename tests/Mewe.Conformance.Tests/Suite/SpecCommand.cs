using System.Collections.Immutable;
using Mewe.Execution;

namespace Mewe.Conformance.Tests.Suite;

/// <summary>A command of a script. Module files are named relative to the script.</summary>
public abstract record SpecCommand
{
    private SpecCommand()
    {
    }

    /// <summary>Line in the suite's source.</summary>
    public required int Line { get; init; }

    /// <summary>Whether it asserts something; the others only prepare.</summary>
    public bool Asserts { get; init; }

    /// <summary>Instantiates a module, which becomes the current one.</summary>
    public sealed record Module(string? Name, string File) : SpecCommand;

    /// <summary>Compiles a module and does not instantiate it.</summary>
    public sealed record Definition(string? Name, string File) : SpecCommand;

    /// <summary>Instantiates a definition, which becomes the current module.</summary>
    public sealed record Instance(string? Name, string? Of) : SpecCommand;

    /// <summary>Makes exports importable.</summary>
    public sealed record Register(string As, string? Of) : SpecCommand;

    /// <summary>Calls a function or reads a global.</summary>
    public sealed record Act(SpecAction Action, Expectation Expected) : SpecCommand;

    /// <summary>A module with a fault. Without a file it has no binary form: it is a matter of the text format.</summary>
    public sealed record Reject(string? File, ModuleFault Fault, string Text) : SpecCommand;
}

/// <summary>Calls a function or reads a global of a module; of the current one where <paramref name="Module"/> is null.</summary>
public sealed record SpecAction(bool Get, string? Module, string Field, ImmutableArray<WasmValue> Arguments);

/// <summary>What is wrong with a module.</summary>
public enum ModuleFault
{
    Malformed,
    Invalid,
    Unlinkable,
    Uninstantiable,
}

/// <summary>How an action is to end.</summary>
public abstract record Expectation
{
    /// <summary>With these results; with any where null.</summary>
    public sealed record Returns(ImmutableArray<ExpectedValue>? Values) : Expectation;

    /// <summary>With a trap, described in the specification's words.</summary>
    public sealed record Traps(string Text) : Expectation;

    /// <summary>With an exception that nobody catches.</summary>
    public sealed record Throws : Expectation;
}

/// <summary>Which not-a-numbers are meant.</summary>
public enum NanKind
{
    None,

    /// <summary>Only the top bit of the payload is set; the sign is free.</summary>
    Canonical,

    /// <summary>At least the top bit of the payload is set.</summary>
    Arithmetic,
}

/// <summary>A lane of an expected vector: these bits, or a not-a-number.</summary>
public readonly record struct ExpectedLane(ulong Bits, NanKind Nan);
