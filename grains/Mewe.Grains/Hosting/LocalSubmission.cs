using System.Diagnostics;
using System.Globalization;
using Mewe.Store;

namespace Mewe.Grains;

/// <summary>
/// Submits a local job, or finds the same one, interrupted. The same is: the same module, options, workload and plan, by the same build on the same engines with the same solver. Interrupted is: it is not
/// finished, and the process that worked on it is gone.
/// </summary>
internal sealed class LocalSubmission(GrainHost host, JobRequest request, string name)
{
    private const string Prefix = "local";

    /// <summary>The silo of a local job is its process.</summary>
    public string SiloOf(string job) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}/{Environment.MachineName}/{Environment.ProcessId}/{job}");

    public async Task<JobRecord> FindOrSubmitAsync(string? traceParent, CancellationToken cancellationToken)
    {
        var specification = new JobSpecification { Options = request.Options, Local = $"{BuildIdentity.Text}; {host.Engines.Names}; solver {Prover.NameOf(host.Solver)}" };
        var module = await PutAsync(request.Module, cancellationToken);
        var job = new NewJob(JobId.New(host.Time), name, module, specification.ToJson())
        {
            Workload = request.Workload is { Source.IsEmpty: false } workload ? await PutAsync(workload.Source, cancellationToken) : null,
            LinkPlan = request.Plan is { } plan ? await PutAsync(plan.ToJson(), cancellationToken) : null,
            MaxAttempts = 1,
            TraceParent = traceParent,
        };
        return await FindAsync(job, cancellationToken)
            ?? await host.AskAsync(token => host.Store.SubmitAsync(job, token), cancellationToken)
            ?? throw new StoreFailedException(new StoreProblem(StoreProblemKind.Unavailable, "the store lost what was just put there"));
    }

    private async Task<BlobHash> PutAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) => await host.AskAsync(token => host.Store.PutBlobAsync(bytes, token), cancellationToken);

    private async Task<JobRecord?> FindAsync(NewJob job, CancellationToken cancellationToken)
    {
        var earlier = await host.AskAsync(token => host.Store.ListJobsAsync(new JobQuery { Module = job.Module }, token), cancellationToken);
        var same = earlier.Where(one => !one.State.IsTerminal() && one.Submitted.Owner is null && one.Submitted.Options == job.Options && one.Submitted.Workload == job.Workload && one.Submitted.LinkPlan == job.LinkPlan).ToList();
        if (same.Count == 0)
        {
            return null;
        }

        var silos = await host.AskAsync(token => host.Store.ListSilosAsync(token), cancellationToken);
        foreach (var candidate in same)
        {
            var owners = silos.Where(silo => silo.Lease.Silo.EndsWith($"/{candidate.Id}", StringComparison.Ordinal)).ToList();
            if (owners.Exists(IsAlive))
            {
                continue;
            }

            // Its claims need not wait until the lease runs out.
            foreach (var owner in owners)
            {
                await host.AskAsync(token => host.Store.RetireSiloAsync(owner.Lease, token), cancellationToken);
            }

            return candidate;
        }

        return null;
    }

    private static bool IsAlive(SiloRecord silo)
    {
        if (!silo.Alive)
        {
            return false;
        }

        var parts = silo.Lease.Silo.Split('/');
        if (parts is not [Prefix, var machine, var process, _] || machine != Environment.MachineName || !int.TryParse(process, CultureInfo.InvariantCulture, out var id))
        {
            return true;
        }

        try
        {
            using var found = Process.GetProcessById(id);
            return !found.HasExited;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}
