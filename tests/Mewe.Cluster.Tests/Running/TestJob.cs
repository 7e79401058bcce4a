using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Mewe.Client.Http;

namespace Mewe.Cluster.Tests.Running;

/// <summary>A small job, and what `mewe diversify` makes of it on one machine.</summary>
internal sealed record TestJob(string Sample, int Variants, string Functions, ulong Seed = 0)
{
    /// <summary>Thirteen functions, each of which takes a moment.</summary>
    public static TestJob Usual(ulong seed = 0) => new("encrypt", 2, "sodium|store|str|mem|load", seed);

    /// <summary>Three functions.</summary>
    public static TestJob Small(ulong seed = 0) => new("bin2base64.reactor", 2, "^service$|^service_run$|^strlen$", seed);

    private static readonly ConcurrentDictionary<TestJob, Lazy<Task<byte[]>>> Made = new();

    public string File => Path.Combine(AppContext.BaseDirectory, "samples", Sample + ".wasm");

    public string[] Options => ["--variants", Variants.ToString(CultureInfo.InvariantCulture), "--functions", Functions, "--seed", Seed.ToString(CultureInfo.InvariantCulture)];

    public JobSubmission Submission() => new(new MemoryStream(System.IO.File.ReadAllBytes(File)))
    {
        Name = Sample, Options = string.Create(CultureInfo.InvariantCulture, $$"""{"variants":{{Variants}},"functions":"{{Functions}}","seed":{{Seed}}}"""),
    };

    /// <summary>The module that `mewe diversify` makes.</summary>
    public Task<byte[]> ExpectedAsync() => Made.GetOrAdd(this, job => new Lazy<Task<byte[]>>(job.DiversifyAsync)).Value;

    private async Task<byte[]> DiversifyAsync()
    {
        var path = Path.GetTempFileName();
        try
        {
            var result = await MeweCommand.RunAsync(new Dictionary<string, string>(), ["diversify", File, "-o", path, "--store", "none", "--quiet", .. Options]);
            Assert.True(result.ExitCode == 0, result.Errors);
            return await System.IO.File.ReadAllBytesAsync(path);
        }
        finally
        {
            System.IO.File.Delete(path);
        }
    }
}

/// <summary>The command line as a user starts it.</summary>
internal static class MeweCommand
{
    public static async Task<(int ExitCode, string Output, string Errors)> RunAsync(IReadOnlyDictionary<string, string> environment, string[] arguments) => await RunAsync(Programs.Mewe, environment, arguments);

    public static async Task<(int ExitCode, string Output, string Errors)> RunAsync(string program, IReadOnlyDictionary<string, string> environment, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, UseShellExecute = false };
        start.Environment["XDG_CACHE_HOME"] = Path.Combine(AppContext.BaseDirectory, "cache");
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        try
        {
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken), process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            return (process.ExitCode, await output, await errors);
        }
        catch
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }
}
