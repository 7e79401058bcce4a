using Mewe.Client.Output;
using Mewe.Execution.Node;
using Mewe.Execution.Wasmtime;
using Mewe.Grains;

namespace Mewe.Client;

/// <summary>The engines of a command, started; to be disposed of.</summary>
internal sealed class StartedEngines : IAsyncDisposable
{
    private readonly EngineSet engines;

    private StartedEngines(EngineSet engines) => (this.engines, Set) = (engines, engines.Engines!);

    /// <summary>The target first: the one that was named, else V8 where it is there.</summary>
    public JobEngines Set { get; }

    /// <summary>Starts what was asked for. What was not named and is not there is left out, and said.</summary>
    /// <param name="workers">Requests that each engine works on at a time.</param>
    /// <exception cref="CommandException">An engine that was named is not there, or none is.</exception>
    public static async Task<StartedEngines> StartAsync(EngineChoice choice, int workers, CommandOutput output, CancellationToken cancellationToken)
    {
        if (choice.Target != EngineChoice.Any && !choice.Wants(choice.Target))
        {
            throw new CommandException(ExitCode.Usage, $"--target {choice.Target} needs that engine, and --engine {choice.Engine} leaves it out");
        }

        var started = await EngineSet.StartAsync(choice, workers, cancellationToken);
        var missing = started.Missing;
        if (!missing.IsEmpty && (choice.Engine is not null || started.Engines is null || missing.Any(engine => engine.Name == choice.Target)))
        {
            await started.DisposeAsync();
            throw new CommandException(ExitCode.Unavailable, string.Join("; ", missing.Select(engine => $"{engine.Name} cannot be used: {engine.Failure.Message}")));
        }

        foreach (var engine in missing)
        {
            // Whoever says where an engine is wants to know that it is not; who has never heard of it does not want to read about it on every run.
            var isNamed = Environment.GetEnvironmentVariable(engine.Name == EngineChoice.V8 ? NodeLocator.Variable : WasmtimeLibrary.Variable) is not null;
            output.Note(isNamed ? $"{engine.Name} is not used: {engine.Failure.Message}" : $"{engine.Name} is not used, since it was not found (`mewe engines` says more)");
        }

        return new StartedEngines(started);
    }

    public ValueTask DisposeAsync() => engines.DisposeAsync();
}
