using System.CommandLine;
using System.CommandLine.Parsing;
using System.Net;
using Mewe.Client.Http;
using Mewe.Client.Output;
using Mewe.Grains;

namespace Mewe.Client;

/// <summary>The options that say which cluster, and what goes over to it and back.</summary>
internal sealed class Cluster
{
    /// <summary>Where the key is, if in no file; and the cluster, if on no command line.</summary>
    private const string KeyVariable = "MEWE_KEY", AddressVariable = "MEWE_CLUSTER";

    private readonly Option<string?> address = new("--cluster") { Description = $"Any silo of the cluster, such as http://127.0.0.1:5080 (default: {AddressVariable})", HelpName = "URL" };
    private readonly Option<string?> keyFile = new("--key-file") { Description = $"The file with the key (default: {KeyVariable})", HelpName = "FILE" };

    public void AddTo(Command command)
    {
        command.Add(address);
        command.Add(keyFile);
    }

    /// <exception cref="CommandException">There is no address, or no key where one is named.</exception>
    public MeweClient Open(ParseResult parsed)
    {
        var named = parsed.GetValue(address) ?? Environment.GetEnvironmentVariable(AddressVariable);
        if (named is null)
        {
            throw new CommandException(ExitCode.Usage, $"which cluster? --cluster URL or {AddressVariable}");
        }

        if (!Uri.TryCreate(named, UriKind.Absolute, out var uri) || (uri.Scheme != Uri.UriSchemeHttp && uri.Scheme != Uri.UriSchemeHttps))
        {
            throw new CommandException(ExitCode.Usage, $"--cluster takes an address such as http://127.0.0.1:5080, not '{named}'");
        }

        var key = parsed.GetValue(keyFile) is { } file ? System.Text.Encoding.UTF8.GetString(Files.Read(file)).Trim() : Environment.GetEnvironmentVariable(KeyVariable);
        if (key is { Length: > 0 } && key.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            throw new CommandException(ExitCode.Usage, "the key has characters that no key has; it is one line that begins with mewe_");
        }

        return new MeweClient(uri, string.IsNullOrEmpty(key) ? null : key);
    }

    /// <summary>What a command exits with when the cluster refuses.</summary>
    public static int ExitCodeOf(MeweApiException exception) => exception switch
    {
        { Type: "bad-module" or "bad-plan" or "bad-workload" or "too-large" } => ExitCode.DataError,
        { Status: HttpStatusCode.BadRequest } => ExitCode.Usage,
        { Status: HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden } => ExitCode.NoPermission,
        { Status: HttpStatusCode.NotFound } => ExitCode.NoInput,
        { Type: "not-ready" } => ExitCode.NotReady,
        { Status: HttpStatusCode.Conflict } => ExitCode.Negative,
        { Status: HttpStatusCode.RequestEntityTooLarge } => ExitCode.DataError,
        _ => ExitCode.Unavailable,
    };

    /// <summary>Shows a job's progress, as that of a local one, until it is finished.</summary>
    public static async Task<Job> WatchAsync(MeweClient client, Job job, CommandOutput output, CancellationToken cancellationToken)
    {
        var wanted = job.Options.TryGetProperty("variants", out var count) ? count.GetInt32() : JobOptions.MaxVariants;
        await new JobDisplay(output).ShowAsync(async shown =>
        {
            await foreach (var progress in client.WatchAsync(job.Id, cancellationToken))
            {
                shown.Report(Local(progress, wanted));
            }

            return true;
        });
        return await client.GetAsync(job.Id, cancellationToken);
    }

    /// <exception cref="CommandException">The job made nothing: with why, and the code that a local job would exit with.</exception>
    public static void CheckCompleted(Job job)
    {
        if (job.State == JobState.Cancelled)
        {
            throw new CommandException(ExitCode.Negative, $"job {job.Id} was cancelled");
        }

        if (job.State == JobState.Failed)
        {
            var kind = Enum.TryParse<JobFailureKind>(job.Error?.Kind, out var known) ? known : JobFailureKind.Defect;
            throw new CommandException(JobFailures.ExitCodeOf(kind), $"job {job.Id} failed: {job.Error?.Message}");
        }
    }

    /// <summary>Downloads what a completed job made, writes it, and says what it is, as a local job does.</summary>
    public static async Task FetchAsync(MeweClient client, Job job, string? modulePath, string? reportPath, string? planPath, CommandOutput output, CancellationToken cancellationToken)
    {
        var report = await client.GetReportAsync(job.Id, cancellationToken);
        var files = new List<(string, byte[])>();
        if (modulePath is not null)
        {
            files.Add((modulePath, await client.GetModuleAsync(job.Id, cancellationToken)));
        }

        if (reportPath is not null)
        {
            files.Add((reportPath, report));
        }

        if (planPath is not null)
        {
            files.Add((planPath, await client.GetPlanAsync(job.Id, cancellationToken)));
        }

        if (files.Count > 0 && modulePath is not null && Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(files[0].Item2)) != job.Output!.Module)
        {
            throw new CommandException(ExitCode.Unavailable, "the module that arrived is not the one that the job made; try again");
        }

        cancellationToken.ThrowIfCancellationRequested();
        Files.WriteAll([.. files]);
        if (output.Json)
        {
            CommandOutput.WriteJson(report);
        }
        else if (!output.IsQuiet)
        {
            DiversifySummary.Write(modulePath ?? job.Id, Parse(report));
        }
    }

    private static DiversifyReport Parse(byte[] report)
    {
        try
        {
            return DiversifyReport.Parse(report);
        }
        catch (MessageFormatException exception)
        {
            throw new CommandException(ExitCode.DataError, $"the cluster has another version: {exception.Message}");
        }
    }

    private static Grains.JobProgress Local(Http.JobProgress progress, int wanted) => new(
        progress.State switch
        {
            JobState.Queued or JobState.Planning => JobPhase.Planning,
            JobState.Running => JobPhase.Running,
            JobState.Linking => JobPhase.Linking,
            _ => JobPhase.Completed,
        },
        progress.Done + progress.Failed, progress.Total, progress.Tested, Math.Min(progress.Variants, (long)progress.Done * wanted), progress.Refuted);
}
