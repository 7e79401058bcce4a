using System.Collections.Immutable;
using Mewe.Execution;
using Mewe.Execution.Node;
using Mewe.Execution.Wasmtime;

namespace Mewe.Grains;

/// <summary>Which engines are wanted.</summary>
/// <param name="Engine"><c>v8</c>, <c>wasmtime</c>, <c>both</c>; null for whatever is there.</param>
/// <param name="Target"><c>v8</c>, <c>wasmtime</c> or <c>any</c>.</param>
public sealed record EngineChoice(string? Engine, string Target)
{
    public const string V8 = "v8", Wasmtime = "wasmtime", Both = "both", Any = "any";

    /// <summary>Whatever is there.</summary>
    public static EngineChoice Everything { get; } = new(null, Any);

    public bool Wants(string engine) => Engine is null or Both || Engine == engine;
}

/// <summary>An engine that was wanted and cannot be used.</summary>
public sealed record MissingEngine(string Name, EngineFailure Failure);

/// <summary>The engines of a process, started; to be disposed of.</summary>
public sealed class EngineSet : IAsyncDisposable
{
    private readonly ImmutableArray<IWasmEngine> engines;

    private EngineSet(ImmutableArray<IWasmEngine> engines, ImmutableArray<MissingEngine> missing, string target)
    {
        (this.engines, Missing) = (engines, missing);
        if (!engines.IsEmpty)
        {
            var first = engines.FirstOrDefault(engine => engine.Info.Name == target) ?? engines[0];
            Engines = new JobEngines(first, engines.Remove(first));
        }
    }

    /// <summary>The target first: the one that was named, else V8 where it is there. Null where there is none.</summary>
    public JobEngines? Engines { get; }

    /// <summary>Those that were wanted and cannot be used, and why.</summary>
    public ImmutableArray<MissingEngine> Missing { get; }

    /// <summary>Starts what is wanted and there.</summary>
    /// <param name="workers">Requests that each engine works on at a time.</param>
    public static async Task<EngineSet> StartAsync(EngineChoice choice, int workers, CancellationToken cancellationToken)
    {
        var started = ImmutableArray.CreateBuilder<IWasmEngine>();
        var missing = ImmutableArray.CreateBuilder<MissingEngine>();
        if (choice.Wants(EngineChoice.V8))
        {
            Add(EngineChoice.V8, (await NodeEngine.StartAsync(new NodeEngineOptions { Workers = workers }, cancellationToken)).TryGet(out var v8, out var failure) ? v8 : null, failure);
        }

        if (choice.Wants(EngineChoice.Wasmtime))
        {
            Add(EngineChoice.Wasmtime, WasmtimeEngine.Start(new WasmtimeEngineOptions { Workers = workers }).TryGet(out var wasmtime, out var failure) ? wasmtime : null, failure);
        }

        return new EngineSet(started.ToImmutable(), missing.ToImmutable(), choice.Target);

        void Add(string name, IWasmEngine? engine, EngineFailure? failure)
        {
            if (engine is not null)
            {
                started.Add(engine);
            }
            else
            {
                missing.Add(new MissingEngine(name, failure!));
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
