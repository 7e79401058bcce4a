using Mewe.Equivalence;
using Mewe.Store;

namespace Mewe.Grains;

/// <summary>What all steps of a job share on one silo: its plan with the decoded module, and what was made from it.</summary>
internal sealed class JobWorkspace
{
    public JobWorkspace(JobPlan plan, TimeSpan planning)
    {
        (Plan, Planning) = (plan, planning);
        Tester = new DifferentialTester(plan.Engines.Target, plan.Module, new TestOptions { Seed = plan.Request.Options.Seed });
        MachineCode = new MachineCodeReading(plan.Engines, plan.Module, wanted: plan.Request.Plan is null);
    }

    public JobPlan Plan { get; }

    /// <summary>Processor time that planning took.</summary>
    public TimeSpan Planning { get; }

    public DifferentialTester Tester { get; }

    public MachineCodeReading MachineCode { get; }
}

/// <summary>The job cannot be worked on by this build, or with what the store has of it. Another attempt here would end the same way.</summary>
internal sealed class UnusableJobException(string message) : Exception(message);

/// <summary>
/// The workspaces of the jobs that a silo works on, the latest few: opening one reads and decodes its module and plan, which must not be done for every function. Memory is bounded by their number and by
/// the limits on modules.
/// </summary>
internal sealed class JobWorkspaces(GrainHost host)
{
    /// <summary>As many jobs as share a silo at a time; more are opened again when their turn comes.</summary>
    private const int Most = 16;

    private readonly Lock gate = new();
    private readonly Dictionary<string, (Lazy<Task<JobWorkspace>> Workspace, long Used)> open = [];
    private long uses;

    /// <summary>The workspace of a planned job.</summary>
    /// <exception cref="UnusableJobException">Its plan or module is missing or of another build.</exception>
    /// <exception cref="EngineFailedException">Its plan names an engine that is not here.</exception>
    public async Task<JobWorkspace> OpenAsync(string job, CancellationToken cancellationToken)
    {
        Lazy<Task<JobWorkspace>> workspace;
        lock (gate)
        {
            workspace = open.TryGetValue(job, out var found) ? found.Workspace : new Lazy<Task<JobWorkspace>>(() => LoadAsync(job));
            open[job] = (workspace, ++uses);
            if (open.Count > Most)
            {
                open.Remove(open.MinBy(pair => pair.Value.Used).Key);
            }
        }

        try
        {
            return await workspace.Value.WaitAsync(cancellationToken);
        }
        catch when (workspace.Value.IsFaulted)
        {
            Forget(job);
            throw;
        }
    }

    /// <summary>Lets go of a job, which is finished.</summary>
    public void Forget(string job)
    {
        lock (gate)
        {
            open.Remove(job);
        }
    }

    private async Task<JobWorkspace> LoadAsync(string job)
    {
        // Several steps wait for it, so none of them can cancel it; a host that is disposed of ends with its process.
        var record = await host.AskAsync(token => host.Store.GetJobAsync(job, token), CancellationToken.None) ?? throw new UnusableJobException("there is no such job any more");
        if (record.Plan is not { } planned)
        {
            throw new UnusableJobException("the job has no plan");
        }

        var request = await RequestAsync(record.Submitted, CancellationToken.None);
        try
        {
            var specification = JobSpecification.Parse(System.Text.Encoding.UTF8.GetBytes(record.Submitted.Options));
            var (plan, planning) = PlanMessage.Read(await BlobAsync(planned, "plan", CancellationToken.None), request, host.Engines.Chosen(specification.Engine, specification.Target));
            return new JobWorkspace(plan, planning);
        }
        catch (MessageFormatException exception)
        {
            throw new UnusableJobException(exception.Message);
        }
    }

    /// <summary>What was submitted, with the blobs that it names.</summary>
    /// <exception cref="UnusableJobException">Something that is stored cannot be read.</exception>
    public async Task<JobRequest> RequestAsync(NewJob submitted, CancellationToken cancellationToken)
    {
        var module = await BlobAsync(submitted.Module, "module", cancellationToken);
        var workload = submitted.Workload is { } file ? await BlobAsync(file, "workload", cancellationToken) : null;
        var plan = submitted.LinkPlan is { } given ? await BlobAsync(given, "given plan", cancellationToken) : null;
        try
        {
            return new JobRequest(
                module,
                JobSpecification.Parse(System.Text.Encoding.UTF8.GetBytes(submitted.Options)).Options,
                workload is null ? null : WorkloadFile.Parse(workload),
                plan is null ? null : LinkPlan.Parse(plan));
        }
        catch (Exception exception) when (exception is MessageFormatException or WorkloadFormatException or PlanFormatException)
        {
            throw new UnusableJobException(exception.Message);
        }
    }

    private async Task<byte[]> BlobAsync(BlobHash hash, string what, CancellationToken cancellationToken) =>
        await host.AskAsync(token => host.Store.GetBlobAsync(hash, token), cancellationToken) ?? throw new UnusableJobException($"the job's {what} is not in the store");
}
