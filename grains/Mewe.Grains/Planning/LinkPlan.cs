using System.Collections.Immutable;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Mewe.Linking;

namespace Mewe.Grains;

/// <summary>
/// What was decided by measuring: which of the checked candidates are linked, and how each function's calls are dispatched. With it the same module, options and seed give the same bytes on any
/// machine, and nothing is measured. A readable JSON file (<c>--save-plan</c>, <c>--plan</c>), and part of the multivariant module.
/// </summary>
/// <param name="Version">Of this format: <see cref="CurrentVersion"/>.</param>
/// <param name="Tool">The version of Mewe that made it: another one may propose other candidates.</param>
/// <param name="Source">SHA-256 of the original module, lower-case hexadecimal.</param>
/// <param name="Options">The job's options, in their canonical form.</param>
/// <param name="Basis">What the decisions rest on.</param>
/// <param name="Functions">Every function that was to be diversified and has candidates, in ascending order.</param>
public sealed record LinkPlan(int Version, string Tool, string Source, string Options, PlanBasis Basis, ImmutableArray<PlannedFunction> Functions)
{
    public const int CurrentVersion = 2;

    /// <summary>For people: indented.</summary>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, PlanJsonContext.Indented.LinkPlan);

    /// <summary>For the module: without spaces.</summary>
    public string ToCompactJson() => Encoding.UTF8.GetString(JsonSerializer.SerializeToUtf8Bytes(this, PlanJsonContext.Compact.LinkPlan));

    /// <exception cref="PlanFormatException">It is no plan; the message says what and where.</exception>
    public static LinkPlan Parse(ReadOnlySpan<byte> json)
    {
        LinkPlan? plan;
        try
        {
            plan = JsonSerializer.Deserialize(json, PlanJsonContext.Compact.LinkPlan);
        }
        catch (JsonException exception)
        {
            throw new PlanFormatException($"this is no plan: {JsonProblem.Explain(exception)}");
        }

        return plan is null || plan.Functions.IsDefault || plan.Functions.Any(function => function is null || function.Variants.IsDefault) ? throw new PlanFormatException("this is no plan: parts of it are missing")
            : plan.Version != CurrentVersion ? throw new PlanFormatException($"this is a plan of version {plan.Version}; this release reads version {CurrentVersion}")
            : plan;
    }

    public bool Equals(LinkPlan? other) => other is not null && ToCompactJson() == other.ToCompactJson();

    public override int GetHashCode() => HashCode.Combine(Source, Options, Functions.Length);
}

/// <summary>What the decisions of a plan rest on.</summary>
/// <param name="Profile"><c>measured</c> on the workload, <c>static</c> estimates, or <c>none</c> where the policy needs none.</param>
/// <param name="Engine">The engine whose machine code and times were looked at.</param>
/// <param name="Workload">Its description; null where there was none.</param>
/// <param name="Nanoseconds">Of the original per request of the workload; null where nothing was timed.</param>
/// <param name="Slowdown">Of the multivariant module with this plan: the median of paired ratios; null where nothing was timed.</param>
/// <param name="SlowdownLow">Lower end of that median's 95 % confidence interval.</param>
/// <param name="SlowdownHigh">Upper end.</param>
/// <param name="WithinBudget">Whether the budget holds; null where nothing was timed.</param>
public sealed record PlanBasis(string Profile, string Engine, string? Workload = null, double? Nanoseconds = null, double? Slowdown = null, double? SlowdownLow = null, double? SlowdownHigh = null,
    bool? WithinBudget = null);

/// <summary>What was decided for a function.</summary>
/// <param name="Function">Index in the original module.</param>
/// <param name="Dispatch">How calls through its index choose; null where the policy says it for all functions.</param>
/// <param name="Period">For <c>periodic</c>.</param>
/// <param name="Form"><c>branchTable</c>, <c>binarySearch</c> or <c>inlined</c>; null for the first.</param>
/// <param name="Bound">Whether direct calls from diversified functions are bound to variants.</param>
/// <param name="Calls">Per request, by profile or estimate.</param>
/// <param name="Variants">Which candidates, by their number among those that passed the checks; choice 1, 2, ...</param>
/// <param name="Slower">Candidates that were left out because they are slower than the original by more than the bound.</param>
public sealed record PlannedFunction(uint Function, DispatchMode? Dispatch, uint? Period, DispatchForm? Form, bool? Bound, double? Calls, ImmutableArray<int> Variants, int? Slower = null)
{
    /// <summary>Functions whose bodies stand in the place of direct calls to them here; null for none.</summary>
    public ImmutableArray<uint>? Inlines { get; init; }

    /// <summary>As the linker takes it; null where the policy decides all of it. Where the policy says when to choose, there may be a form, and whether calls are bound.</summary>
    [JsonIgnore]
    public FunctionDispatch? LinkedDispatch =>
        Dispatch is null && Form is null && Bound is null ? null
            : new FunctionDispatch(Dispatch ?? DispatchMode.Call) { Period = Period ?? 0, Form = Form ?? DispatchForm.BranchTable, Bound = Bound ?? false };

    /// <summary>The same with another dispatch.</summary>
    public PlannedFunction With(FunctionDispatch dispatch, double calls) => this with
    {
        Dispatch = dispatch.Mode,
        Period = dispatch.Period == 0 ? null : dispatch.Period,
        Form = dispatch.Form == DispatchForm.BranchTable ? null : dispatch.Form,
        Bound = dispatch.Bound ? true : null,
        Calls = Math.Round(calls, 3),
    };
}

/// <summary>A plan that cannot be used, and why.</summary>
public sealed class PlanFormatException(string message) : Exception(message);

[JsonSourceGenerationOptions]
[JsonSerializable(typeof(LinkPlan))]
internal sealed partial class PlanJsonContext : JsonSerializerContext
{
    private static readonly Lazy<PlanJsonContext> CompactForm = new(() => new PlanJsonContext(Format(indented: false)));
    private static readonly Lazy<PlanJsonContext> IndentedForm = new(() => new PlanJsonContext(Format(indented: true)));

    public static PlanJsonContext Compact => CompactForm.Value;

    public static PlanJsonContext Indented => IndentedForm.Value;

    private static JsonSerializerOptions Format(bool indented) => new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        WriteIndented = indented,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter<DispatchMode>(JsonNamingPolicy.CamelCase), new JsonStringEnumConverter<DispatchForm>(JsonNamingPolicy.CamelCase) },
    };
}
