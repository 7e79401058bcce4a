using Orleans.Configuration;

namespace Mewe.Silo.Orleans;

/// <summary>
/// How soon members notice that one died: all of it follows from the lease, after which the store takes the dead silo's work away, so that by then Orleans sends work elsewhere. With the default lease of 15 s a
/// probe every 3 s that fails three times makes 9 to 12 s; with Orleans' own defaults (5 s, a table that is read once a minute, a sign of life every 30 s) we measured 31 s from kill -9 to the first call that went
/// through, and a new silo could wait for minutes to join beside entries of killed ones.
/// </summary>
internal static class OrleansTiming
{
    /// <summary>Of any call between grains. None of ours waits for work, so one that takes longer has met a silo that died.</summary>
    public static readonly TimeSpan Response = TimeSpan.FromSeconds(30);

    /// <summary>Reminders cannot come more often, by Orleans' rules; they are the second net, below the rounds of <see cref="JobRounds"/>.</summary>
    public static readonly TimeSpan Reminder = TimeSpan.FromMinutes(1);

    /// <summary>How long a silo has to leave the cluster in order; then it just ends, and the others notice.</summary>
    public static readonly TimeSpan Leaving = TimeSpan.FromSeconds(8);

    public static void Apply(ClusterMembershipOptions membership, TimeSpan lease)
    {
        membership.ProbeTimeout = AtLeast(lease / 5);
        membership.NumMissedProbesLimit = 3;
        membership.NumVotesForDeathDeclaration = 2; // fewer in a cluster of two: Orleans asks for half of those that are left
        membership.TableRefreshTimeout = AtLeast(lease / 3); // gossip is faster, this is for what it misses
        membership.IAmAliveTablePublishTimeout = AtLeast(lease / 3);
        membership.NumMissedTableIAmAliveLimit = 3;
        membership.MaxJoinAttemptTime = TimeSpan.FromMinutes(2);
        membership.DefunctSiloExpiration = TimeSpan.FromDays(1);
    }

    private static TimeSpan AtLeast(TimeSpan time) => time > TimeSpan.FromSeconds(0.5) ? time : TimeSpan.FromSeconds(0.5);
}
