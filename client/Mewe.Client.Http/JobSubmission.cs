namespace Mewe.Client.Http;

/// <summary>A job to submit.</summary>
/// <param name="Module">The module's bytes; read once for each attempt, so it must be able to seek.</param>
public sealed record JobSubmission(Stream Module)
{
    /// <summary>The job's id: 32 lower-case hexadecimal digits of a UUID of version 7. Made here, so that a submission whose answer was lost can be repeated without making a second job.</summary>
    public string Id { get; init; } = Guid.CreateVersion7().ToString("N");

    /// <summary>For people: of the file, for example.</summary>
    public string Name { get; init; } = "";

    /// <summary>The options, as JSON: the names of the command line's, in camel case; null for the usual ones.</summary>
    public string? Options { get; init; }

    /// <summary>The workload file; null for none.</summary>
    public byte[]? Workload { get; init; }

    /// <summary>A plan of an earlier job; null to measure anew.</summary>
    public byte[]? Plan { get; init; }

    /// <summary>Jobs of a higher priority get every silo first. -1000 to 1000.</summary>
    public int Priority { get; init; }

    /// <summary>The job's share among those of the same priority. 1 to 1000.</summary>
    public int Weight { get; init; } = 1;

    /// <summary>Nobody begins before; null for at once.</summary>
    public DateTimeOffset? NotBefore { get; init; }
}
