using Mewe.Execution;
using Mewe.Execution.Node;
using Mewe.Grains;

namespace Mewe.Client;

/// <summary>Starts the engine that a command needs.</summary>
internal static class Engines
{
    public static async Task<IWasmEngine> StartAsync(int workers, CancellationToken cancellationToken)
    {
        var started = await NodeEngine.StartAsync(new NodeEngineOptions { Workers = workers }, cancellationToken);
        return started.TryGet(out var engine, out var failure) ? engine : throw new CommandException(ExitCode.Unavailable, failure.Message);
    }
}

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

/// <summary>What a command exits with when a job ends without a module.</summary>
internal static class JobFailures
{
    public static int ExitCodeOf(JobFailureKind kind) => kind switch
    {
        JobFailureKind.BadModule or JobFailureKind.BadPlan => ExitCode.DataError,
        JobFailureKind.BadOptions => ExitCode.Usage,
        JobFailureKind.EngineFailed => ExitCode.Unavailable,
        _ => ExitCode.Internal,
    };
}
