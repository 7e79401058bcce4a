using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Mewe.Diversify.Synthesis;
using Mewe.Linking;

namespace Mewe.Grains;

/// <summary>What is asked of a job, beside its module, workload and plan: as it is submitted and stored.</summary>
public sealed record JobSpecification
{
    public const int CurrentVersion = 1;

    /// <summary>Of this format.</summary>
    public int Version { get; init; } = CurrentVersion;

    public required JobOptions Options { get; init; }

    /// <summary>Which engines run the candidates: <c>v8</c>, <c>wasmtime</c>, <c>both</c>; null for all that the silo has.</summary>
    public string? Engine { get; init; }

    /// <summary>The engine that the module is made for; null for V8 where it is there.</summary>
    public string? Target { get; init; }

    /// <summary>The build and the machine that a local job belongs to, so that only the same one goes on with it; null in a cluster.</summary>
    public string? Local { get; init; }

    /// <summary>The same text for the same specification.</summary>
    public string ToJson() => JsonSerializer.Serialize(
        new SpecificationJson(Version, Engine, Target, Local, Options.Variants, Options.Seed, Options.Policy, Options.Slowdown, Options.SizeBudget, Options.Generator, Options.Randomness,
            Options.Functions, Options.Exclude, Options.Fuel, Options.Evidence, Options.Learned.Lines.IsEmpty ? null : [.. Options.Learned.Lines]),
        SpecificationJsonContext.Form.SpecificationJson);

    /// <summary>Reads one; what is left out has the value that it has where a user leaves out the option.</summary>
    /// <exception cref="MessageFormatException">It is none, or one that no job can have; the message says what and where.</exception>
    public static JobSpecification Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            var read = JsonSerializer.Deserialize(json, SpecificationJsonContext.Form.SpecificationJson) ?? throw new MessageFormatException("null is no specification of a job");
            var usual = new JobOptions();
            var specification = new JobSpecification
            {
                Version = read.Version ?? CurrentVersion,
                Engine = read.Engine,
                Target = read.Target,
                Local = read.Local,
                Options = new JobOptions
                {
                    Variants = read.Variants ?? usual.Variants,
                    Seed = read.Seed ?? usual.Seed,
                    Policy = read.Policy ?? usual.Policy,
                    Slowdown = read.Slowdown ?? usual.Slowdown,
                    SizeBudget = read.SizeBudget,
                    Generator = read.Generator ?? usual.Generator,
                    Randomness = read.Randomness ?? usual.Randomness,
                    Functions = read.Functions,
                    Exclude = read.Exclude,
                    Fuel = read.Fuel,
                    Evidence = read.Evidence ?? usual.Evidence,
                    Learned = LearnedRules.Of(read.LearnedRules?.Select(line => line ?? throw new MessageFormatException("a learned rule is null")) ?? []),
                },
            };
            return specification.WhyNot() is { } why ? throw new MessageFormatException(why) : specification;
        }
        catch (JsonException exception)
        {
            throw new MessageFormatException(JsonProblem.Explain(exception));
        }
        catch (FormatException exception)
        {
            throw new MessageFormatException($"a learned rule is none: {exception.Message}");
        }
    }

    /// <summary>What is wrong with it; null for nothing.</summary>
    public string? WhyNot() =>
        Version != CurrentVersion ? $"this is a specification of version {Version}; this release reads version {CurrentVersion}"
        : Options.Variants is < 1 or > JobOptions.MaxVariants ? $"variants is 1 to {JobOptions.MaxVariants}"
        : Options.Slowdown is not (>= 1 and <= 1000) ? "slowdown is 1 to 1000, such as 1.10"
        : Options.SizeBudget is < 1 ? "sizeBudget is at least 1"
        : Options.Fuel is < 1 ? "fuel is at least 1"
        : Options.Policy is not (DispatchPolicy.Auto or DispatchPolicy.Call or DispatchPolicy.Entry or DispatchPolicy.Instance) ? "policy is auto, call, entry or instance"
        : Options.Randomness is not (RandomnessMode.Auto or RandomnessMode.Wasi or RandomnessMode.Export or RandomnessMode.Import) ? "randomness is auto, wasi, export or import"
        : Engine is not (null or "v8" or "wasmtime" or "both") ? "engine is v8, wasmtime or both"
        : Target is not (null or "v8" or "wasmtime") ? "target is v8 or wasmtime"
        : Engine is not (null or "both") && Target is not null && Engine != Target ? $"target {Target} needs that engine, and engine {Engine} leaves it out"
        : null;
}

/// <summary>The JSON form: flat, as the options of the command line are.</summary>
internal sealed record SpecificationJson(int? Version, string? Engine, string? Target, string? Local, int? Variants, ulong? Seed, DispatchPolicy? Policy, double? Slowdown, long? SizeBudget, GeneratorKind? Generator,
    RandomnessMode? Randomness, string? Functions, string? Exclude, long? Fuel, RequiredEvidence? Evidence, string?[]? LearnedRules);

[JsonSourceGenerationOptions]
[JsonSerializable(typeof(SpecificationJson))]
internal sealed partial class SpecificationJsonContext : JsonSerializerContext
{
    private static readonly Lazy<SpecificationJsonContext> Made = new(() => new SpecificationJsonContext(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters =
        {
            new JsonStringEnumConverter<DispatchPolicy>(JsonNamingPolicy.CamelCase, allowIntegerValues: false),
            new JsonStringEnumConverter<GeneratorKind>(JsonNamingPolicy.CamelCase, allowIntegerValues: false),
            new JsonStringEnumConverter<RandomnessMode>(JsonNamingPolicy.CamelCase, allowIntegerValues: false),
            new JsonStringEnumConverter<RequiredEvidence>(JsonNamingPolicy.CamelCase, allowIntegerValues: false),
        },
    }));

    public static SpecificationJsonContext Form => Made.Value;
}
