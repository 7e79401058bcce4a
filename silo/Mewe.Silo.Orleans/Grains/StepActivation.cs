using System.Globalization;
using Mewe.Grains;
using Mewe.Silo.Orleans.Placement;
using Orleans;
using Orleans.Runtime;

namespace Mewe.Silo.Orleans.Grains;

/// <summary>What this silo is, to the grains on it.</summary>
internal sealed class SiloHere(PushScheduler scheduler, ILocalSiloDetails details)
{
    private readonly string address = details.SiloAddress.ToParsableString();

    public PushScheduler Scheduler => scheduler;

    public SiloLoad Load => new(address, scheduler.Load, scheduler.Workers);
}

/// <summary>
/// A step on the silo where its grain was activated: handed to the silo's own queue, whose workers run <see cref="FunctionGrain"/> and <see cref="LinkerGrain"/> on their own threads. Nothing here computes, and no call waits.
/// An activation that is lost loses nothing: the work goes on and its result is written under its claim.
/// </summary>
internal abstract class StepActivation(SiloHere here) : Grain, IStepGrain
{
    private SentStep? step;
    private StepStatus last = StepStatus.Idle;

    /// <summary>The job of the step, and the function; null for linking.</summary>
    protected abstract (string Job, int? Function) Step { get; }

    public Task<BeginAnswer> BeginAsync(StepOrder order, CancellationToken cancellationToken)
    {
        if (step is not null)
        {
            return Task.FromResult(new BeginAnswer(BeginOutcome.Accepted, here.Load));
        }

        var (job, function) = Step;
        var sent = new SentStep(job, function, order.Priority, order.Weight, order.Cost);
        if (!here.Scheduler.TrySend(sent))
        {
            DeactivateOnIdle(); // so that the next call finds another silo
            return Task.FromResult(new BeginAnswer(BeginOutcome.Busy, here.Load));
        }

        step = sent;
        _ = ObserveAsync(sent);
        return Task.FromResult(new BeginAnswer(BeginOutcome.Accepted, here.Load));
    }

    public Task<int> StatusAsync(CancellationToken cancellationToken)
    {
        if (step is null)
        {
            DeactivateOnIdle();
        }

        return Task.FromResult((int)(step is null ? last : step.IsTaken ? StepStatus.Working : StepStatus.Waiting));
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        var (job, function) = Step;
        here.Scheduler.Work.Stop(job, function);
        if (step is null)
        {
            DeactivateOnIdle();
        }

        return Task.CompletedTask;
    }

    /// <summary>Goes on in the grain's own turns, beside its calls.</summary>
    private async Task ObserveAsync(SentStep sent)
    {
        last = await sent.Ended;
        step = null;
        await GrainFactory.GetGrain<IJobGrain>(sent.Job).EndedAsync(new StepEnded(sent.Function, (int)last, sent.Worked, here.Load));
        DeactivateOnIdle();
    }
}

/// <summary>A function of a job on some silo.</summary>
[GrainType("function"), ScatteredPlacement, KeepAlive]
internal sealed class FunctionActivation(SiloHere here) : StepActivation(here), IFunctionGrain
{
    protected override (string Job, int? Function) Step
    {
        get
        {
            var key = this.GetPrimaryKeyString();
            var slash = key.LastIndexOf('/');
            return (key[..slash], int.Parse(key.AsSpan(slash + 1), CultureInfo.InvariantCulture));
        }
    }
}

/// <summary>The linking of a job on some silo.</summary>
[GrainType("linker"), ScatteredPlacement, KeepAlive]
internal sealed class LinkerActivation(SiloHere here) : StepActivation(here), ILinkerGrain
{
    protected override (string Job, int? Function) Step => (this.GetPrimaryKeyString(), null);
}
