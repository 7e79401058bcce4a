using System.Collections.Immutable;
using Mewe.Diversify;
using Mewe.Equivalence;
using Mewe.Linking;
using Mewe.Wasm;

namespace Mewe.Grains;

/// <summary>What is decided before the work on functions starts: the module, its names, which functions, and what they were seen to be called with.</summary>
public sealed record JobPlan(JobRequest Request, WasmModule Module, ModuleFacts Facts, FunctionNames Names, WorkloadFile Workload, RecordedInputs Recorded)
{
    /// <summary>The engines that accept the module.</summary>
    public required JobEngines Engines { get; init; }

    /// <summary>Functions to diversify, in ascending order.</summary>
    public required ImmutableArray<uint> Functions { get; init; }

    /// <summary>For each defined function that is left alone, why.</summary>
    public required ImmutableSortedDictionary<uint, string> LeftAlone { get; init; }

    /// <summary>Functions in which much of the time is spent (<see cref="HotFunctions"/>): their candidates are lean, for most others would be too slow to be linked.</summary>
    public required ImmutableSortedSet<uint> Hot { get; init; }

    /// <summary>What a user should know about the plan.</summary>
    public required ImmutableArray<string> Notes { get; init; }

    /// <summary>
    /// What the multivariant module records: the options, and that there was no solver where there was none, since fewer variants are proved then and others may be chosen.
    /// </summary>
    public required string RecordedOptions { get; init; }

    /// <summary>Proposes the candidates, with the rules that the options name.</summary>
    public Diversifier Diversifier { get; } = Diversifier.With(Request.Options.Learned);

    /// <summary>True for a module that a host runs by calling <c>_start</c>.</summary>
    internal static bool IsCommand(WasmModule module) => module.Exports.Any(export => export is { Name: "_start", Kind: ExternKind.Function });

    /// <summary>The same with one more thing that a user should know; null for none.</summary>
    internal JobPlan Noting(string? note) => note is null ? this : this with { Notes = Notes.Add(note) };

    /// <summary>What the options say to the linker.</summary>
    internal LinkOptions LinkOptions => new()
    {
        Policy = Request.Options.Policy,
        Randomness = Request.Options.Randomness,
        Generator = Request.Options.Generator,
        Seed = Request.Options.Seed,
        ToolVersion = ToolVersion.Text,
        RecordedOptions = RecordedOptions,
    };

    /// <summary>How candidates of a function are proposed.</summary>
    public DiversifyOptions DiversifyOptionsOf(uint function)
    {
        var options = new DiversifyOptions { Seed = Request.Options.Seed };
        options = Hot.Contains(function) ? options.Lean : options;
        return Request.Options.Fuel is { } fuel ? options with { Fuel = fuel } : options;
    }
}
