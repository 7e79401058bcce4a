using Mewe.Grains;
using Spectre.Console;

namespace Mewe.Client.Output;

/// <summary>Shows the progress of a job: a moving bar on a terminal, a line at each tenth elsewhere, nothing where it is to be quiet.</summary>
internal sealed class JobDisplay(CommandOutput output)
{
    /// <summary>Runs work that reports progress, and shows it meanwhile.</summary>
    public async Task<T> ShowAsync<T>(Func<IProgress<JobProgress>, Task<T>> work)
    {
        if (!output.ShowsProgress)
        {
            return await work(new Lines(output));
        }

        return await output.Errors.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn())
            .StartAsync(async context =>
            {
                var task = context.AddTask("planning");
                return await work(new Bar(task));
            });
    }

    private static string Describe(JobProgress progress) => progress.Phase switch
    {
        JobPhase.Planning => "reading the module",
        JobPhase.Recording => "recording the workload",
        JobPhase.Running => $"{progress.FunctionsDone} of {progress.FunctionsTotal} functions, {progress.CandidatesTested} candidates tested, {progress.Variants} variants",
        JobPhase.Measuring => "measuring",
        JobPhase.Linking => "linking",
        JobPhase.Checking => "checking the linked module",
        _ => "done",
    };

    private sealed class Bar(ProgressTask task) : IProgress<JobProgress>
    {
        public void Report(JobProgress value)
        {
            task.Description = Describe(value);
            task.MaxValue = Math.Max(1, value.FunctionsTotal);
            task.Value = value.FunctionsDone;
        }
    }

    private sealed class Lines(CommandOutput output) : IProgress<JobProgress>
    {
        private readonly Lock gate = new();
        private (JobPhase Phase, int Tenth) last = (JobPhase.Completed, -1);

        public void Report(JobProgress value)
        {
            lock (gate)
            {
                var now = (value.Phase, value.FunctionsTotal == 0 ? 0 : value.FunctionsDone * 10 / value.FunctionsTotal);
                if (now == last || value.Phase is JobPhase.Planning or JobPhase.Completed || (value.Phase == JobPhase.Running && now.Phase == last.Phase && now.Item2 < last.Tenth))
                {
                    return;
                }

                last = now;
                output.Note(Describe(value));
            }
        }
    }
}
