using System.CommandLine;
using System.Globalization;
using Mewe.Client.Http;
using Mewe.Client.Output;

namespace Mewe.Client.Verbs;

/// <summary><c>mewe watch|status|list|fetch|cancel|retry</c>: what one does with the jobs of a cluster.</summary>
internal static class ClusterVerbs
{
    public static Command Watch() => OnJob("watch", "Show the progress of a job until it is finished; exits with 0 only when it is completed.", async (client, id, output, token) =>
    {
        var job = await Cluster.WatchAsync(client, await client.GetAsync(id, token), output, token);
        if (output.Json)
        {
            CommandOutput.WriteJson(job.ToJson());
        }

        Cluster.CheckCompleted(job);
        if (!output.Json && !output.IsQuiet)
        {
            WriteLine(job);
        }
    });

    public static Command Status() => OnJob("status", "Say how far a job is.", async (client, id, output, token) => Write(await client.GetAsync(id, token), output));

    public static Command Cancel() => OnJob("cancel", "Cancel a job that is not finished.", async (client, id, output, token) => Write(await client.CancelAsync(id, token), output));

    public static Command Retry() => OnJob("retry", "Try a job again that failed or was cancelled, or of which functions failed. What is done stays done.", async (client, id, output, token) => Write(await client.RetryAsync(id, token), output));

    public static Command Fetch()
    {
        var module = new Option<string>("--output", "-o") { Description = "Where the multivariant module goes", Required = true, HelpName = "OUT" };
        var report = new Option<string?>("--report") { Description = "Where the full report goes, as JSON", HelpName = "FILE" };
        var plan = new Option<string?>("--save-plan") { Description = "Where the plan goes", HelpName = "FILE" };
        return OnJob(
            "fetch",
            """
            Download what a completed job made.

            Example:
              mewe fetch 019f0a... --cluster http://127.0.0.1:5080 -o service.mv.wasm --report report.json
            """,
            async (client, id, parsed, output, token) =>
            {
                string?[] paths = [parsed.GetRequiredValue(module), parsed.GetValue(report), parsed.GetValue(plan)];
                foreach (var path in paths.OfType<string>())
                {
                    Files.CheckWritable(path);
                }

                var job = await client.GetAsync(id, token);
                Cluster.CheckCompleted(job);
                await Cluster.FetchAsync(client, job, paths[0], paths[1], paths[2], output, token);
            },
            module, report, plan);
    }

    public static Command List()
    {
        var state = new Option<string?>("--state") { Description = "Only jobs in this state" };
        state.AcceptOnlyFromAmong([.. Enum.GetNames<JobState>().Select(name => name.ToLowerInvariant())]);
        var limit = new Option<int>("--limit") { Description = "At most so many, 1 to 1000", DefaultValueFactory = _ => 20, HelpName = "N" };
        limit.TakesNumber();
        limit.Must(value => value is >= 1 and <= 1000, "--limit is 1 to 1000");
        var after = new Option<string?>("--after") { Description = "Those behind this job: the last one of the page before", HelpName = "ID" };
        var (cluster, common) = (new Cluster(), new CommonOptions());
        var command = new Command("list", "List the jobs of a cluster, the newest first.") { state, limit, after };
        cluster.AddTo(command);
        common.AddTo(command);
        command.SetAction(async (parsed, token) =>
        {
            using var client = cluster.Open(parsed);
            var page = await client.ListAsync(parsed.GetValue(limit), parsed.GetValue(after), parsed.GetValue(state) is { } word ? Enum.Parse<JobState>(word, ignoreCase: true) : null, token);
            if (common.Output(parsed).Json)
            {
                CommandOutput.WriteJson(page.ToJson());
            }
            else
            {
                foreach (var job in page.Jobs)
                {
                    WriteLine(job);
                }
            }

            return ExitCode.Success;
        });
        return command;
    }

    private static Command OnJob(string verb, string description, Func<MeweClient, string, CommandOutput, CancellationToken, Task> work) =>
        OnJob(verb, description, (client, id, _, output, token) => work(client, id, output, token));

    private static Command OnJob(string verb, string description, Func<MeweClient, string, ParseResult, CommandOutput, CancellationToken, Task> work, params Option[] options)
    {
        var id = new Argument<string>("JOB") { Description = "The id of the job, as `submit` and `list` give it" };
        var (cluster, common) = (new Cluster(), new CommonOptions());
        var command = new Command(verb, description) { id };
        foreach (var option in options)
        {
            command.Add(option);
        }

        cluster.AddTo(command);
        common.AddTo(command);
        command.SetAction(async (parsed, token) =>
        {
            using var client = cluster.Open(parsed);
            await work(client, parsed.GetRequiredValue(id), parsed, common.Output(parsed), token);
            return ExitCode.Success;
        });
        return command;
    }

    private static void Write(Job job, CommandOutput output)
    {
        if (output.Json)
        {
            CommandOutput.WriteJson(job.ToJson());
        }
        else
        {
            WriteLine(job);
        }
    }

    private static void WriteLine(Job job)
    {
        var (progress, name) = (job.Progress, Printable(job.Name));
        var done = progress.Total == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{progress.Done} of {progress.Total} functions{(progress.Failed > 0 ? $", {progress.Failed} failed" : "")}");
        CommandOutput.Line($"{job.Id}  {job.State.ToString().ToLowerInvariant(),-9}  {job.SubmittedAt.ToLocalTime():yyyy-MM-dd HH:mm:ss}  {done,-24}  {name}{(job.Error is { } error ? $": {Printable(error.Message)}" : "")}".TrimEnd());
    }

    /// <summary>Others chose the names: nothing in them may move the cursor or colour the screen.</summary>
    private static string Printable(string text) => string.Concat(text.Select(letter => char.IsControl(letter) ? '?' : letter));
}
