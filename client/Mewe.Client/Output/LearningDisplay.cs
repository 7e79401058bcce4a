using Mewe.Grains;
using Spectre.Console;

namespace Mewe.Client.Output;

/// <summary>Shows the progress of learning: a moving bar on a terminal, a line at each tenth elsewhere, nothing where it is to be quiet.</summary>
internal sealed class LearningDisplay(CommandOutput output)
{
    public async Task<T> ShowAsync<T>(Func<IProgress<LearningProgress>, Task<T>> work)
    {
        if (!output.ShowsProgress)
        {
            return await work(new Lines(output));
        }

        return await output.Errors.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn())
            .StartAsync(async context => await work(new Bar(context.AddTask("counting expressions"))));
    }

    private static string Describe(LearningProgress progress) => $"{progress.Done} of {progress.Total} expressions, {progress.Rules} rules proved";

    private sealed class Bar(ProgressTask task) : IProgress<LearningProgress>
    {
        public void Report(LearningProgress value) => (task.Description, task.MaxValue, task.Value) = (Describe(value), Math.Max(1, value.Total), value.Done);
    }

    /// <summary>Learning reports from one thread.</summary>
    private sealed class Lines(CommandOutput output) : IProgress<LearningProgress>
    {
        private int last;

        public void Report(LearningProgress value)
        {
            var tenth = value.Done * 10 / Math.Max(1, value.Total);
            if (tenth > last)
            {
                last = tenth;
                output.Note(Describe(value));
            }
        }
    }
}
