using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Mewe.Diversify.Synthesis;
using Mewe.Linking;

namespace Mewe.Grains;

/// <summary>What the user asks of a job. Everything here decides the result; what does not (threads, output, progress) is elsewhere.</summary>
public sealed record JobOptions
{
    public const int MaxVariants = 64;

    public const double DefaultSlowdown = 1.10;

    /// <summary>Most variants per function, 1 to <see cref="MaxVariants"/>.</summary>
    public int Variants { get; init; } = 16;

    public ulong Seed { get; init; }

    public DispatchPolicy Policy { get; init; } = DispatchPolicy.Auto;

    /// <summary>For <see cref="DispatchPolicy.Auto"/>: how much longer a request may take, at least 1; see <see cref="SlowdownBudget"/>.</summary>
    public double Slowdown { get; init; } = DefaultSlowdown;

    /// <summary>Most bytes of the multivariant module; null for no limit of its own.</summary>
    public long? SizeBudget { get; init; }

    public GeneratorKind Generator { get; init; } = GeneratorKind.Fast;

    public RandomnessMode Randomness { get; init; } = RandomnessMode.Auto;

    /// <summary>Regular expression on function names: only those that match are diversified; null for all.</summary>
    public string? Functions { get; init; }

    /// <summary>Regular expression on function names: those that match are left alone.</summary>
    public string? Exclude { get; init; }

    /// <summary>Work that the diversifier may do per function, in instructions looked at; null for its default.</summary>
    public long? Fuel { get; init; }

    /// <summary>What a linked variant must have.</summary>
    public RequiredEvidence Evidence { get; init; } = RequiredEvidence.Tested;

    /// <summary>Rules beyond the built-in ones. They decide which candidates there are, so the set is recorded, by its digest.</summary>
    public LearnedRules Learned { get; init; } = LearnedRules.None;

    /// <summary>
    /// The options as the multivariant module records them: one line, always the same for the same options.
    /// </summary>
    public string Canonical()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"variants={Variants} policy={Policy.ToString().ToLowerInvariant()} randomness={Randomness.ToString().ToLowerInvariant()}");
        if (Policy == DispatchPolicy.Auto)
        {
            text.Append(CultureInfo.InvariantCulture, $" slowdown={Slowdown:0.####}");
        }

        if (SizeBudget is { } size)
        {
            text.Append(CultureInfo.InvariantCulture, $" size-budget={size}");
        }

        if (Generator != GeneratorKind.Fast)
        {
            text.Append(CultureInfo.InvariantCulture, $" generator={Generator.ToString().ToLowerInvariant()}");
        }

        if (Functions is not null)
        {
            text.Append(CultureInfo.InvariantCulture, $" functions={Quoted(Functions)}");
        }

        if (Exclude is not null)
        {
            text.Append(CultureInfo.InvariantCulture, $" exclude={Quoted(Exclude)}");
        }

        if (Fuel is { } fuel)
        {
            text.Append(CultureInfo.InvariantCulture, $" fuel={fuel}");
        }

        if (Evidence != RequiredEvidence.Tested)
        {
            text.Append(CultureInfo.InvariantCulture, $" evidence={Evidence.ToString().ToLowerInvariant()}");
        }

        if (!Learned.Rules.IsEmpty)
        {
            text.Append(CultureInfo.InvariantCulture, $" rules=learned:{Learned.Hash}");
        }

        return text.ToString();
    }

    /// <summary>As a JSON string, so that no pattern can break the line or look like another option.</summary>
    private static string Quoted(string text) => $"\"{JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";
}

/// <summary>A module to make multivariant.</summary>
/// <param name="Workload">How the module is used; null for <see cref="WorkloadFile.Default"/>.</param>
/// <param name="Plan">What was decided before, to be done again; null to measure and decide.</param>
public sealed record JobRequest(ReadOnlyMemory<byte> Module, JobOptions Options, WorkloadFile? Workload, LinkPlan? Plan = null);

/// <summary>Why a job ended without a module.</summary>
public enum JobFailureKind
{
    /// <summary>The input is malformed, invalid, unsupported or multivariant already.</summary>
    BadModule,

    /// <summary>The options do not fit the module (a function pattern that matches nothing, a randomness that cannot be had).</summary>
    BadOptions,

    /// <summary>The engine is missing or failed.</summary>
    EngineFailed,

    /// <summary>The plan was made for another module, with other options or by another version.</summary>
    BadPlan,

    /// <summary>The linked module did not pass a final check: a defect of Mewe. Nothing is handed over.</summary>
    CheckFailed,

    /// <summary>A step ended in an exception: a defect of Mewe.</summary>
    Defect,

    /// <summary>What the store has of the job cannot be used by this build.</summary>
    Unusable,

    /// <summary>The silos that worked on it died, again and again.</summary>
    SiloDied,

    /// <summary>Somebody cancelled it.</summary>
    Cancelled,
}

/// <summary>Why a job ended without a module, in one line.</summary>
public sealed record JobFailure(JobFailureKind Kind, string Message)
{
    /// <summary>The failure that a store keeps as an error.</summary>
    public static JobFailure Of(Store.WorkError error) => new(Enum.TryParse<JobFailureKind>(error.Kind, out var kind) && Enum.IsDefined(kind) ? kind : JobFailureKind.Defect, error.Message);
}

/// <summary>How a job ended: a module and its report, or a failure.</summary>
public sealed record JobResult(byte[]? Module, DiversifyReport? Report, JobFailure? Failure)
{
    /// <summary>What was decided, to be saved; null for a failure.</summary>
    public LinkPlan? Plan { get; init; }

    public static JobResult Failed(JobFailureKind kind, string message) => new(null, null, new JobFailure(kind, message));
}

/// <summary>Where a job is.</summary>
public enum JobPhase
{
    Planning,
    Recording,
    Running,
    Measuring,
    Linking,
    Checking,
    Completed,
}

/// <summary>Progress of a job: counts so far.</summary>
public readonly record struct JobProgress(JobPhase Phase, int FunctionsDone, int FunctionsTotal, long CandidatesTested, long Variants, long Refuted);
