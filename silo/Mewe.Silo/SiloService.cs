using Mewe.Grains;
using Mewe.Store;

namespace Mewe.Silo;

/// <summary>Works on the cluster's jobs until the process is told to end; then it gives back what it has.</summary>
internal sealed class SiloService(SiloSettings settings, OpenedStore store, JobEngines engines, IHostApplicationLifetime lifetime, ILogger<SiloService> logger) : BackgroundService, IStepObserver
{
    private volatile SiloScheduler? scheduler;

    /// <summary>True where another process took this silo's name.</summary>
    public bool WasSuperseded { get; private set; }

    /// <summary>True from the first lease until the silo drains.</summary>
    public bool IsReady => scheduler?.Lease is not null && !lifetime.ApplicationStopping.IsCancellationRequested;

    /// <summary>Steps and functions that are worked on.</summary>
    public int ActiveCount => scheduler?.ActiveCount ?? 0;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            var (lemmas, problem) = await JobLemmas.LoadAsync(store.Lemmas, Prover.DefaultSolver, stoppingToken);
            using var host = new GrainHost(store.Jobs, engines, Prover.DefaultSolver, lemmas, problem, settings.Workers) { Observer = this };
            var options = new SchedulerOptions(settings.Name) { Renewal = settings.Lease / 3, Poll = settings.Lease < JobLimits.Lease ? settings.Lease / 10 : JobLimits.Poll };
            var working = new SiloScheduler(host, options);
            working.Registered += lease => logger.Registered(lease.Silo, lease.Epoch, settings.Workers, engines.Names);
            working.LeaseLost += lease => logger.LeaseLost(lease.Silo, lease.Epoch);
            scheduler = working;
            var end = await working.RunAsync(stoppingToken);
            await host.KeepLemmasAsync(CancellationToken.None);
            if (end == SchedulerEnd.Superseded)
            {
                WasSuperseded = true;
                logger.Superseded(settings.Name);
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
