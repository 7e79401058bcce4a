using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Mewe.Execution;

namespace Mewe.Grains;

/// <summary>
/// What an evaluation measured. As JSON it is a documented interface (README). Ratios compare with the original of the same round: 1.1 is a tenth slower.
/// </summary>
public sealed record EvaluationReport
{
    public required string ToolVersion { get; init; }

    /// <summary>What was typed, so that it can be typed again; empty where nobody typed anything.</summary>
    public required string Command { get; init; }

    /// <summary>The engine, with version, and its host.</summary>
    public required string Engine { get; init; }

    /// <summary>Processors that this process may use.</summary>
    public required int Processors { get; init; }

    public required ulong Seed { get; init; }

    public required int Nodes { get; init; }

    public required int Runs { get; init; }

    /// <summary>Most variants per function.</summary>
    public required int Variants { get; init; }

    public required int Rounds { get; init; }

    public required double WallSeconds { get; init; }

    /// <summary>In the order that was asked for; the first is shown in most detail.</summary>
    public required ImmutableArray<RecipeReport> Policies { get; init; }

    public required ImmutableArray<EndpointReport> Endpoints { get; init; }

    /// <summary>What a reader should know: modules that were left out, forms that could not be traced or timed.</summary>
    public required ImmutableArray<string> Notes { get; init; }

    /// <summary>UTF-8 JSON, indented, camelCase.</summary>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, EvaluationJsonContext.Default.EvaluationReport);
}

/// <summary>A way to link; <see cref="FormReport.Policy"/> names it.</summary>
public sealed record RecipeReport(string Name, string Description);

/// <summary>An endpoint.</summary>
public sealed record EndpointReport
{
    public required string Name { get; init; }

    public required string File { get; init; }

    /// <summary><c>reactor</c>: a run is a request to an instance that lives on; <c>command</c>: a run is a fresh instance; <c>calls</c>: a run is a list of calls of exports.</summary>
    public required string Form { get; init; }

    /// <summary>Functions that the original defines.</summary>
    public required int Functions { get; init; }

    /// <summary>Those of them that have variants.</summary>
    public required int Dispatchers { get; init; }

    /// <summary>The variants, originals not included.</summary>
    public required int Variants { get; init; }

    /// <summary>Those of them that are proved equal for all inputs; all are tested.</summary>
    public required int Proved { get; init; }

    /// <summary>How many of them have machine code of their own in the engine's optimizing tier.</summary>
    public required PreservationTotals Preservation { get; init; }

    /// <summary>Static paths in the original's call graph, see <see cref="CallGraph.CountPaths"/>; decimal digits.</summary>
    public required string OriginalPaths { get; init; }

    /// <summary>Static paths in the multivariant call graph, where every function with variants has a dispatcher and no call is bound: that of the policy <c>call</c>.</summary>
    public required string MultivariantPaths { get; init; }

    /// <summary>The original itself.</summary>
    public required FormReport Original { get; init; }

    /// <summary>The same variants linked with each policy.</summary>
    public required ImmutableArray<FormReport> Forms { get; init; }

    /// <summary>What the paper reports of the endpoint; null for modules that are not the paper's.</summary>
    public required PaperFigures? Paper { get; init; }
}

/// <summary>One form of an endpoint.</summary>
/// <param name="Policy">The policy; <c>original</c> for the original.</param>
/// <param name="Bytes">Size of the module.</param>
/// <param name="Traces">How different its executions are; null where it was not traced.</param>
/// <param name="Time">How long a run takes; null where it could not be timed.</param>
public sealed record FormReport(string Policy, int Bytes, TraceReport? Traces, TimeReport? Time);

/// <summary>The traces of a form, of all nodes.</summary>
/// <param name="MedianLength">Function entries in a run, functions without variants included.</param>
/// <param name="MedianChoices">Calls of functions with variants in a run: each ran one of them, chosen afresh or as the policy keeps it.</param>
/// <param name="Nodes">How many nodes, and <paramref name="Runs"/> on each.</param>
public sealed record TraceReport(TraceDiversity Diversity, double MedianLength, double MedianChoices, int Nodes, int Runs);

/// <summary>How long a run of a form takes.</summary>
/// <param name="Nanoseconds">One run, in the order of the rounds.</param>
/// <param name="MedianNanoseconds">Their median.</param>
/// <param name="Ratios">Each by the original's of the same round.</param>
/// <param name="RatioQuantiles">Of the ratios: minimum, 5 %, 25 %, median, 75 %, 95 %, maximum.</param>
/// <param name="MedianInterval">Holds the median of the ratios' distribution with a confidence of 95 %: low and high.</param>
/// <param name="Test">Two-sided Mann-Whitney test of the form's times against the original's; null for the original.</param>
public sealed record TimeReport(ImmutableArray<double> Nanoseconds, double MedianNanoseconds, ImmutableArray<double> Ratios, ImmutableArray<double> RatioQuantiles,
    ImmutableArray<double> MedianInterval, MannWhitney? Test)
{
    /// <summary>The shares of <see cref="RatioQuantiles"/>.</summary>
    [JsonIgnore]
    public static ImmutableArray<double> Shares { get; } = [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1];

    /// <summary>How much slower than the original: the median of the paired ratios.</summary>
    public double Slowdown => RatioQuantiles[3];

    /// <param name="nanoseconds">Of the form.</param>
    /// <param name="original">Of the original, in the same rounds.</param>
    /// <param name="isOriginal">Both are the same.</param>
    public static TimeReport Of(ImmutableArray<double> nanoseconds, ImmutableArray<double> original, bool isOriginal)
    {
        var ratios = new PairedRatios([.. nanoseconds.Zip(original, (own, other) => own / other)]);
        ImmutableArray<double> sorted = [.. ratios.Ratios.Order()];
        var (low, high) = ratios.MedianInterval();
        return new TimeReport(nanoseconds, Distribution.Median(nanoseconds), ratios.Ratios, [.. Shares.Select(share => Distribution.Quantile(sorted, share))], [low, high],
            isOriginal ? null : MannWhitney.Test(nanoseconds, original));
    }
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(EvaluationReport))]
internal sealed partial class EvaluationJsonContext : JsonSerializerContext;
