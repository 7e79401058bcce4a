using System.CommandLine;

namespace Mewe.Silo;

/// <summary><c>mewe silo</c> and <c>mewe admin</c>.</summary>
public static class SiloProgram
{
    /// <summary>Runs the program.</summary>
    /// <param name="scheduling">The scheduler that it brings beside leases; null for none.</param>
    /// <returns>Its exit code; what went wrong is said in one line.</returns>
    public static async Task<int> RunAsync(string[] args, ISiloScheduling? scheduling = null)
    {
        var root = new RootCommand("A silo of a Mewe cluster, and what its operator does.") { SiloCommand.Command(scheduling), AdminCommand.Command() };
        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            Console.Error.WriteLine($"mewe: {parsed.Errors[0].Message}");
            return ExitCode.Usage;
        }

        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (StartupException exception)
        {
            Console.Error.WriteLine($"mewe: {exception.Message.ReplaceLineEndings(" ")}");
            return exception.Code;
        }
    }
}
