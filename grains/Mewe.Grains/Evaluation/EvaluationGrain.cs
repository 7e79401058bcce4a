using System.Collections.Immutable;
using Mewe.Store;

namespace Mewe.Grains;

/// <summary>How an evaluation ended: a report, or a failure.</summary>
public sealed record EvaluationResult(EvaluationReport? Report, JobFailure? Failure);

/// <summary>
/// Repeats the study of "Multi-Variant Execution at the Edge" on modules: each is diversified once, its variants are linked with every policy, and the forms are compared with the
/// original: how different their executions are, and what that costs.
/// </summary>
/// <remarks>
/// Diversifying and tracing use all threads. Times are taken when nothing else runs: all forms of an endpoint in one process, taking turns.
/// </remarks>
public sealed class EvaluationGrain(JobEngines engines, EvaluationOptions options, ILemmaStore? store = null)
{
    /// <param name="command">See <see cref="EvaluationReport.Command"/>.</param>
    /// <param name="threads">Changes how long it takes, and nothing that is measured.</param>
    public async Task<EvaluationResult> RunAsync(IReadOnlyList<EvaluationSubject> subjects, string command, int threads, IProgress<EvaluationProgress>? progress,
        CancellationToken cancellationToken)
    {
        var clock = new JobClock(engines);
        var notes = new List<string>();
        var endpoints = ImmutableArray.CreateBuilder<EndpointReport>(subjects.Count);
        for (var i = 0; i < subjects.Count; i++)
        {
            var (subject, number) = (subjects[i], i + 1);
            var evaluation = new EndpointEvaluation(engines, options, subject, threads)
            {
                Store = store,
                Note = note => notes.Add($"{subject.Name}: {note}"),
                Progress = (step, share) => progress?.Report(new EvaluationProgress(subject.Name, number, subjects.Count, step, share)),
            };
            try
            {
                var (report, failure) = await evaluation.RunAsync(cancellationToken);
                if (failure is not null)
                {
                    return new EvaluationResult(null, failure with { Message = $"{subject.File}: {failure.Message}" });
                }

                if (report is not null)
                {
                    endpoints.Add(report);
                }
            }
            catch (EngineFailedException exception)
            {
                return new EvaluationResult(null, new JobFailure(JobFailureKind.EngineFailed, $"{subject.File}: {exception.Message}"));
            }
        }

        return new EvaluationResult(new EvaluationReport
        {
            ToolVersion = ToolVersion.Text,
            Command = command,
            Engine = engines.Target.Info.Name == "v8" ? $"{JobEngines.NameOf(engines.Target)} in node {engines.Target.Info.HostVersion}" : JobEngines.NameOf(engines.Target),
            Processors = Environment.ProcessorCount,
            Seed = options.Seed,
            Nodes = options.Nodes,
            Runs = options.Runs,
            Variants = options.Variants,
            Rounds = options.Rounds,
            WallSeconds = Math.Round(clock.Elapsed.TotalSeconds, 1),
            Policies = [.. options.Recipes.Select(recipe => new RecipeReport(recipe.Name, recipe.Description))],
            Endpoints = endpoints.ToImmutable(),
            Notes = [.. notes],
        }, null);
    }
}
