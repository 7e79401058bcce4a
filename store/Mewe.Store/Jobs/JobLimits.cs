namespace Mewe.Store;

/// <summary>The numbers of the protocol.</summary>
public static class JobLimits
{
    /// <summary>How long a silo that does not renew its lease is taken for alive.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(15);

    /// <summary>How often a silo renews its lease.</summary>
    public static readonly TimeSpan Renewal = TimeSpan.FromSeconds(5);

    /// <summary>How long one waits for a signal before one looks anyway.</summary>
    public static readonly TimeSpan Poll = TimeSpan.FromSeconds(1);

    /// <summary>What waits after its first failure; twice as long after each further one.</summary>
    public static readonly TimeSpan FirstBackOff = TimeSpan.FromSeconds(1);

    public static readonly TimeSpan LongestBackOff = TimeSpan.FromMinutes(1);

    /// <summary>Blobs that nothing refers to are kept so long: somebody may be about to submit a job with them.</summary>
    public static readonly TimeSpan UnreferencedBlob = TimeSpan.FromHours(1);

    /// <summary>
    /// How many silos may die with the same function (or step of a job) before it fails. More than an operator kills during a job, so that restarts change no result; few enough that a
    /// function that kills silos does not go round for ever.
    /// </summary>
    public const int MaxRescues = 20;

    /// <summary>Rows of a page, when nobody says; and at most.</summary>
    public const int Page = 100, LargestPage = 1000;

    /// <summary>Functions and jobs that are claimed in one call, at most.</summary>
    public const int LargestClaim = 256;

    /// <summary>How long something waits after its <paramref name="failures"/>-th failure.</summary>
    public static TimeSpan BackOff(int failures) => failures > 16 ? LongestBackOff : TimeSpan.FromTicks(Math.Min(LongestBackOff.Ticks, FirstBackOff.Ticks << (failures - 1)));

    internal static int CheckPage(int limit) => limit is >= 1 and <= LargestPage ? limit : throw new ArgumentOutOfRangeException(nameof(limit), limit, $"1 to {LargestPage}");

    /// <summary>The count, when one may claim so many in one call.</summary>
    public static int CheckClaim(int count) => count is >= 1 and <= LargestClaim ? count : throw new ArgumentOutOfRangeException(nameof(count), count, $"1 to {LargestClaim}");
}
