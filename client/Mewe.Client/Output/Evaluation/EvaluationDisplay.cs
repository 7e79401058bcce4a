using Mewe.Grains;
using Spectre.Console;

namespace Mewe.Client.Output.Evaluation;

/// <summary>Shows the progress of an evaluation: a moving bar on a terminal, a line for each step elsewhere, nothing where it is to be quiet.</summary>
internal sealed class EvaluationDisplay(CommandOutput output)
{
    /// <summary>Runs work that reports progress, and shows it meanwhile.</summary>
    public async Task<T> ShowAsync<T>(Func<IProgress<EvaluationProgress>, Task<T>> work)
    {
        if (!output.ShowsProgress)
        {
            return await work(new Lines(output));
        }

        return await output.Errors.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn())
            .StartAsync(async context => await work(new Bar(context.AddTask("starting"))));
    }

    private static string Describe(EvaluationProgress progress) => $"{progress.Endpoint} ({progress.Number} of {progress.Endpoints}): {progress.Step}";

    private sealed class Bar(ProgressTask task) : IProgress<EvaluationProgress>
    {
        public void Report(EvaluationProgress value)
        {
            task.Description = Markup.Escape(Describe(value));
            task.Value = 100 * value.Share;
        }
    }

    private sealed class Lines(CommandOutput output) : IProgress<EvaluationProgress>
    {
        private readonly Lock gate = new();
        private string last = "";

        public void Report(EvaluationProgress value)
        {
            lock (gate)
            {
                var line = Describe(value);
                if (line != last)
                {
                    last = line;
                    output.Note(line);
                }
            }
        }
    }
}
