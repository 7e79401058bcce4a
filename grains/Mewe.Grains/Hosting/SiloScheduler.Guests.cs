using Mewe.Store;

namespace Mewe.Grains;

/// <content>Guests: work that is let in beside the workers.</content>
public sealed partial class SiloScheduler
{
    /// <summary>Lets somebody in beside the workers, all of which are taken: a step of a job, or a function of a job that has less than its share.</summary>
    /// <returns>Whether somebody was there.</returns>
    private async Task<bool> ClaimGuestAsync(CancellationToken cancellationToken)
    {
        var current = Work.Lease!;
        if (!await Work.ReleaseUnknownAsync(cancellationToken))
        {
            return false;
        }

        if (!(await host.Store.ClaimJobsAsync(current, 1, null, cancellationToken)).TryGet(out var waiting))
        {
            Work.NoteLostAnswer();
            return false;
        }

        if (waiting.Count > 0)
        {
            _ = Work.Start(waiting[0]);
            return true;
        }

        if (!(await host.Store.ListJobsAsync(new JobQuery { State = JobState.Running }, cancellationToken)).TryGet(out var running))
        {
            return false;
        }

        // Whoever is served here decides what counts as less: a job of a lower priority waits for its turn, and one that has as many places as this silo has workers has its share.
        var served = Work.Served().Keys.ToHashSet();
        var priority = running.Where(job => served.Contains(job.Id)).Select(job => job.Submitted.Priority).DefaultIfEmpty(int.MinValue).Max();
        var most = running.Where(job => served.Contains(job.Id)).Select(Share).DefaultIfEmpty(0).Max();
        var guest = running.Where(job => job.Progress.Available > 0 && job.Submitted.Priority >= priority && job.Progress.Running < host.Workers && Share(job) < most).OrderBy(Share).ThenBy(job => job.Id, StringComparer.Ordinal).FirstOrDefault();
        if (guest is null)
        {
            return false;
        }

        if (!(await host.Store.ClaimFunctionsAsync(current, 1, guest.Id, cancellationToken)).TryGet(out var found))
        {
            Work.NoteLostAnswer();
            return false;
        }

        foreach (var function in found)
        {
            _ = Work.Start(function);
        }

        return found.Count > 0;

        static double Share(JobRecord job) => (double)job.Progress.Running / job.Submitted.Weight;
    }
}
