using Mewe.Grains;

namespace Mewe.Client;

/// <summary>Reads workload files.</summary>
internal static class Workloads
{
    public static WorkloadFile Read(string path)
    {
        try
        {
            return WorkloadFile.Parse(Files.Read(path));
        }
        catch (WorkloadFormatException exception)
        {
            throw new CommandException(ExitCode.DataError, $"{path} is no workload: {exception.Message}");
        }
    }
}
