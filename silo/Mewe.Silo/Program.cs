using Mewe.Silo;
using System.CommandLine;

var root = new RootCommand("A silo of a Mewe cluster, and what its operator does.") { SiloCommand.Command(), AdminCommand.Command() };
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
