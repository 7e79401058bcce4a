using System.Diagnostics.CodeAnalysis;

namespace Mewe.Store;

/// <summary>Names of jobs: UUIDs of version 7 (RFC 9562) as 32 lower-case hexadecimal digits, so that their ordinal order is that of submission, to the millisecond.</summary>
public static class JobId
{
    /// <summary>A new name. Who submits makes it, so that a submission whose answer was lost can be repeated.</summary>
    public static string New(TimeProvider? time = null) => Guid.CreateVersion7((time ?? TimeProvider.System).GetUtcNow()).ToString("N");

    /// <summary>Whether a job could have this name. Any other text names no job, which is an answer, not an error.</summary>
    public static bool IsOne([NotNullWhen(true)] string? text) => text is { Length: 32 } && !text.AsSpan().ContainsAnyExcept("0123456789abcdef");
}
