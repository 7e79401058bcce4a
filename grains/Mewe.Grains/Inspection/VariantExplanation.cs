using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Mewe.Diversify;
using Mewe.Diversify.Rules;
using Mewe.Equivalence.Proof;
using Mewe.Equivalence.Proof.Rules;
using Mewe.Equivalence.Proof.Solving;
using Mewe.Linking;

namespace Mewe.Grains;

/// <summary>
/// What <c>mewe explain</c> says of a variant: how it came about, and how it is known to be the same function. The steps are what the generator said that it did; the evidence of the
/// variant does not rest on them.
/// </summary>
/// <param name="Function">Index of the dispatcher in the file.</param>
/// <param name="Variant">From 1.</param>
/// <param name="Index">Of the variant's body in the file.</param>
public sealed record VariantExplanation(uint Function, string Name, int Variant, uint Index, ImmutableArray<ExplainedStep> Steps, ExplainedEvidence Evidence)
{
    /// <summary>UTF-8 JSON, indented, camelCase.</summary>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, ExplanationJsonContext.Default.VariantExplanation);

    /// <summary>Explains a variant from the file's provenance alone; each rule is proved on the spot.</summary>
    public static VariantExplanation Of(MultivariantFunction function, int variant, string name, ISolver? solver)
    {
        var described = function.Variants[variant - 1];
        var rules = new Dictionary<string, ExplainedRule>(StringComparer.Ordinal);
        var steps = described.Steps.Select(step => new ExplainedStep(NameOf(step.Transform), SitesOf(step.Transform), [.. step.Rules.Select(Explained)])).ToImmutableArray();
        var evidence = described.Evidence;
        return new VariantExplanation(function.Index, name, variant, described.Index, steps,
            new ExplainedEvidence(evidence.Kind.Word(), evidence.NotProved, (int)evidence.Inputs, (int)evidence.Inconclusive,
                evidence.Branches == 0 ? 1 : Math.Round((double)evidence.BranchesCovered / evidence.Branches, 4), null));

        ExplainedRule Explained(string rule)
        {
            if (!rules.TryGetValue(rule, out var known))
            {
                rules.Add(rule, known = ExplainedRule.Of(rule, solver));
            }

            return known;
        }
    }

    /// <summary>Proves the variant from the two files.</summary>
    public async Task<VariantExplanation> ProvedAgainAsync(FunctionInput original, VariantCode code, ISolver? solver, CancellationToken cancellationToken)
    {
        var (lemmas, _) = await JobLemmas.LoadAsync(null, solver, cancellationToken);
        using var prover = new Prover(1, solver, lemmas);
        var functionProver = prover.Of(original);
        var results = await functionProver.ProveAgainAsync([code], cancellationToken);
        var (open, proved) = (results[0] as NotProved, results[0] as ProvedEqual);
        var again = new ExplainedProof(proved is not null, open?.Category, open?.Reason, proved?.Nodes, proved?.Questions ?? (int)functionProver.LemmasAsked, Prover.NameOf(solver));
        return this with { Evidence = Evidence with { Again = again } };
    }

    private static string NameOf(string transform) => transform.Split('*')[0];

    private static int SitesOf(string transform) => transform.IndexOf('*') is var at and > 0 && int.TryParse(transform.AsSpan(at + 1), out var sites) ? sites : 1;
}

/// <param name="Sites">Places to which the transform was applied in this step.</param>
public sealed record ExplainedStep(string Transform, int Sites, ImmutableArray<ExplainedRule> Rules);

/// <summary>A rule that a step rests on, in either direction.</summary>
/// <param name="Rule"><c>file/rule@width</c>; the file of a learned rule is <c>learned</c>.</param>
/// <param name="Text">The rule as its file has it, or for a learned one the module; null where this build has no such rule.</param>
/// <param name="Proved">Whether it was proved just now.</param>
/// <param name="Method">How, or null.</param>
/// <param name="Width">In bits, of the values for which it was proved.</param>
/// <param name="Proof">One sentence.</param>
public sealed record ExplainedRule(string Rule, string? Text, bool Proved, string? Method, int? Width, string Proof)
{
    private const string LearnedPrefix = TransformCatalog.LearnedFile + "/";

    private static readonly Lazy<Dictionary<string, Rule>> Known = new(() =>
    {
        var rules = new Dictionary<string, Rule>(StringComparer.Ordinal);
        foreach (var (file, content) in TransformCatalog.RuleFiles)
        {
            foreach (var rule in content)
            {
                rules.TryAdd(rule.NameIn(file), rule);
            }
        }

        return rules;
    });

    /// <summary>Looks a rule up and proves it.</summary>
    public static ExplainedRule Of(string name, ISolver? solver)
    {
        if (name.StartsWith(LearnedPrefix, StringComparison.Ordinal))
        {
            return OfLearned(name[LearnedPrefix.Length..], solver);
        }

        return Known.Value.TryGetValue(name, out var rule) ? Of(name, rule, solver)
            : new ExplainedRule(name, null, false, null, null, "this build has no such rule, so it cannot be proved here; the variant's own evidence does not rest on it");
    }

    /// <summary>A learned rule stands in the module with its whole line: it is read from there and proved, whatever store it came from.</summary>
    private static ExplainedRule OfLearned(string line, ISolver? solver)
    {
        var name = LearnedPrefix + line.Split(':')[0];
        try
        {
            return RuleParser.Parse(line) is [var rule] ? Of(name, rule, solver) : Unreadable();
        }
        catch (FormatException)
        {
            return Unreadable();
        }

        ExplainedRule Unreadable() => new(name, line, false, null, null, "not a rule that this build can read; the variant's own evidence does not rest on it");
    }

    private static ExplainedRule Of(string name, Rule rule, ISolver? solver)
    {
        var text = rule.Source.Trim();
        if (solver is null)
        {
            return new ExplainedRule(name, text, false, null, null, $"not proved here: {Z3Solver.MissingReason ?? "there is no solver"}");
        }

        var result = RuleProof.Prove(rule, solver);
        return result is RuleProofResult.Proved proved
            ? new ExplainedRule(name, text, true, proved.Method.ToString(), proved.Width, result.Describe())
            : new ExplainedRule(name, text, false, null, null, result.Describe());
    }
}

/// <summary>What is recorded of how a variant was checked, and what came of checking it again.</summary>
/// <param name="Kind"><c>proved</c> (and tested) or <c>tested</c>.</param>
/// <param name="NotProved">Why it is not proved, as the checker names it; null for one that is.</param>
/// <param name="Inputs">On which original and variant were run and compared.</param>
/// <param name="Inconclusive">Those of them that could not be compared.</param>
/// <param name="BranchCoverage">Share of the original's branch outcomes that they reach, 0 to 1.</param>
/// <param name="Again">Null where the original module was not given.</param>
public sealed record ExplainedEvidence(string Kind, string? NotProved, int Inputs, int Inconclusive, double BranchCoverage, ExplainedProof? Again);

/// <summary>A proof that was attempted just now, from the two files.</summary>
/// <param name="Category">Why not; null where it is proved.</param>
/// <param name="Nodes">Pairs of places in the two bodies that the proof goes through; null where it was not found.</param>
/// <param name="Questions">For the solver; what the normal form of terms settles needs none.</param>
public sealed record ExplainedProof(bool Proved, string? Category, string? Reason, int? Nodes, int Questions, string Solver);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(VariantExplanation))]
internal sealed partial class ExplanationJsonContext : JsonSerializerContext;
