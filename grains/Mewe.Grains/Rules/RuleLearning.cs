using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Mewe.Diversify;
using Mewe.Diversify.Rules;
using Mewe.Diversify.Synthesis;
using Mewe.Equivalence.Proof.Solving;
using Mewe.Store;
using Mewe.Wasm;
using StoredRule = Mewe.Store.LearnedRule;

namespace Mewe.Grains;

/// <summary>What to learn from. What is learned is a function of this, the module and the rules that are known already.</summary>
public sealed record LearningOptions
{
    /// <summary>Most expressions that can be asked for.</summary>
    public const int MaxExpressions = 4096;

    /// <summary>Regular expression on function names: only expressions of those that match; null for all.</summary>
    public string? Functions { get; init; }

    /// <summary>Expressions that are looked at, the most frequent first; 1 to <see cref="MaxExpressions"/>.</summary>
    public int Expressions { get; init; } = 64;
}

/// <summary>Where learning is.</summary>
/// <param name="Done">Expressions looked at.</param>
/// <param name="Rules">Proved so far.</param>
public readonly record struct LearningProgress(int Done, int Total, int Rules);

/// <summary>What was learned.</summary>
/// <param name="Expressions">Looked at.</param>
/// <param name="Candidates">Right sides that behaved like their expression on the test inputs.</param>
/// <param name="Implied">Of these, dropped since rules that are known give them.</param>
/// <param name="Refuted">Of these, wrong for some input, which the proof found.</param>
/// <param name="Undecided">Of these, neither proved nor refuted, and dropped.</param>
/// <param name="Rules">New ones, all proved.</param>
/// <param name="InStore">Rules that the store has now, proved by this build and this solver.</param>
/// <param name="Digest">Of these: what a module made with <c>--rules learned</c> records.</param>
public sealed record LearningReport(int Expressions, int Candidates, int Implied, int Refuted, int Undecided,
    ImmutableArray<LearnedRuleReport> Rules, int InStore, string Digest, string Solver)
{
    /// <summary>UTF-8 JSON, indented, camelCase.</summary>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, LearningJsonContext.Default.LearningReport);
}

/// <param name="Rule">The line, in the syntax of rule files.</param>
/// <param name="Proof">How it was proved for all values.</param>
/// <param name="Origin">The expression of the module that it was found for.</param>
public sealed record LearnedRuleReport(string Rule, int Width, string Proof, string Origin);

/// <summary>What came of learning: a report, or why there is none.</summary>
public sealed record LearningResult(LearningReport? Report, string? BadOptions, StoreProblem? Problem);

/// <summary>
/// Learns rules from the expressions of a module and keeps them in a store: synthesis proposes, a proof for all values decides. A rule belongs to the build and the solver that proved it, as lemmas do.
/// </summary>
public sealed class RuleLearning(ILearnedRuleStore store, ISolver solver)
{
    /// <summary>The rules of a store that this build and this solver proved.</summary>
    public static async Task<StoreAnswer<LearnedRules>> LoadAsync(ILearnedRuleStore store, ISolver solver, CancellationToken cancellationToken)
    {
        var answer = await store.GetLearnedRulesAsync(JobLemmas.VersionOf(solver), cancellationToken);
        if (!answer.TryGet(out var stored))
        {
            return answer.Problem!;
        }

        try
        {
            return StoreAnswer<LearnedRules>.Of(LearnedRules.Of(stored.Select(rule => rule.Text)));
        }
        catch (FormatException exception)
        {
            return new StoreProblem(StoreProblemKind.Corrupt, $"the store has a learned rule that is none: {exception.Message}; delete the store, and learn again");
        }
    }

    /// <summary>Learns and keeps; all rules of a run are kept, or none.</summary>
    public async Task<LearningResult> RunAsync(WasmModule module, LearningOptions options, IProgress<LearningProgress>? progress, CancellationToken cancellationToken)
    {
        var facts = new ModuleFacts(module);
        var (expressions, badOptions) = Census(facts, options);
        if (badOptions is not null)
        {
            return new LearningResult(null, badOptions, null);
        }

        var known = await LoadAsync(store, solver, cancellationToken);
        if (!known.TryGet(out var earlier))
        {
            return new LearningResult(null, null, known.Problem);
        }

        var result = await Task.Run(() => Learn(expressions, earlier, options, progress, cancellationToken), cancellationToken);
        var version = JobLemmas.VersionOf(solver);
        var put = await store.PutLearnedRulesAsync([.. result.Rules.Select(rule => new StoredRule(rule.Line, rule.Width, rule.How, rule.Origin, version))], cancellationToken);
        var kept = await LoadAsync(store, solver, cancellationToken);
        if (!put.TryGet(out _) || !kept.TryGet(out var all))
        {
            return new LearningResult(null, null, put.Problem ?? kept.Problem);
        }

        return new LearningResult(
            new LearningReport(result.Expressions, result.Candidates, result.Implied, result.Refuted, result.Undecided,
                [.. result.Rules.Select(rule => new LearnedRuleReport(rule.Line, rule.Width, rule.How, rule.Origin))], all.Rules.Length, all.Hash, Prover.NameOf(solver)),
            null, null);
    }

    private static (ImmutableArray<CountedExpression> Expressions, string? BadOptions) Census(ModuleFacts facts, LearningOptions options)
    {
        try
        {
            var names = new FunctionNames(facts.Module);
            var pattern = PlanWork.Pattern(options.Functions);
            var chosen = Enumerable.Range(facts.ImportedFunctionCount, facts.Module.Bodies.Count).Select(index => (uint)index)
                .Where(function => pattern?.IsMatch(names.Of(function)) != false).ToHashSet();
            return chosen.Count == 0 && facts.Module.Bodies.Count > 0
                ? ([], "the pattern leaves no function to learn from; `mewe inspect` lists their names")
                : (ExpressionCensus.Of(facts, includes: chosen.Contains), null);
        }
        catch (Exception exception) when (exception is ArgumentException or RegexMatchTimeoutException)
        {
            return ([], $"the function pattern cannot be used: {exception.Message}");
        }
    }

    private SynthesisResult Learn(ImmutableArray<CountedExpression> expressions, LearnedRules earlier, LearningOptions options, IProgress<LearningProgress>? progress,
        CancellationToken cancellationToken)
    {
        var oracle = new SolverRuleOracle(solver, cancellationToken);
        var synthesizer = new RuleSynthesizer([.. TransformCatalog.RuleFiles, (TransformCatalog.LearnedFile, earlier.Rules)], new SynthesisOptions { MaxExpressions = options.Expressions, Fuel = long.MaxValue });
        var total = Math.Min(options.Expressions, expressions.Length);
        return synthesizer.Learn(Shown(), oracle, cancellationToken);

        IEnumerable<CountedExpression> Shown()
        {
            for (var done = 0; done < total; done++)
            {
                progress?.Report(new LearningProgress(done, total, oracle.Proved));
                yield return expressions[done];
            }

            progress?.Report(new LearningProgress(total, total, oracle.Proved));
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(LearningReport))]
internal sealed partial class LearningJsonContext : JsonSerializerContext;
