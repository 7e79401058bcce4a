using System.Collections.Immutable;
using Mewe.Client.Output;
using Mewe.Execution;
using Mewe.Execution.Node;
using Mewe.Execution.Wasmtime;
using Mewe.Grains;

namespace Mewe.Client;

/// <summary>Which engines a command was asked to use.</summary>
/// <param name="Engine"><c>v8</c>, <c>wasmtime</c>, <c>both</c>; null for whatever is there.</param>
/// <param name="Target"><c>v8</c>, <c>wasmtime</c> or <c>any</c>.</param>
internal sealed record EngineChoice(string? Engine, string Target)
{
    public const string V8 = "v8", Wasmtime = "wasmtime", Both = "both", Any = "any";

    public bool Wants(string engine) => Engine is null or Both || Engine == engine;
}

/// <summary>The engines of a command, started; to be disposed of.</summary>
internal sealed class StartedEngines : IAsyncDisposable
{
    private readonly ImmutableArray<IWasmEngine> engines;

    private StartedEngines(ImmutableArray<IWasmEngine> engines, string target)
    {
        this.engines = engines;
        var first = engines.FirstOrDefault(engine => engine.Info.Name == target) ?? engines[0];
        Set = new JobEngines(first, engines.Remove(first));
    }

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

        var started = ImmutableArray.CreateBuilder<IWasmEngine>();
        var missing = new List<(string Name, EngineFailure Failure)>();
        if (choice.Wants(EngineChoice.V8))
        {
            Add(EngineChoice.V8, (await NodeEngine.StartAsync(new NodeEngineOptions { Workers = workers }, cancellationToken)).TryGet(out var v8, out var failure) ? v8 : null, failure);
        }

        if (choice.Wants(EngineChoice.Wasmtime))
        {
            Add(EngineChoice.Wasmtime, WasmtimeEngine.Start(new WasmtimeEngineOptions { Workers = workers }).TryGet(out var wasmtime, out var failure) ? wasmtime : null, failure);
        }

        if (missing.Count > 0 && (choice.Engine is not null || started.Count == 0 || missing.Exists(engine => engine.Name == choice.Target)))
        {
            foreach (var engine in started)
            {
                await engine.DisposeAsync();
            }

            throw new CommandException(ExitCode.Unavailable, string.Join("; ", missing.Select(engine => $"{engine.Name} cannot be used: {engine.Failure.Message}")));
        }

        foreach (var engine in missing)
        {
            // Whoever says where an engine is wants to know that it is not; who has never heard of it does not want to read about it on every run.
            var isNamed = Environment.GetEnvironmentVariable(engine.Name == EngineChoice.V8 ? NodeLocator.Variable : WasmtimeLibrary.Variable) is not null;
            output.Note(isNamed ? $"{engine.Name} is not used: {engine.Failure.Message}" : $"{engine.Name} is not used, since it was not found (`mewe engines` says more)");
        }

        return new StartedEngines(started.ToImmutable(), choice.Target);

        void Add(string name, IWasmEngine? engine, EngineFailure? failure)
        {
            if (engine is not null)
            {
                started.Add(engine);
            }
            else
            {
                missing.Add((name, failure!));
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var engine in engines)
        {
            await engine.DisposeAsync();
        }
    }
}
