using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Mewe.Grains;

/// <summary>What a job did, for people (through the command line) and programs (as JSON).</summary>
public sealed record DiversifyReport
{
    public required string ToolVersion { get; init; }

    /// <summary>SHA-256 of the module that was given, lower-case hexadecimal.</summary>
    public required string SourceSha256 { get; init; }

    public required string ModuleSha256 { get; init; }

    public required int SourceBytes { get; init; }

    public required int ModuleBytes { get; init; }

    public required ulong Seed { get; init; }

    /// <summary>See <see cref="JobOptions.Canonical"/>.</summary>
    public required string Options { get; init; }

    /// <summary>Where the randomness comes from, as linked.</summary>
    public required string Randomness { get; init; }

    /// <summary>What the policy and the randomness protect against, and what not.</summary>
    public required ImmutableArray<string> Protection { get; init; }

    /// <summary>The engine that checked the variants, with version.</summary>
    public required string Engine { get; init; }

    public required TotalsReport Totals { get; init; }

    public required ProofsReport Proofs { get; init; }

    public required CheckReport Check { get; init; }

    /// <summary>What was measured to choose variants and dispatch.</summary>
    public required PlanBasis Plan { get; init; }

    public required PreservationTotals Preservation { get; init; }

    /// <summary>Things a user should know: sections that were dropped, a workload that could not be recorded.</summary>
    public required ImmutableArray<string> Notes { get; init; }

    /// <summary>One entry per defined function, by index in the original module.</summary>
    public required ImmutableArray<FunctionReport> Functions { get; init; }

    /// <summary>UTF-8 JSON, indented, camelCase.</summary>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, ReportJsonContext.Default.DiversifyReport);

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="MessageFormatException">It is no report of this release.</exception>
    public static DiversifyReport Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, ReportJsonContext.Default.DiversifyReport) ?? throw new MessageFormatException("null is no report");
        }
        catch (JsonException exception)
        {
            throw new MessageFormatException($"this is no report: {JsonProblem.Explain(exception)}");
        }
    }
}

/// <summary>Sums over all functions.</summary>
/// <param name="Eligible">Defined functions with eight or more instructions.</param>
/// <param name="EligibleWithEight">Those of them with eight or more variants.</param>
/// <param name="Tested">Candidates that were run against their original.</param>
/// <param name="Invalid">Candidates that did not validate: each is a defect of a transform. They are never tested or linked.</param>
/// <param name="CpuSeconds">Processor time of this process and the engine's, in seconds.</param>
public sealed record TotalsReport(int Functions, int Diversified, int Variants, int Eligible, int EligibleWithEight, long Proposed, long Tested, long Refuted,
    long Inconclusive, long Invalid, double CpuSeconds, double WallSeconds);

/// <summary>How the linked variants are known to be the same functions. Every one of them is tested; of most there is a proof beside that.</summary>
/// <param name="Solver">Who helped, with version; "none" where there is none.</param>
/// <param name="Linked">Variants in the module.</param>
/// <param name="TestedOnly">Those without a proof.</param>
/// <param name="ProvedShare">Of the linked ones, 0 to 1; 1 where there are none.</param>
/// <param name="NotProved">Why linked variants are tested only, by category, the most frequent first.</param>
/// <param name="Attempted">Proofs attempted, also of candidates that were not linked.</param>
/// <param name="AttemptedProved">Those that succeeded.</param>
/// <param name="AttemptedNotProved">Why the others did not; the share is of those attempted.</param>
/// <param name="LemmasAsked">Questions for the solver.</param>
/// <param name="LemmasKnown">Those whose answer was known, from this job or from the store.</param>
public sealed record ProofsReport(string Solver, int Linked, int Proved, int TestedOnly, double ProvedShare, ImmutableArray<CategoryReport> NotProved,
    long Attempted, long AttemptedProved, ImmutableArray<CategoryReport> AttemptedNotProved, long LemmasAsked, long LemmasKnown);

/// <summary>A reason for which variants are not proved.</summary>
/// <param name="Share">Of all, proved or not, 0 to 1.</param>
public sealed record CategoryReport(string Category, long Variants, double Share);

/// <summary>The final comparison of the linked module with the original.</summary>
/// <param name="Workload">The workload's description.</param>
/// <param name="Runs">Runs of the linked module, each under its own seed, that gave exactly the original's answer.</param>
public sealed record CheckReport(string Workload, int Runs);

/// <summary>How many variants stay variants in machine code. Where several engines show their code, one that any of them folds back is not counted as its own.</summary>
/// <param name="Known">Linked variants whose machine code is known.</param>
/// <param name="Own">Those of them whose code is neither the original's nor that of a sibling before them.</param>
/// <param name="ByTransform">The same for the variants in which a transform took part, by its name.</param>
/// <param name="ByEngine">The same for each engine alone, by its name.</param>
public sealed record PreservationTotals(int Known, int Own, double Share, ImmutableSortedDictionary<string, PreservedShare> ByTransform,
    ImmutableSortedDictionary<string, PreservedShare> ByEngine);

public sealed record PreservedShare(int Variants, int Own);

/// <summary>What became of one function.</summary>
/// <param name="Index">In the original module.</param>
/// <param name="Instructions">Of the original.</param>
/// <param name="Reason">Why it has fewer variants than asked for; null where it has as many.</param>
/// <param name="BranchCoverage">Share of its branch outcomes that the inputs reach, 0 to 1.</param>
/// <param name="MinimalDistance">Smallest distance between any two of the linked bodies, 0 to 1.</param>
public sealed record FunctionReport(uint Index, string Name, int Instructions, int Proposed, int Tested, int Inputs, double BranchCoverage, double MinimalDistance,
    string? Reason, ImmutableArray<VariantReport> Variants, ImmutableArray<RefutedReport> Refuted)
{
    /// <summary>What its calls get; null where it has no variants, or the policy says it for all.</summary>
    public DispatchReport? Dispatch { get; init; }
}

/// <param name="Transforms">In order, with the number of places: <c>commute*3</c>.</param>
/// <param name="Evidence"><c>proved</c> or <c>tested</c>; what is proved is tested as well.</param>
/// <param name="NotProved">The category of why it is not; null for one that is.</param>
/// <param name="Detail">More about that, for people.</param>
/// <param name="OwnMachineCode">Whether every engine's optimizing compiler makes other code of it than of the original and the variants before it; null where that is not known.</param>
public sealed record VariantReport(int Instructions, ImmutableArray<string> Transforms, string Evidence, string? NotProved, string? Detail, bool? OwnMachineCode)
{
    /// <summary>The engines on which it has code of its own; null where no code is known.</summary>
    public ImmutableArray<string>? OwnMachineCodeOn { get; init; }
}

/// <summary>A candidate that differs from its original. It is never linked, and means that a transform is wrong.</summary>
/// <param name="Counterexample">As the tester gives it; can be replayed.</param>
/// <param name="Engine">The engine on which it differed.</param>
public sealed record RefutedReport(ImmutableArray<string> Transforms, JsonElement Counterexample, string Engine);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(DiversifyReport))]
internal sealed partial class ReportJsonContext : JsonSerializerContext;
