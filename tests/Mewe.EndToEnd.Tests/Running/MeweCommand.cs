using System.Diagnostics;
using System.Text;

namespace Mewe.EndToEnd.Tests.Running;

/// <summary>What a command did.</summary>
internal sealed record CommandResult(int ExitCode, byte[] StdoutBytes, string Stderr)
{
    public string Stdout => Encoding.UTF8.GetString(StdoutBytes);

    public string[] StderrLines => Stderr.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The exit code, with all that was said where it is another one.</summary>
    public CommandResult Exits(int code)
    {
        Assert.True(ExitCode == code, $"exit code {ExitCode} instead of {code}\nstdout: {Stdout}\nstderr: {Stderr}");
        return this;
    }
}

/// <summary>Starts the built program as a user does: a process of its own, with its arguments, and nothing else.</summary>
internal static class MeweCommand
{
    /// <summary>Only aborts: a command that has not ended by then is a failure.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    public static string Path { get; } = System.IO.Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "mewe.exe" : "mewe");

    public static Task<CommandResult> RunAsync(params string[] arguments) => RunAsync(new ProcessStartInfo(Path, arguments));

    public static async Task<CommandResult> RunAsync(ProcessStartInfo start)
    {
        using var abort = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        abort.CancelAfter(Patience);
        using var process = Start(start);
        process.StandardInput.Close();
        try
        {
            var stdout = new MemoryStream();
            var copying = process.StandardOutput.BaseStream.CopyToAsync(stdout, abort.Token);
            var stderr = process.StandardError.ReadToEndAsync(abort.Token);
            await process.WaitForExitAsync(abort.Token);
            await copying;
            return new CommandResult(process.ExitCode, stdout.ToArray(), await stderr);
        }
        catch
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    /// <summary>Starts the program with all its streams redirected.</summary>
    public static Process Start(ProcessStartInfo start)
    {
        // The user's own store is none of the tests' business.
        start.Environment.TryAdd("XDG_CACHE_HOME", System.IO.Path.Combine(AppContext.BaseDirectory, "cache"));
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        start.UseShellExecute = false;
        return Process.Start(start)!;
    }
}
