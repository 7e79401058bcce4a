namespace Mewe.Silo;

/// <summary>Everything that a silo logs. None of it is a secret: no keys, no connection strings, nothing that modules contain but names.</summary>
internal static partial class LogMessages
{
    [LoggerMessage(1, LogLevel.Information, "Silo {Silo} has lease {Epoch}: {Workers} workers, {Engines}; scheduler {Scheduler}")]
    public static partial void Registered(this ILogger logger, string silo, long epoch, int workers, string engines, string scheduler);

    [LoggerMessage(2, LogLevel.Warning, "Silo {Silo} lost lease {Epoch}: its work is dropped, others do it")]
    public static partial void LeaseLost(this ILogger logger, string silo, long epoch);

    [LoggerMessage(3, LogLevel.Critical, "Another process has the name {Silo}: this one ends")]
    public static partial void Superseded(this ILogger logger, string silo);

    [LoggerMessage(4, LogLevel.Information, "Silo {Silo} gave back its work and ends")]
    public static partial void Drained(this ILogger logger, string silo);

    [LoggerMessage(5, LogLevel.Debug, "Function {Name} ({Function}): {Candidates} candidates passed, {Refuted} refuted")]
    public static partial void FunctionDone(this ILogger logger, string name, uint function, int candidates, int refuted);

    [LoggerMessage(6, LogLevel.Warning, "An attempt failed ({Kind}): {Message}")]
    public static partial void FunctionFailed(this ILogger logger, string kind, string message);

    [LoggerMessage(7, LogLevel.Error, "A step ended in a defect of Mewe")]
    public static partial void Defect(this ILogger logger, Exception exception);

    [LoggerMessage(8, LogLevel.Warning, "The store failed: {Message}")]
    public static partial void StoreFailed(this ILogger logger, string message);

    [LoggerMessage(9, LogLevel.Critical, "The scheduler failed, so the silo ends")]
    public static partial void SchedulerFailed(this ILogger logger, Exception exception);

    [LoggerMessage(10, LogLevel.Information, "Engine {Engine} is not used: {Message}")]
    public static partial void EngineMissing(this ILogger logger, string engine, string message);

    [LoggerMessage(11, LogLevel.Information, "Deleted {Jobs} old jobs and {Blobs} blobs")]
    public static partial void Pruned(this ILogger logger, int jobs, int blobs);

    [LoggerMessage(12, LogLevel.Information, "Job {Job} submitted by {Owner}: {Bytes} bytes")]
    public static partial void Submitted(this ILogger logger, string job, string owner, long bytes);
}
