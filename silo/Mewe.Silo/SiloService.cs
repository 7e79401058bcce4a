using Mewe.Grains;
using Mewe.Store;

namespace Mewe.Silo;

/// <summary>Works on the cluster's jobs until the process is told to end; then it gives back what it has.</summary>
internal sealed class SiloService(
    SiloSettings settings, OpenedStore store, JobEngines engines, SchedulerChoice choice, IServiceProvider services, IHostApplicationLifetime lifetime, ILogger<SiloService> logger) : BackgroundService, IStepObserver
{
    private volatile ISiloScheduler? scheduler;

    /// <summary>Why the silo ended though nobody told it to; null where somebody did.</summary>
    public string? Problem { get; private set; }

    /// <summary>True from the first lease until the silo drains.</summary>
    public bool IsReady => scheduler?.IsReady == true && !lifetime.ApplicationStopping.IsCancellationRequested;

    /// <summary>Steps and functions that are worked on.</summary>
    public int ActiveCount => scheduler?.Work.ActiveCount ?? 0;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            var (lemmas, problem) = await JobLemmas.LoadAsync(store.Lemmas, Prover.DefaultSolver, stoppingToken);
            using var host = new GrainHost(store.Jobs, engines, Prover.DefaultSolver, lemmas, problem, settings.Workers) { Observer = this };
            var options = new SchedulerOptions(settings.Name) { Scheduler = choice.Name, Lease = settings.Lease, Renewal = settings.Lease / 3, Poll = settings.Lease < JobLimits.Lease ? settings.Lease / 10 : JobLimits.Poll };
            var working = choice.Scheduling?.Create(new SchedulerParts(host, options, store, services, choice.Parsed)) ?? new SiloScheduler(host, options);
            working.Work.Registered += lease => logger.Registered(lease.Silo, lease.Epoch, settings.Workers, engines.Names, choice.Name);
            working.Work.LeaseLost += lease => logger.LeaseLost(lease.Silo, lease.Epoch);
            working.Work.Refused += other => Problem =
                $"silo {other.Lease.Silo} works on this store with the scheduler {other.Scheduler}, this one has {choice.Name}: say --scheduler {other.Scheduler}, or end the others first";
            scheduler = working;
            var end = await working.RunAsync(stoppingToken);
            await host.KeepLemmasAsync(CancellationToken.None);
            if (end == SchedulerEnd.Superseded)
            {
                Problem = $"another process has the name {settings.Name}";
                logger.Superseded(settings.Name);
                lifetime.StopApplication();
                return;
            }

            if (end == SchedulerEnd.Refused)
            {
                lifetime.StopApplication();
                return;
            }

            logger.Drained(settings.Name);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // It was told to end before it had begun.
        }
        catch (Exception exception)
        {
            Problem = $"the scheduler failed: {exception.Message}";
            logger.SchedulerFailed(exception);
            lifetime.StopApplication();
        }
    }

    void IStepObserver.Phase(Grains.JobProgress progress)
    {
    }

    void IStepObserver.Tested(int candidates)
    {
    }

    void IStepObserver.FunctionDone(FunctionCandidates candidates) => logger.FunctionDone(candidates.Name, candidates.Function, candidates.Count, candidates.Refuted.Length);

    void IStepObserver.FunctionFailed(WorkError error) => logger.FunctionFailed(error.Kind, error.Message);

    void IStepObserver.Defect(Exception exception) => logger.Defect(exception);

    void IStepObserver.StoreFailed(StoreProblem problem) => logger.StoreFailed(problem.Message);
}
