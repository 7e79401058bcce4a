using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Mewe.Execution;

namespace Mewe.Grains;

/// <summary>
/// What an evaluation measured. As JSON it is a documented interface (README). Ratios compare with the original of the same round: 1.1 is a tenth slower.
/// </summary>
/// <param name="Command">What was typed, so that it can be typed again; empty where nobody typed anything.</param>
/// <param name="Engine">The engine, with version, and its host.</param>
/// <param name="Processors">Processors that this process may use.</param>
/// <param name="Notes">What a reader should know: modules that were left out, workloads that could not be run.</param>
public sealed record EvaluationReport(string ToolVersion, string Command, string Engine, int Processors, ulong Seed, int Nodes, int Runs, int Variants, int Rounds, double WallSeconds,
    ImmutableArray<RecipeReport> Policies, ImmutableArray<EndpointReport> Endpoints, ImmutableArray<string> Notes)
{
    /// <summary>UTF-8 JSON, indented, camelCase.</summary>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, EvaluationJsonContext.Default.EvaluationReport);
}

/// <summary>A way to link; <see cref="FormReport.Policy"/> names it.</summary>
public sealed record RecipeReport(string Name, string Description);

/// <summary>An endpoint.</summary>
/// <param name="Form"><c>reactor</c>: a run is a request to an instance that lives on; <c>command</c>: a run is a fresh instance; <c>calls</c>: a run is a list of calls of exports.</param>
/// <param name="Functions">Functions that the original defines.</param>
/// <param name="Dispatchers">Those of them that have variants.</param>
/// <param name="Variants">The variants, originals not included.</param>
/// <param name="Proved">Those of them that are proved equal for all inputs; all are tested.</param>
/// <param name="OriginalPaths">Static paths in the original's call graph, see <see cref="CallGraph.CountPaths"/>; decimal digits.</param>
/// <param name="MultivariantPaths">Static paths in the multivariant call graph.</param>
/// <param name="Original">The original itself.</param>
/// <param name="Forms">The same variants linked with each policy.</param>
/// <param name="Paper">What the paper reports of the endpoint; null for modules that are not the paper's.</param>
public sealed record EndpointReport(string Name, string File, string Form, int Functions, int Dispatchers, int Variants, int Proved, string OriginalPaths, string MultivariantPaths,
    FormReport Original, ImmutableArray<FormReport> Forms, PaperFigures? Paper);

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
