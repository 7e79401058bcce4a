using Orleans;
using Orleans.Concurrency;

namespace Mewe.Silo.Orleans;

/// <summary>What a step is to know of its job. No bytes of modules: they are in the store, by their hashes.</summary>
/// <param name="Priority">Of the job.</param>
/// <param name="Weight">Of the job.</param>
/// <param name="Cost">Of the function: of a job's functions on a silo the dearest goes first.</param>
[GenerateSerializer, Immutable, Alias("mewe.StepOrder")]
public sealed record StepOrder([property: Id(0)] int Priority, [property: Id(1)] int Weight, [property: Id(2)] long Cost);

/// <summary>What came of beginning a step.</summary>
[GenerateSerializer, Alias("mewe.BeginOutcome")]
public enum BeginOutcome
{
    /// <summary>It waits for a worker there, or has one.</summary>
    Accepted,

    /// <summary>The silo has too much to do, or is about to end: the next call finds another one.</summary>
    Busy,
}

/// <summary>Where a step is now.</summary>
/// <param name="Load">Of the silo that answers.</param>
[GenerateSerializer, Immutable, Alias("mewe.BeginAnswer")]
public sealed record BeginAnswer([property: Id(0)] BeginOutcome Outcome, [property: Id(1)] SiloLoad Load);

/// <summary>A step of a job on some silo: begun, observed, stopped. No call lasts longer than it takes to note it, whatever the work takes.</summary>
public interface IStepGrain : IGrainWithStringKey
{
    /// <summary>Begins the step on the silo where the grain is; once more has no effect. Its job hears of the end.</summary>
    [Alias("Begin")]
    Task<BeginAnswer> BeginAsync(StepOrder order, CancellationToken cancellationToken = default);

    /// <summary>Where the work stands: a number of Mewe.Grains.StepStatus.</summary>
    [Alias("Status")]
    Task<int> StatusAsync(CancellationToken cancellationToken = default);

    /// <summary>Stops the work, within a second or two; what it has computed by then is dropped.</summary>
    [Alias("Stop")]
    Task StopAsync(CancellationToken cancellationToken = default);
}

/// <summary>Works on one function. Its key is JOB/INDEX.</summary>
[Alias("mewe.IFunctionGrain")]
public interface IFunctionGrain : IStepGrain;

/// <summary>Links a job. Its key is the job's id.</summary>
[Alias("mewe.ILinkerGrain")]
public interface ILinkerGrain : IStepGrain;
