using Mewe.Grains;

namespace Mewe.Client;

/// <summary>What a command exits with when a job ends without a module.</summary>
internal static class JobFailures
{
    public static int ExitCodeOf(JobFailureKind kind) => kind switch
    {
        JobFailureKind.BadModule or JobFailureKind.BadPlan => ExitCode.DataError,
        JobFailureKind.BadOptions => ExitCode.Usage,
        JobFailureKind.EngineFailed or JobFailureKind.SiloDied or JobFailureKind.Unusable => ExitCode.Unavailable,
        JobFailureKind.Cancelled => ExitCode.Negative,
        _ => ExitCode.Internal,
    };
}
