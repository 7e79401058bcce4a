using System.CommandLine;
using System.Globalization;
using Mewe.Client.Http;
using Mewe.Client.Output;
using Mewe.Diversify.Synthesis;
using Mewe.Grains;

namespace Mewe.Client.Verbs;

/// <summary><c>mewe submit FILE --cluster URL</c>: the main job, done by a cluster.</summary>
internal static class SubmitVerb
{
    /// <summary>A submission whose answer is lost is repeated so often; the job's id keeps it from being two.</summary>
    private const int Attempts = 3;

    public static Command Command()
    {
        var input = new Argument<string>("FILE") { Description = "The module (.wasm)" };
        var wait = new Option<bool>("--wait") { Description = "Wait until the job is finished, and show its progress" };
        var module = new Option<string?>("--output", "-o") { Description = "Where the multivariant module goes (with --wait)", HelpName = "OUT" };
        var report = new Option<string?>("--report") { Description = "Where the full report goes, as JSON (with --wait)", HelpName = "FILE" };
        var savePlan = new Option<string?>("--save-plan") { Description = "Where the plan goes (with --wait)", HelpName = "FILE" };
        var plan = new Option<string?>("--plan") { Description = "A plan of an earlier job: the same choices again, nothing is measured, the same bytes", HelpName = "FILE" };
        var workload = new Option<string?>("--workload") { Description = "How the module is used (see samples/README.md); recorded, and compared at the end", HelpName = "FILE" };
        var priority = new Option<int>("--priority") { Description = "Jobs of a higher priority go first, -1000 to 1000", HelpName = "N" };
        priority.TakesNumber();
        priority.Must(value => value is >= -1000 and <= 1000, "--priority is -1000 to 1000");
        var weight = new Option<int>("--weight") { Description = "The share of the cluster among jobs of the same priority, 1 to 1000", DefaultValueFactory = _ => 1, HelpName = "N" };
        weight.TakesNumber();
        weight.Must(value => value is >= 1 and <= 1000, "--weight is 1 to 1000");
        var notBefore = new Option<string?>("--not-before") { Description = "For a job that can wait: when it may begin, such as 2027-01-31T22:00Z or 22:00 (local time)", HelpName = "TIME" };
        notBefore.Must(text => text is null || Time(text) is not null, "--not-before takes a time such as 2027-01-31T22:00Z or 22:00");

        var (options, engines, cluster, common) = (new JobOptionArguments(), new EngineOptions(hasTarget: true), new Cluster(), new CommonOptions());
        var command = new Command("submit", """
            Submit a module to a cluster.

            Examples:
              mewe submit service.wasm --cluster http://127.0.0.1:5080 --wait -o service.mv.wasm
              mewe submit service.wasm --cluster https://mewe.example --key-file key.txt --workload requests.json --variants 32 --not-before 22:00
            """) { input, wait, module, report, savePlan, plan, workload, priority, weight, notBefore };
        options.AddTo(command);
        engines.AddTo(command);
        cluster.AddTo(command);
        common.AddTo(command);
        command.SetAction(async (parsed, token) =>
        {
            var output = common.Output(parsed);
            var (modulePath, reportPath, planPath) = (parsed.GetValue(module), parsed.GetValue(report), parsed.GetValue(savePlan));
            foreach (var path in new[] { modulePath, reportPath, planPath }.OfType<string>())
            {
                Files.CheckWritable(path);
            }

            var file = parsed.GetRequiredValue(input);
            var choice = engines.Choice(parsed);
            var specification = new JobSpecification { Options = options.Read(parsed), Engine = choice.Engine, Target = choice.Target == EngineChoice.Any ? null : choice.Target };
            if (specification.WhyNot() is { } why)
            {
                throw new CommandException(ExitCode.Usage, why);
            }

            if (parsed.GetValue(workload) is { } workloadPath)
            {
                Workloads.Read(workloadPath);
            }

            var submission = new JobSubmission(new MemoryStream(Files.Read(file), writable: false))
            {
                Name = Path.GetFileName(file),
                Options = specification.ToJson(),
                Workload = parsed.GetValue(workload) is { } path1 ? Files.Read(path1) : null,
                Plan = parsed.GetValue(plan) is { } given ? DiversifyVerb.ReadPlan(given).ToJson() : null,
                Priority = parsed.GetValue(priority),
                Weight = parsed.GetValue(weight),
                NotBefore = parsed.GetValue(notBefore) is { } text ? Time(text) : null,
            };
            using var client = cluster.Open(parsed);
            var job = await SubmitAsync(client, submission, file, token);
            if (!parsed.GetValue(wait) && modulePath is null && reportPath is null && planPath is null)
            {
                if (output.Json)
                {
                    CommandOutput.WriteJson(job.ToJson());
                }
                else
                {
                    CommandOutput.Line(job.Id);
                }

                return ExitCode.Success;
            }

            output.Note($"job {job.Id}");
            job = await Cluster.WatchAsync(client, job, output, token);
            Cluster.CheckCompleted(job);
            await Cluster.FetchAsync(client, job, modulePath, reportPath, planPath, output, token);
            return ExitCode.Success;
        });
        return command;
    }

    private static async Task<Job> SubmitAsync(MeweClient client, JobSubmission submission, string file, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await client.SubmitAsync(submission, cancellationToken);
            }
            catch (MeweApiException exception) when (exception.IsTransient && attempt < Attempts)
            {
                await Task.Delay(TimeSpan.FromSeconds(attempt), cancellationToken);
            }
            catch (MeweApiException exception) when (exception.Type == "bad-module")
            {
                throw new CommandException(ExitCode.DataError, $"{file}: {exception.Message}");
            }
        }
    }

    private static DateTimeOffset? Time(string text)
    {
        if (TimeOnly.TryParseExact(text, ["HH:mm", "HH:mm:ss"], CultureInfo.InvariantCulture, DateTimeStyles.None, out var clock))
        {
            var now = DateTimeOffset.Now;
            var today = new DateTimeOffset(now.Date + clock.ToTimeSpan(), now.Offset);
            return today > now ? today : today.AddDays(1);
        }

        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeLocal, out var time) ? time : null;
    }
}
